"""What a search without training depends on: the contents of its files, limits and a seed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nas import library
from nas.files.settings import RunInputs

FILES = ("space", "device", "surrogate")


def inputs(asked: Mapping[str, Any]) -> RunInputs:
    """Of the arguments of `nas.optimize`, its files as names or paths."""
    devices = [library.load_device(device).content_hash for device in asked["device"]]
    contents = {
        "space": library.load_space(asked["space"]).space_hash,
        "device": ", ".join(devices),
        "surrogate": library.load_surrogate(asked["surrogate"]).content_hash,
    }
    return RunInputs(contents, {key: own for key, own in asked.items() if key not in FILES})
