"""File names of a sweep's folder, and the states of its cells."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, get_args

from nas.files import yaml
from nas.files.provenance import provenance
from nas.files.resources import BEST

SWEEP_FILE, RUN_FILE, CELLS_FILE, WINNERS = "sweep.yaml", "run.yaml", "cells.csv", "winners"
State = Literal["done", "infeasible", "failed", "running", "interrupted", "waiting"]
"""State of a cell."""
STATES: tuple[State, ...] = get_args(State)


def write_sweep(folder: Path, command: Sequence[str]) -> None:
    """Write `run.yaml` with the sweep's provenance, and copy the winners' tables."""
    made = provenance(command, "ray", "optuna", "torch")
    yaml.write(folder / RUN_FILE, made)
    (folder / WINNERS).mkdir(exist_ok=True)
    for best in sorted(folder.glob(f"*/{BEST}")):
        shutil.copy(best, folder / WINNERS / f"{best.parent.name}.yaml")
