"""The steps of a NetAdapt run on disk: one folder each, written atomically."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

from nas.files.resources import WEIGHTS
from nas.space.arch import Arch, read_arch
from nas.study.owner import FOLDER as WORKERS

STEPS = "steps"
START = "start.safetensors"
TABLE, FACTS = "network.yaml", "step.json"


@dataclass(frozen=True, slots=True)
class Step:
    """The network after one step of a run; step 0 is the start."""

    number: int
    arch: Arch
    weights: Path
    ms: float
    """Predicted latency."""
    top1: float
    """Top-1 in percent on the validation images, after the short training."""
    group: str = ""
    """Name of the width group that the step changed."""
    before: int = 0
    after: int = 0
    """Width of the group before and after the step."""


def all_steps(folder: Path) -> list[Step]:
    """The start and the steps so far."""
    return [_read(path) for path in sorted((folder / STEPS).glob("[0-9]*"))]


def write_step(folder: Path, step: Step) -> None:
    """Write a step atomically, with a copy of its weights."""
    (folder / STEPS).mkdir(parents=True, exist_ok=True)
    draft = Path(mkdtemp(prefix=".", dir=folder / STEPS))
    step.arch.to_yaml(draft / TABLE)
    shutil.copyfile(step.weights, draft / WEIGHTS)
    facts = {
        "number": step.number,
        "ms": step.ms,
        "top1": step.top1,
        "knob": step.group,
        "before": step.before,
        "after": step.after,
    }
    (draft / FACTS).write_text(json.dumps(facts) + "\n", encoding="utf-8")
    draft.replace(folder / STEPS / f"{step.number:04d}")


def remove_run_files(folder: Path) -> None:
    """Remove what only resuming the run needs; keep its history and the last weights."""
    for weights in (folder / START, *sorted((folder / STEPS).glob(f"*/{WEIGHTS}"))[:-1]):
        weights.unlink(missing_ok=True)
    shutil.rmtree(folder / WORKERS, ignore_errors=True)


def _read(path: Path) -> Step:
    facts = json.loads((path / FACTS).read_text(encoding="utf-8"))
    facts["group"] = facts.pop("knob")
    return Step(arch=read_arch(path / TABLE), weights=path / WEIGHTS, **facts)
