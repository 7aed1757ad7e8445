"""What a result only names, found again: devices, surrogate, and the known networks of its space.

What has another content than when the search ran is used, and said.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nas import library
from nas.errors import NasError
from nas.optimize import Candidate
from nas.optimize.run import assess, known_points
from nas.report.folders.search import SearchFolder
from nas.space.arch import Arch

if TYPE_CHECKING:
    from nas.accuracy import Surrogate
    from nas.latency.device import Device


@dataclass(frozen=True, slots=True)
class SearchInputs:
    """What was found of what a result names."""

    devices: tuple[Device, ...]
    """The search's first; those that are not there are left out."""
    surrogate: Surrogate | None
    seeds: tuple[Arch, ...]
    """Shipped networks that are points of the space."""
    cautions: tuple[str, ...]

    def device(self, name: str) -> Device | None:
        """A device by name."""
        return next((device for device in self.devices if device.name == name), None)

    def assessed(self, device: Device) -> list[Candidate]:
        """The known networks on a device, fastest first; none without a surrogate."""
        if self.surrogate is None:
            return []
        found = [assess(arch, device, self.surrogate) for arch in self.seeds]
        return sorted(found, key=lambda candidate: candidate.ms)


def load_inputs(result: SearchFolder) -> SearchInputs:
    """Look for everything that a result names."""
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


def found_device(name: str) -> Device | None:
    """A device by name; None where it is not here."""
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
    """The named one, or None; a caution where it is missing or differs."""
    name, before = entry["name"], entry["hash"]
    try:
        found = load(entry.get("path", name))
    except NasError as error:
        cautions.append(f"The {what} {name} is not here, nor what follows from it: {error}")
        return None
    now = getattr(found, content)
    if now != before:
        cautions.append(
            f"The {what} {name} has changed since the search (hash {now}, then {before});"
            " known networks, rows and other devices are shown by it as it is now."
        )
    return found
