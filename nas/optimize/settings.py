"""What identifies a search without training: the contents of its files, limits and a seed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas.files.resources import DEVICE, SPACE, SURROGATE
from nas.files.settings import RunInputs

if TYPE_CHECKING:
    from nas.optimize.pricing import Pricing

FILES = ("space", "device", "surrogate")
DEFAULTS = {"confidence": None, "seed": 0, "caution": 1.0}


def inputs(search: Mapping[str, Any]) -> RunInputs:
    """Of the arguments of `nas.optimize.search`."""
    pricing = _pricing(search)
    contents = {
        "space": pricing.space.space_hash,
        "device": ", ".join(device.content_hash for device in pricing.devices),
        "surrogate": pricing.surrogate.content_hash,
    }
    values = DEFAULTS | {
        key: asdict(own) if key == "settings" and own else own
        for key, own in search.items()
        if key not in FILES
    }
    return RunInputs(contents, values | {"budget_ms": _budgets(search)})


def result_name(search: Mapping[str, Any], data: str = "") -> str:
    """Name of a result that says what was asked for: `mobile-iphone12-lut-1ms-digits`."""
    from nas.optimize.run import each_device

    space, confidence = search.get("space", SPACE), search.get("confidence")
    devices = (
        Path(device).name if isinstance(device, str | Path) else device.name
        for device in each_device(search.get("device", DEVICE))
    )
    parts = [Path(space).stem if isinstance(space, str | Path) else space.name, *devices]
    parts += [f"{ms:g}ms" for ms in _budgets(search)]
    parts += [] if confidence is None else [f"p{confidence:g}"]
    return "-".join([*parts, data] if data else parts)


def _budgets(search: Mapping[str, Any]) -> list[float]:
    found = search["budget_ms"]
    return [float(found)] if isinstance(found, Real) else list(found)


def _pricing(search: Mapping[str, Any]) -> Pricing:
    from nas.optimize.run import pricing_of

    parts = zip(FILES, (SPACE, DEVICE, SURROGATE), strict=True)
    return pricing_of(*(search.get(key, default) for key, default in parts))
