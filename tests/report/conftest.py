"""Folders of results: the shipped one, copies of it, and one with training."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

EXAMPLE = Path(__file__).parents[2] / "results" / "example"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A search without training, to be broken."""
    return Path(shutil.copytree(EXAMPLE, tmp_path / "run"))


def edit(folder: Path, **values: object) -> None:
    """Put values in `study.yaml`."""
    path = folder / "study.yaml"
    content = yaml.safe_load(path.read_text(encoding="utf-8")) | values
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
