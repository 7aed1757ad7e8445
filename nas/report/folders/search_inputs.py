"""Load again what a search used: devices, surrogate, and known networks of its space.

An input whose content has changed since the search is used with a caution.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas import library
from nas.errors import NasError
from nas.optimize import Candidate
from nas.optimize.run import assess, known_points
from nas.report.folders.result_list import device_entries
from nas.report.folders.search import SearchFolder
from nas.space.arch import Arch

if TYPE_CHECKING:
    from nas.accuracy import Surrogate
    from nas.latency.device import Device


@dataclass(frozen=True, slots=True)
class SearchInputs:
    """Inputs of a search that are available here."""

    devices: tuple[Device, ...]
    """The search's own first; missing devices are left out."""
    surrogate: Surrogate | None
    seeds: tuple[Arch, ...]
    """Shipped networks that the space contains."""
    cautions: tuple[str, ...]

    def device(self, name: str) -> Device | None:
        """A device by name."""
        return next((device for device in self.devices if device.name == name), None)

    def assessed(self, device: Device) -> list[Candidate]:
        """Assess the known networks on a device, fastest first; empty without a surrogate."""
        if self.surrogate is None:
            return []
        found = [assess(arch, device, self.surrogate) for arch in self.seeds]
        return sorted(found, key=lambda candidate: candidate.ms)


def load_inputs(result: SearchFolder) -> SearchInputs:
    """Load everything that a search's folder names."""
    study, cautions = result.study, list[str]()
    entries = [study["device"], *study.get("others", [])]
    devices = [
        device
        for entry in entries
        if (device := _found("device", library.load_device, entry, "content_hash", cautions))
    ]
    surrogate = _found(
        "surrogate", library.load_surrogate, study["surrogate"], "content_hash", cautions
    )
    space = _found("space", library.load_space, study["space"], "space_hash", cautions)
    seeds = tuple(known_points(space)) if space else ()
    return SearchInputs(tuple(devices), surrogate, seeds, tuple(cautions))


def device_of(folder: Path) -> tuple[Device | None, list[str]]:
    """The device that a result was made for (the first of several), and cautions about it.

    Raises:
        DocumentError: the result is damaged.
    """
    cautions: list[str] = []
    first = next(iter(device_entries(folder)), None)
    if first is None:
        return None, cautions
    entry = {key: value for key, value in asdict(first).items() if value}
    return _found("device", library.load_device, entry, "content_hash", cautions), cautions


def found_device(name: str) -> Device | None:
    """Load a device by name; None if it is missing."""
    try:
        return library.load_device(name)
    except NasError:
        return None


def _found(
    what: str,
    load: Callable[[str], Any],
    entry: Mapping[str, Any],
    content: str,
    cautions: list[str],
) -> Any:
    """Load an input; add a caution if it is missing (then None) or has changed."""
    name, before = entry["name"], entry.get("hash")
    try:
        found = load(entry.get("path", name))
    except NasError as error:
        cautions.append(
            f"The {what} {name} is missing, and so are figures that depend on it: {error}"
        )
        return None
    now = getattr(found, content)
    if before and now != before:
        cautions.append(
            f"The {what} {name} has changed since this result was made (hash {now}, was {before});"
            " known networks, rows and other devices are computed with its present content."
        )
    return found
