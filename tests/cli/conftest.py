from __future__ import annotations

import math
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest

from nas.cli import progress
from nas.cli.main import main
from nas.optimize import EvolutionSettings


class Ran(NamedTuple):
    code: int
    out: str
    err: str


Nas = Callable[..., Ran]


@pytest.fixture
def nas(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Nas:
    """Run `nas ARGS` in an 80-column terminal, in this process."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(progress, "EVERY_S", math.inf)  # what is said follows from no clock

    def run(*args: str) -> Ran:
        monkeypatch.setattr(sys, "argv", ["nas", *args])
        code: object = 0
        try:
            main()
        except SystemExit as end:
            code = end.code
        return Ran(int(str(code or 0)), *capsys.readouterr())

    return run


@pytest.fixture
def few_generations(monkeypatch: pytest.MonkeyPatch) -> None:
    """Searches try less, where what they find does not matter."""
    few = partial(EvolutionSettings, generations=2, children=100)
    monkeypatch.setattr("nas.optimize.run.EvolutionSettings", few)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, which commands run in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
