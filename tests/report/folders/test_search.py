"""A result is read back whole, and what is broken is named by file, line and column."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from nas.errors import DocumentError
from nas.files.csv import read_csv
from nas.library import load_device
from nas.report.folders.search import read_search
from nas.report.pages.choose import page_of

from ..conftest import EXAMPLE, edit

FIRST = read_csv(EXAMPLE / "pareto.csv", ())[0].cells
ARCH_ID, MS = FIRST["arch_id"], FIRST["predicted_ms"]


def test_front_and_best_are_those_of_the_files() -> None:
    found = read_search(EXAMPLE)
    assert found.front[-1].arch == found.best
    assert found.best.arch_id == found.study["best"]
    assert [c.ms for c in found.front] == sorted(c.ms for c in found.front)
    assert found.within[found.best.arch_id] == pytest.approx(0.5, abs=0.02)
    assert found.budgets == {"iphone12-lut": 1.0}
    assert (found.trials, found.training) == ((), None)


def test_a_result_of_a_version_without_devices_and_avoided_ops_is_read(run: Path) -> None:
    path = run / "study.yaml"
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    del content["avoided"], content["others"]
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    (run / "known.csv").unlink()
    assert read_search(run).best == read_search(EXAMPLE).best


def test_predictions_are_still_those_of_the_device() -> None:
    found = read_search(EXAMPLE)
    device = load_device("iphone12-lut")
    if device.content_hash == found.study["device"]["hash"]:
        for candidate in found.front:
            assert device.predict(candidate.arch).ms == pytest.approx(candidate.ms, abs=1e-4)


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("predicted_ms_low", "low", "line 1: column 'predicted_ms_low' is missing"),
        (f",{MS},", ",fast,", r"line 2 \(predicted_ms\): found 'fast', expected a number"),
        (f",{MS},", ",nan,", r"line 2 \(predicted_ms\): found 'nan', expected a number"),
        (f",{MS},", ",,", r"line 2 \(predicted_ms\): found '', expected a number"),
        (f",{MS},", ",", f"line 2: found {len(FIRST) - 1} cells, expected {len(FIRST)}"),
        (f"pareto/{ARCH_ID}", f"../../{ARCH_ID}", r"line 2 \(file\): .* leads out of"),
        (f"pareto/{ARCH_ID}", "pareto/cc", "no such file|No such file"),
        (
            f"\n{ARCH_ID},",
            "\n000000000000,",
            rf"line 2 \(arch_id\): the file's network is {ARCH_ID}",
        ),
    ],
)
def test_a_broken_table_names_line_and_column(
    run: Path, before: str, after: str, message: str
) -> None:
    path = run / "pareto.csv"
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after, 1), encoding="utf-8")
    with pytest.raises(DocumentError, match=message):
        read_search(run)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"budget_ms": "fast"}, r"study.yaml \(budget_ms\): expected a number, found 'fast'"),
        ({"space": "mobile"}, r"\(space\): expected keys and values, found 'mobile'"),
        ({"device": {"name": "x"}}, r"\(device\): key 'hash' is missing"),
        ({"others": [{"name": "x", "hash": "y"}]}, r"\(others 1\): key 'budget_ms' is missing"),
        ({"training": {"data": "digits"}}, r"\(training\): key 'finals' is missing"),
    ],
)
def test_a_broken_study_names_the_key(run: Path, values: dict[str, object], message: str) -> None:
    edit(run, **values)
    with pytest.raises(DocumentError, match=message):
        read_search(run)


def test_another_folder_is_none_of_results(tmp_path: Path) -> None:
    with pytest.raises(
        DocumentError, match=r"not a results folder: expected study.yaml \(nas search"
    ):
        page_of(tmp_path)
    with pytest.raises(DocumentError, match="no such folder"):
        page_of(tmp_path / "none")
