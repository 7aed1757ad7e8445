"""The site builds without a warning, and the page of papers has those that the code cites."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAPER = re.compile(r"arXiv:(\d{4}\.\d{5}|\d{4}\.\d{4})")
#: rooms that hold the method; blocks and tables cite the networks
METHOD = (
    "accuracy",
    "adapt",
    "latency",
    "proxies",
    "search",
    "strategies",
    "study",
    "sweep",
    "train",
)


def test_the_method_has_every_paper_of_the_code_and_no_other() -> None:
    page = (ROOT / "docs" / "method.md").read_text(encoding="utf-8")
    files = [path for room in METHOD for path in (ROOT / "nas" / room).rglob("*.py")]
    cited = {n for path in files for n in PAPER.findall(path.read_text(encoding="utf-8"))}
    assert set(PAPER.findall(page)) == cited


@pytest.mark.slow
def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-b", "html", "docs", tmp_path],
        cwd=ROOT,
        env=os.environ | {"PYTHONWARNINGS": "default"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    commands = (tmp_path / "reference" / "cli.html").read_text(encoding="utf-8")
    assert "nas list recipes" in commands
    assert "iphone12-lut" in (tmp_path / "reference" / "devices.html").read_text(encoding="utf-8")
