"""Pages of a search with training, and of a sweep of two of them."""

from __future__ import annotations

import csv
import shutil
import sys
from functools import partial
from pathlib import Path

import pytest
import yaml

from nas.cli.main import main
from nas.errors import DocumentError
from nas.report.folders.search import read_search
from nas.report.folders.sweep import COLUMNS, read_sweep
from nas.report.folders.trial_history import read_history
from nas.report.pages.choose import page_of
from nas.report.pages.page import FactsPart, LinkCell, Page, PlotPart, TablePart
from nas.report.pages.search import search_page
from nas.report.pages.sweep import sweep_page
from nas.study.database import Database
from nas.study.halving import rung_name
from nas.study.store import Store

SPACE = """
name: four
source: "made for tests"
input: [3, 32, 32]
columns: [op, k, out, act, s]
rows:
  - [conv, 3, [8, 16], relu, 4]
  - [conv, 3, [16, 24], relu, 2]
  - [pool, ~, ~, ~, ~]
  - [linear, ~, 10, ~, ~]
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `nas search --data` writes: three trials of a small space."""
    place = tmp_path_factory.mktemp("trained")
    (place / "four.yaml").write_text(SPACE, encoding="utf-8")
    asked = ["--budget-ms", "1", "--device", "iphone12-lut", "--data", "digits", "--trials", "3"]
    asked += ["--epochs", "1", "--finalists", "1", "--seeds", "1", "--space"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            sys,
            "argv",
            ["nas", "search", *asked, str(place / "four.yaml")]
            + ["--out", str(place), "--name", "run"],
        )
        with pytest.raises(SystemExit, match="0"):
            main()
    return place / "run"


@pytest.fixture
def sweep(trained: Path, tmp_path: Path) -> Path:
    """Two searches that are done and one that no network could meet, as a folder."""
    study = yaml.safe_load((trained / "study.yaml").read_text())
    mean, (low, high) = (study["training"]["top1"][k] for k in ("mean", "interval_95"))
    rows = []
    for cell, device in (("a", "iphone12-lut"), ("b", "pixel1-cpu")):
        shutil.copytree(trained, tmp_path / cell)
        rows.append(
            {"cell": cell, "device": device, "state": "done", "arch_id": study["best"]}
            | {"trials": 3, "failed": 0, "predicted_ms": 0.5, "predicted_ms_low": 0.4}
            | {"predicted_ms_high": 0.6, "trained_top1": mean}
            | {"trained_top1_low": low, "trained_top1_high": high}
        )
    rows.append({"cell": "c", "device": "pixel1-cpu", "state": "infeasible", "error": "too slow"})
    with (tmp_path / "cells.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, restval="")
        writer.writeheader()
        shared = {"space": "four", "budget_ms": 1, "strategy": "model", "seed": 0}
        writer.writerows(row | shared for row in rows)
    asked = {"schema": 1, "devices": ["iphone12-lut", "pixel1-cpu"], "budgets_ms": [1]}
    (tmp_path / "sweep.yaml").write_text(yaml.safe_dump(asked))
    return tmp_path


def parts(page: Page, section: str) -> list[object]:
    return [part for own in page.sections if own.name == section for part in own.parts]


@pytest.mark.slow
def test_trials_are_shown_in_their_order_and_the_store_is_left_alone(trained: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in trained.iterdir()}
    history = read_history(trained, 1, 1)
    assert history is not None
    assert [trial.number for trial in history.trials] == [1, 2, 3]
    assert {path: path.stat().st_mtime_ns for path in trained.iterdir()} == before
    result = read_search(trained)
    assert {t.name for t in history.trials} == {trial.name for trial in result.trials}
    progress, table = parts(search_page(result), "trials")
    assert isinstance(progress, PlotPart)
    best = progress.figures["trials"].data[1].y
    assert list(best) == sorted(best)
    assert isinstance(table, TablePart)
    assert [row[0] for row in table.rows] == [trial.name for trial in result.trials]
    assert "top-1 on digits" in [name for name, _, _ in search_page(result).figures]


@pytest.mark.slow
def test_importances_are_shares_with_a_caution_where_trials_are_few(trained: Path) -> None:
    history = read_history(trained, 1, 1)
    assert history is not None
    shares = [share for _, share in history.importances]
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) == pytest.approx(1) or not shares
    for plot in parts(search_page(read_search(trained)), "importances"):
        assert isinstance(plot, PlotPart)
        assert "PED-ANOVA over the 3 trials" in plot.note
        assert "mostly chance" in plot.note


