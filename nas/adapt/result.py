"""The result of an adaptation and its files: `best.yaml`, `adapt.yaml` and `history.csv`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas.files import yaml
from nas.files.csv import write_csv
from nas.files.provenance import provenance
from nas.files.records import read_record
from nas.files.resources import BEST, named
from nas.latency.device import Device
from nas.space.arch import Arch

if TYPE_CHECKING:
    from nas.adapt.netadapt import NetAdapt
    from nas.train.final import Final

FACTS, HISTORY = "adapt.yaml", "history.csv"
HISTORY_COLUMNS = ("step", "knob", "before", "after", "predicted_ms", "top1", "taken", "error")
"""One row for each proposal, and one for the start."""
KEYS = {"schema", "command", "date", "versions", "before", "after", "device"}
"""Keys of `adapt.yaml` that are no facts about the method."""


@dataclass(frozen=True, slots=True)
class JudgedTop1:
    """Top-1 accuracy on the validation images, in percent."""

    before: float
    after_the_steps: float


@dataclass(frozen=True, slots=True)
class EstimatedTop1:
    """Estimated ImageNet top-1 in percent, and its standard deviation."""

    top1: float
    sd: float
    distilled_top1: float | None = None
    """With a teacher; None in results that have no such estimate, as `distilled_sd`."""
    distilled_sd: float | None = None


@dataclass(frozen=True, slots=True)
class _Network:
    name: str
    arch_id: str
    predicted_ms: float
    params: int
    macs: int


@dataclass(frozen=True, slots=True)
class _WithInterval(_Network):
    low_ms: float
    high_ms: float


@dataclass(frozen=True, slots=True)
class _Device:
    name: str


@dataclass(frozen=True, slots=True)
class _Document:
    """Keys of `adapt.yaml` for every method."""

    how: str
    before: _Network
    after: _WithInterval
    device: _Device


@dataclass(frozen=True, slots=True)
class _NetAdapt(_Document):
    steps: int
    proposals: int
    judged_top1: JudgedTop1


@dataclass(frozen=True, slots=True)
class _Knapsack(_Document):
    criterion: str
    optimality_gap: float


@dataclass(frozen=True, slots=True)
class _Surrogate(_Document):
    estimated_imagenet: EstimatedTop1


METHODS: Mapping[Any, type[_Document]] = {
    "netadapt": _NetAdapt,
    "knapsack": _Knapsack,
    "surrogate": _Surrogate,
}


@dataclass(frozen=True, slots=True)
class Adaptation:
    """A network before and after its widths were changed."""

    before: Arch
    after: Arch
    device: Device
    facts: Mapping[str, Any]
    """What `adapt.yaml` records about the method."""
    path: Path
    """The folder of the result."""
    job: NetAdapt | None = None
    """The steps of this run; None for other methods, and for a result that was read."""
    final: Final | None = None
    """The training at the end; None without images."""


def write_adaptation(folder: Path, made: Adaptation, command: Sequence[str]) -> None:
    """Write the table, the history and the facts."""
    made.after.to_yaml(folder / BEST)
    if made.job:
        write_csv(folder / HISTORY, HISTORY_COLUMNS, made.job.tried())
    old, new = made.device.predict(made.before), made.device.predict(made.after)
    interval = {"low_ms": round(new.low_ms, 4), "high_ms": round(new.high_ms, 4)}
    content = provenance(command, "torch") | {
        "before": _network(made.before, old.ms),
        "after": _network(made.after, new.ms) | interval,
        "device": _device(made.device),
        **made.facts,
    }
    yaml.write(folder / FACTS, content)


def read_document(folder: Path) -> dict[str, Any]:
    """The content of `adapt.yaml`.

    Raises:
        DocumentError: it is damaged.
    """
    path = folder / FACTS
    content = yaml.read(path)
    read_record(METHODS.get(content.get("how"), _Document), content, str(path), closed=False)
    return content


def read_facts(folder: Path) -> dict[str, Any]:
    """Facts about the method, as `write_adaptation` recorded them.

    Raises:
        DocumentError: `adapt.yaml` is damaged.
    """
    return {key: own for key, own in read_document(folder).items() if key not in KEYS}


def netadapt_facts(job: NetAdapt) -> dict[str, Any]:
    """Facts about the steps of a run."""
    steps = job.steps()
    top1 = {"before": round(steps[0].top1, 2), "after_the_steps": round(steps[-1].top1, 2)}
    counts = {"steps": len(steps) - 1, "proposals": len(job.tried()) - 1}
    return {"how": "netadapt", "plan": asdict(job.plan), **counts, "judged_top1": top1}


def _device(device: Device) -> dict[str, str]:
    """Name and content hash, and the path of a device that is not shipped."""
    shipped = str(named("device").get(device.name)) == device.origin
    path = {} if shipped or not device.origin else {"path": device.origin}
    return {"name": device.name, "hash": device.content_hash} | path


def _network(arch: Arch, ms: float) -> dict[str, Any]:
    sizes = {"params": arch.params, "macs": arch.macs}
    return {"name": arch.name, "arch_id": arch.arch_id, "predicted_ms": round(ms, 4), **sizes}
