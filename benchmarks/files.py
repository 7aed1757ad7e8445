"""Files of benchmarks: CSV rows, and JSON results of slow steps."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from nas.files.csv import read_csv, write_csv


def write_rows(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows that all have the columns of the first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_csv(path, list(rows[0]), rows)


def read_rows(path: Path) -> list[dict[str, str]]:
    """Read rows as text, by column; return none if there is no such file."""
    return [dict(row.cells) for row in read_csv(path, ())] if path.exists() else []


def kept(path: Path, make: Callable[[], Any]) -> Any:
    """Return the result of a step, from its JSON file if there is one."""
    if not path.exists():
        made = json.dumps(make(), indent=1)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(made + "\n", encoding="utf-8")
    return json.loads(path.read_text(encoding="utf-8"))
