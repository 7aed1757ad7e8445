from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
import yaml

from nas.evaluate.bench import optimum, strategies
from nas.optimize.strategies import STRATEGIES
from nas.optimize.strategies.random import Random

from .conftest import Nas


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """The search for the optimum takes a second; here nobody looks at regrets or mean optimism."""
    monkeypatch.setattr(optimum, "GENERATIONS", 1)
    monkeypatch.setattr(strategies, "SEARCHES", 2)


SMALL = ("bench", "accel-nasbench", "--workers", "1", "--runs", "2")


def test_table_and_folder(nas: Nas, here: Path) -> None:
    done = nas(*SMALL, "--strategy", "evolution,local", "--evaluations", "60")
    assert (done.code, done.err) == (0, "")
    assert max(map(len, done.out.splitlines())) <= 80
    for text in ("accel-nasbench, 50 % of it within", "2 runs; best known", "random", "at 50"):
        assert text in done.out
    assert "360: 0 of a network evaluated before, 0 over the budget" in done.out
    folder = here / "results" / "bench-accel-nasbench-pixel1-cpu-0.5"
    names = {".nas-files", "summary.csv", "runs.csv", "bench.yaml", "accel-nasbench.png"}
    names |= {"winners.csv"}
    assert {path.name for path in folder.iterdir()} == names
    with (folder / "winners.csv").open() as file:
        (row,) = csv.DictReader(file)
    assert (row["benchmark"], row["searches"]) == ("accel-nasbench", "4")
    assert float(row["corrected_points"]) < float(row["estimated_points"])
    assert f"{float(row['corrected_points']):+.2f}" in done.out
    with (folder / "runs.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["strategy"], row["seed"]) for row in rows] == [
        (name, seed) for name in ("evolution", "local", "random") for seed in ("0", "1")
    ]
    assert float(rows[0]["best_50"]) <= float(rows[0]["best_60"])
    facts = yaml.safe_load((folder / "bench.yaml").read_text())
    assert facts["strategies"] == ["evolution", "local", "random"]
    assert (facts["seeds"], facts["evaluations"]) == ([0, 1], 60)
    assert facts["device"]["name"] == "pixel1-cpu"


def test_a_result_is_kept_unless_forced(nas: Nas, here: Path) -> None:
    few = (*SMALL, "--strategy", "random", "--evaluations", "3", "--name", "mine")
    path = here / "results" / "mine" / "bench.yaml"
    path.parent.mkdir(parents=True)
    assert "mine exists and is kept" in nas(*few).err
    assert nas(*few, "--force").code == 0
    assert "nas bench" in path.read_text()


def test_quick_as_json_writes_nothing(nas: Nas, here: Path) -> None:
    done = nas(*SMALL, "--quick", "--strategy", "model", "--evaluations", "40", "--json")
    assert (done.code, done.err) == (0, "")
    content = json.loads(done.out)
    assert content["path"] is None
    (winners,) = content["winners"]
    assert 0 <= winners["corrected_covered"] <= 1
    best, second = content["summary"]
    assert (best["strategy"], second["strategy"]) == ("model", "random")
    assert best["best_40"] > second["best_40"]
    assert (best["duplicates"], best["over_budget"], best["runs"]) == (0, 0, 2)
    assert not list(here.iterdir())


def test_without_a_budget(nas: Nas, here: Path) -> None:
    options = ("--strategy", "random", "--evaluations", "5", "--budget-share", "1", "--json")
    (row,) = json.loads(nas(*SMALL, *options).out)["summary"]
    assert (row["budget_share"], row["budget_ms"], row["device"]) == (None, None, None)


def test_quick_ends_with_1_where_the_default_is_no_better_than_random(
    nas: Nas, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(STRATEGIES, "model", Random)  # type: ignore[index]
    done = nas(*SMALL, "--quick", "--strategy", "model", "--evaluations", "5")
    assert done.code == 1
    assert "model ends at" in done.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--strategy", "modle"), "unknown strategy 'modle'; nearest: model"),
        (("--device", "pixel1"), "unknown device 'pixel1'; nearest: pixel1-cpu"),
        (("accel-nasbnech",), "unknown benchmark 'accel-nasbnech'; nearest: accel-nasbench"),
        (("nas-bench-macro",), "nas-bench-macro needs the folder with nas_bench_macro_cifar10.csv"),
        (("nas-bench-macro", "--data", "none"), "none/nas_bench_macro_cifar10.csv: no such file"),
        (("--runs", "0"), "--runs"),
        (("--evaluations", "-1"), "--evaluations"),
        (("--workers", "0"), "--workers"),
        (("--budget-share", "0"), "--budget-share: expected a share above 0 and up to 1, found 0"),
        (("--budget-share", "nan"), "--budget-share"),
        (("--budget-share", "2"), "--budget-share"),
        (("--name", "a/b"), "name 'a/b': expected a plain name"),
    ],
)
def test_bad_input_is_one_message_and_2(
    nas: Nas, here: Path, arguments: tuple[str, ...], message: str
) -> None:
    done = nas("bench", "accel-nasbench", "--workers", "1", *arguments)
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert not [path for path in here.rglob("*") if path.is_file()]


def test_what_is_left_out_is_said(nas: Nas, here: Path) -> None:
    few = ("--strategy", "random", "--runs", "1", "--evaluations", "3", "--workers", "1")
    done = nas("bench", *few)
    assert done.code == 0
    assert done.err.startswith("nas: nas-bench-macro is left out; it needs --data FOLDER")
    assert "ofa-mobilenetv3" in done.out
