"""The folder of an adapted network: `adapt.yaml`, `history.csv`, the pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nas.adapt.netadapt import NetAdapt
from nas.files import yaml
from nas.files.provenance import provenance
from nas.files.records import read_record
from nas.files.resources import BEST
from nas.latency.device import Device
from nas.report.plots.widths import save_accuracy, save_widths, write_history
from nas.space.arch import Arch

KEYS = {"schema", "command", "date", "versions", "before", "after", "device"}
"""Keys of `adapt.yaml` that do not describe the adaptation itself."""


@dataclass(frozen=True, slots=True)
class JudgedTop1:
    """Top-1 accuracy on the validation images, in percent."""

    before: float
    after_the_steps: float


@dataclass(frozen=True, slots=True)
class _Adapted:
    """Keys of `adapt.yaml` on how the widths were found."""

    how: str


@dataclass(frozen=True, slots=True)
class _NetAdapt(_Adapted):
    steps: int
    proposals: int
    judged_top1: JudgedTop1


@dataclass(frozen=True, slots=True)
class _Knapsack(_Adapted):
    criterion: str
    optimality_gap: float


HOW: Mapping[Any, type[_Adapted]] = {"netadapt": _NetAdapt, "knapsack": _Knapsack}


def write_adapted(
    folder: Path,
    before: Arch,
    after: Arch,
    device: Device,
    command: Sequence[str],
    facts: Mapping[str, Any],
) -> None:
    """Write the table, the settings, and the plot of the widths."""
    after.to_yaml(folder / BEST)
    found, old = device.predict(after), device.predict(before)
    content: Mapping[str, Any] = provenance(command, "torch") | {
        "before": _facts(before, old.ms),
        "after": _facts(after, found.ms)
        | {"low_ms": round(found.low_ms, 4), "high_ms": round(found.high_ms, 4)},
        "device": {"name": device.name, "hash": device.content_hash},
        **facts,
    }
    yaml.write(folder / "adapt.yaml", content)
    save_widths(folder / "widths.png", before, after)


def read_facts(folder: Path) -> dict[str, Any]:
    """The `facts` that `write_adapted` was given for a finished adaptation.

    Raises:
        DocumentError: `adapt.yaml` is damaged.
    """
    path = folder / "adapt.yaml"
    content = yaml.read(path)
    read_record(HOW.get(content.get("how"), _Adapted), content, str(path), closed=False)
    return {key: own for key, own in content.items() if key not in KEYS}


def _facts(arch: Arch, ms: float) -> dict[str, Any]:
    sizes = {"params": arch.params, "macs": arch.macs}
    return {"name": arch.name, "arch_id": arch.arch_id, "predicted_ms": round(ms, 4), **sizes}


def write_steps(folder: Path, job: NetAdapt) -> dict[str, Any]:
    """Write the history of a run and its curve; return the facts for `adapt.yaml`."""
    rows, steps = job.tried(), job.steps()
    write_history(folder / "history.csv", rows)
    tried = [(row["predicted_ms"], row["top1"]) for row in rows if row.get("top1") is not None]
    save_accuracy(folder / "accuracy.png", steps, tried, job.predictor.name, job.plan.budget_ms)
    judged = {"before": round(steps[0].top1, 2), "after_the_steps": round(steps[-1].top1, 2)}
    counts = {"steps": len(steps) - 1, "proposals": len(rows) - 1}
    return {"how": "netadapt", "plan": asdict(job.plan), **counts, "judged_top1": judged}
