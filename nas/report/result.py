"""A result folder: `best.yaml`, `pareto.csv`, `study.yaml`, the plot, the networks of the front.

Written beside its final name and moved there at the end, so a folder under that name is complete.
"""

from __future__ import annotations

import csv
import shutil
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from platform import python_version
from typing import Any

import yaml

from nas import __version__
from nas.errors import ResultError
from nas.report.plot import save_plot
from nas.search import Candidate, SearchResult

SCHEMA = 1
PARETO_COLUMNS = (
    "arch_id",
    "predicted_ms",
    "predicted_ms_low",
    "predicted_ms_high",
    "estimated_top1",
    "estimated_top1_sd",
    "params",
    "macs",
    "file",
)


class ResultFolder:
    """Claims a place for a result before the search, fills it after."""

    def __init__(self, out: Path, name: str, *, force: bool = False) -> None:
        """Check that the result can be written to `out / name`.

        Raises:
            ResultError: it exists already (and not `force`), or the place cannot be written.
        """
        path = self.path = out / name
        if path.parent != out or name in (".", ".."):
            raise ResultError(f"--name {name!r}: expected a plain name; a folder goes in --out")
        if path.exists() and not force:
            raise ResultError(f"{path} exists and is kept; choose another --name, or --force")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self.draft = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
            self.draft.chmod(0o755)  # mkdtemp's is private
        except OSError as error:
            raise ResultError(f"{path} cannot be written: {error.strerror}") from None

    def __enter__(self) -> ResultFolder:
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.draft, ignore_errors=True)

    def write(self, result: SearchResult, command: Sequence[str]) -> None:
        """Write everything, then move it to its final name.

        Raises:
            ResultError: the disk is full or the place is gone.
        """
        try:
            result.best.to_yaml(self.draft / "best.yaml")
            _write_pareto(result.pareto, self.draft)
            study = _study(result, command)
            text = yaml.safe_dump(study, sort_keys=False, allow_unicode=True, width=100)
            (self.draft / "study.yaml").write_text(text, encoding="utf-8")
            save_plot(result, self.draft)
            _replace(self.draft, self.path)
        except OSError as error:
            raise ResultError(f"{self.path} cannot be written: {error.strerror}") from None


def _replace(draft: Path, path: Path) -> None:
    """Move `draft` to `path`; what stood there is removed only after that."""
    old = draft.with_name(draft.name + ".old")
    if path.exists():
        path.replace(old)
    draft.replace(path)
    if old.is_dir():
        shutil.rmtree(old)


def _write_pareto(pareto: Sequence[Candidate], folder: Path) -> None:
    (folder / "pareto").mkdir()
    with (folder / "pareto.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(PARETO_COLUMNS)
        for found in pareto:
            name = f"pareto/{found.arch.arch_id}.yaml"
            found.to_yaml(folder / name)
            figures = (found.ms, found.ms_low, found.ms_high, found.top1, found.top1_sd)
            counts = (found.arch.params, found.arch.macs)
            rounded = (f"{figure:.4f}" for figure in figures)
            writer.writerow([found.arch.arch_id, *rounded, *counts, name])


def _study(result: SearchResult, command: Sequence[str]) -> dict[str, Any]:
    """What made the result; everything but `date` and `seconds` repeats with the same seed."""
    return {
        "schema": SCHEMA,
        "command": " ".join(command),
        "date": datetime.now(UTC).date().isoformat(),
        "versions": {
            "nas": __version__,
            "python": python_version(),
            "numpy": version("numpy"),
            "scipy": version("scipy"),
        },
        "seed": result.seed,
        "budget_ms": result.budget_ms,
        "caution": result.caution,
        "space": {"name": result.space.name, "hash": result.space.space_hash},
        "device": {"name": result.device.name, "hash": result.device.content_hash},
        "surrogate": {"name": result.surrogate.name, "hash": result.surrogate.content_hash},
        "best": result.best.arch.arch_id,
        "optimality_gap": result.optimality_gap,
        "priced": result.priced,
        "judged": result.judged,
        "seconds": round(result.seconds, 2),
    }
