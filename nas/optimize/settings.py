"""What identifies a search without training: the contents of its files, limits and a seed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas.files.output import name_parts
from nas.files.resources import DEVICE, SPACE, SURROGATE, What, find
from nas.files.settings import RunInputs

if TYPE_CHECKING:
    from nas.optimize.pricing import Pricing

FILES: tuple[What, ...] = ("space", "device", "surrogate")
DEFAULTS: dict[str, Any] = {"confidence": None, "seed": 0, "caution": 1.0, "avoid": []}


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
    values |= {"budget_ms": _budgets(search), "avoid": list(search.get("avoid") or [])}
    return RunInputs(contents, values)


def check_found(search: Mapping[str, Any]) -> None:
    """Check that the space, devices and surrogate exist, without reading them.

    Raises:
        UnknownNameError: with the nearest names.
        DocumentError: a path that does not exist.
    """
    for what in FILES:
        given = search.get(what, ())
        for name in given if isinstance(given, list | tuple) else [given]:
            if isinstance(name, str | Path):
                find(what, name)


def result_name(search: Mapping[str, Any], *training: str) -> str:
    """Name of a result that says what was asked for: `mobile-iphone12-lut-1ms-digits`.

    It holds every setting that is not the default; `training` are parts about a training.
    """
    from nas.optimize.run import each_device

    space = _name(search.get("space", SPACE))
    surrogate = _name(search.get("surrogate", SURROGATE))
    devices = map(_name, each_device(search.get("device", DEVICE)))
    parts = [space, *devices, *(f"{ms:g}ms" for ms in _budgets(search))]
    parts += [] if (p := search.get("confidence")) is None else [f"p{p:g}"]
    for name in ("params", "macs", "peak"):
        most = search.get(f"max_{name}", inf)
        parts += [f"{most / 1e6:g}M{name}"] if most < inf else []
    parts += [surrogate] if surrogate != SURROGATE else []
    others = {key: own for key, own in DEFAULTS.items() if key not in ("confidence", "avoid")}
    parts += [f"avoid-{name}" for name in search.get("avoid") or ()]
    return "-".join([*parts, *name_parts(search, others), *training])


def _name(found: Any) -> str:
    """Name of a space, device or surrogate that is given by name, as a path or loaded."""
    if not isinstance(found, str | Path):
        return str(found.name)
    path = Path(found)
    return path.stem if path.suffix == ".yaml" else path.name


def _budgets(search: Mapping[str, Any]) -> list[float]:
    from nas.optimize.run import each_budget

    return each_budget(search["budget_ms"])


def _pricing(search: Mapping[str, Any]) -> Pricing:
    from nas.optimize.run import pricing_of

    parts = zip(FILES, (SPACE, DEVICE, SURROGATE), strict=True)
    return pricing_of(*(search.get(key, default) for key, default in parts))
