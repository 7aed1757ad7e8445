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
#: packages that hold the method; blocks, tables and data sets cite their own papers
METHOD = ("accuracy", "adapt", "evaluate/proxies", "latency", "optimize", "study", "train")
DATA = Path("train") / "data"


def test_the_method_has_every_paper_of_the_code_and_no_other() -> None:
    page = (ROOT / "docs" / "method.md").read_text(encoding="utf-8")
    nas = ROOT / "nas"
    files = [path for package in METHOD for path in (nas / package).rglob("*.py")]
    texts = [f.read_text(encoding="utf-8") for f in files if not f.is_relative_to(nas / DATA)]
    assert all((nas / package).is_dir() for package in METHOD)
    cited = {number for text in texts for number in PAPER.findall(text)}
    assert set(PAPER.findall(page)) == cited


@pytest.mark.slow
@pytest.mark.needs("sphinx", "furo", "myst_parser")
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
