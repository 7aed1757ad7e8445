"""The steps of a run on disk: a folder each, there whole or not at all."""

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
    """Where a run stands after one step; step 0 is the start."""

    number: int
    arch: Arch
    weights: Path
    ms: float
    """Predicted."""
    top1: float
    """On the judging images, after the short training."""
    knob: str = ""
    before: int = 0
    after: int = 0
    """Width of the knob."""


def all_steps(folder: Path) -> list[Step]:
    """The start and every step so far."""
    return [_read(path) for path in sorted((folder / STEPS).glob("[0-9]*"))]


def write_step(folder: Path, step: Step) -> None:
    """Write a step, whole or not at all; its weights are copied."""
    (folder / STEPS).mkdir(parents=True, exist_ok=True)
    draft = Path(mkdtemp(prefix=".", dir=folder / STEPS))
    step.arch.to_yaml(draft / TABLE)
    shutil.copyfile(step.weights, draft / WEIGHTS)
    names = ("number", "ms", "top1", "knob", "before", "after")
    facts = {name: getattr(step, name) for name in names}
    (draft / FACTS).write_text(json.dumps(facts) + "\n", encoding="utf-8")
    draft.replace(folder / STEPS / f"{step.number:04d}")


def remove_run_files(folder: Path) -> None:
    """Leave of a run what says how it went, and the last weights: longer trainings begin there."""
    for weights in (folder / START, *sorted((folder / STEPS).glob(f"*/{WEIGHTS}"))[:-1]):
        weights.unlink(missing_ok=True)
    shutil.rmtree(folder / WORKERS, ignore_errors=True)


def _read(path: Path) -> Step:
    facts = json.loads((path / FACTS).read_text(encoding="utf-8"))
    return Step(arch=read_arch(path / TABLE), weights=path / WEIGHTS, **facts)