@pytest.mark.slow
def test_a_store_that_is_none_is_one_message(trained: Path, tmp_path: Path) -> None:
    assert read_history(tmp_path, 1, 1) is None
    (tmp_path / "study.db").write_text("not a database")
    with pytest.raises(DocumentError, match=r"study\.db: not a readable store of a search"):
        read_history(tmp_path, 1, 1)


@pytest.mark.slow
def test_a_store_without_the_rung_is_one_message_and_closed_again(tmp_path: Path) -> None:
    database = Database(tmp_path)
    Store(database, rung_name(1, 2))
    database.close()
    with pytest.raises(DocumentError, match=r"study\.db: not a readable store of a search"):
        read_history(tmp_path, 9, 9)
    opened = {link.resolve() for link in Path("/proc/self/fd").glob("*")}  # of Linux alone
    assert tmp_path / "study.db" not in opened


@pytest.mark.slow
def test_a_sweep_links_every_winner_and_says_what_failed(sweep: Path) -> None:
    page = page_of(sweep)
    (table,) = parts(page, "cells")
    assert isinstance(table, TablePart)
    assert [row[0] for row in table.rows] == [
        LinkCell("a", "search-1"),
        LinkCell("b", "search-2"),
        "c",
    ]
    assert table.rows[2][-1] == "too slow"
    for name in ("accuracy", "budgets"):
        (plot,) = parts(page, name)
        assert isinstance(plot, PlotPart)
        assert list(plot.figures) == ["iphone12-lut", "pixel1-cpu"]
        assert plot.table.groups == ["iphone12-lut", "pixel1-cpu"]
    (asked,) = parts(page, "asked")
    assert isinstance(asked, FactsPart)
    assert ("devices", "iphone12-lut, pixel1-cpu") in asked.pairs
    html = page.html()
    for anchor in ("search-1", "search-2", "search-3"):
        assert html.count(f'id="{anchor}"') == 1


@pytest.mark.slow
def test_a_sweep_without_a_result_is_still_a_page(sweep: Path) -> None:
    path = sweep / "cells.csv"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], lines[3]]) + "\n")
    page = sweep_page(read_sweep(sweep))
    assert page.lead.startswith("Nothing is trained.")
    assert "too slow" in page.html()


@pytest.mark.slow
def test_a_broken_sweep_names_the_line(sweep: Path) -> None:
    path = sweep / "cells.csv"
    path.write_text(path.read_text().replace("infeasible", "lost"))
    with pytest.raises(DocumentError, match=r"cells.csv line 4 \(state\): expected done, "):
        read_sweep(sweep)


@pytest.mark.slow
@pytest.mark.parametrize("study", [rung_name(1, 1), "proxy, 1 epochs"], ids=["now", "earlier"])
def test_what_makes_good_trials_is_important_not_what_makes_bad_ones(
    tmp_path: Path, study: str
) -> None:
    database = Database(tmp_path)
    store = Store(database, study)
    for seed in range(40):
        params = {"good": seed % 5 == 0, "bad": seed % 5 == 1, "idle": seed % 2 == 0}
        both = dict.fromkeys(params, (False, True))
        record = store.claim((f"net{seed}", 0), params, both, name="net", predicted_ms=1.0)
        assert record is not None
        top1 = 50.0 + 30 * params["good"] - 30 * params["bad"] + seed / 100
        store.work(record, partial(list, [top1]))
    database.close()
    history = read_history(tmp_path, 1, 1)
    assert history is not None
    assert [name for name, _ in history.importances][0] == "good"
    assert [trial.top1 for trial in history.trials][:2] == [80.0, 20.01]
