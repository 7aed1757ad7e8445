"""`nas report`: one file, where it is asked for, and one message where there is no result."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from .conftest import Nas

EXAMPLE = Path(__file__).parents[2] / "results" / "example"


def test_a_search_becomes_one_file_in_its_folder(nas: Nas, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(EXAMPLE, tmp_path / "example"))
    done = nas("report", str(folder), "--json")
    content = json.loads(done.out)
    assert (done.code, done.err) == (0, "")
    assert content["path"] == str(folder / "report.html")
    text = (folder / "report.html").read_text(encoding="utf-8")
    assert content["bytes"] == len(text.encode())
    assert content["title"] == "example: the best network within 1 ms on iphone12-lut"
    assert "nas search --budget-ms 1.0 --device iphone12-lut --name example" in text
    assert "default-src &#39;none&#39;" in text or "default-src 'none'" in text


def test_the_file_goes_where_it_is_asked_for(nas: Nas, here: Path) -> None:
    done = nas("report", str(EXAMPLE), "--out", "page.html")
    assert done.code == 0
    assert "page.html" in done.out
    assert (here / "page.html").exists()
    assert not (EXAMPLE / "report.html").exists()


@pytest.mark.slow
def test_an_adapted_network_has_a_page_too(nas: Nas, here: Path) -> None:
    nas("adapt", "mobilenetv3-small", "--budget-ms", "0.64", "--surrogate", "--name", "ad")
    done = nas("report", str(Path("results") / "ad"), "--json")
    assert done.code == 0, done.err
    text = Path(json.loads(done.out)["path"]).read_text(encoding="utf-8")
    assert "Before and after" in text


@pytest.mark.parametrize(
    ("folder", "why"), [("none", "no such folder"), (".", "not a results folder: expected")]
)
def test_no_result_is_bad_input(nas: Nas, here: Path, folder: str, why: str) -> None:
    done = nas("report", folder)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"nas: {folder}: {why}")


def test_a_place_that_cannot_be_written_is_one_message(nas: Nas, here: Path) -> None:
    done = nas("report", str(EXAMPLE), "--out", str(here / "none" / "page.html"))
    assert done.code == 2
    assert "page.html cannot be written" in done.err
