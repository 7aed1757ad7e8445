"""`nas search --data`: the main job with training, of small networks on scikit-learn's digits."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import optuna
import pytest
import yaml

from nas.library import load_arch, load_device
from nas.modules import build
from nas.study.database import Database
from nas.study.halving import rung_name
from nas.study.store import Store

from .conftest import Nas

BUDGET_MS = 3
SEARCH = ("search", "--budget-ms", str(BUDGET_MS), "--device", "iphone12-lut", "--data", "digits")
SPACE = Path(__file__).parents[1] / "cases" / "tinyspace.yaml"
RECIPE = SPACE.with_name("tinyrec.yaml")
SMALL = ("--space", SPACE.name, "--finalists", "1")
FEW = (*SMALL, "--recipe", RECIPE.name, "--trials", "5", "--epochs", "2", "--seeds", "1")


@pytest.fixture
def here(here: Path) -> Path:
    """The folder that commands run in, with a space of small networks."""
    for path in (SPACE, RECIPE):
        shutil.copy(path, here)
    return here


@pytest.mark.slow
@pytest.mark.usefixtures("few_generations")
def test_the_main_job_with_eight_trials(nas: Nas, here: Path) -> None:
    done = nas(*SEARCH, *SMALL, "--trials", "8", "--epochs", "1", "--seeds", "1", "--json")
    assert done.code == 0, done.err
    content = json.loads(done.out)
    trials = content["trials"]
    assert len(trials) == 8
    assert len({trial["arch_id"] for trial in trials}) == 8
    assert all(trial["predicted_ms"] <= BUDGET_MS for trial in trials)
    assert all(trial["state"] == "complete" for trial in trials)
    best = content["best"]
    assert best["arch_id"] == trials[0]["arch_id"]
    assert best["trained"]["top1"] == pytest.approx(sum(trials[0]["final_top1"]))
    folder = here / Path(best["path"]).parent
    assert load_arch(folder / "best.yaml").arch_id == best["arch_id"]
    assert load_device("iphone12-lut").predict(load_arch(folder)).ms <= BUDGET_MS
    assert build(load_arch(folder / "trained.yaml"), weights=folder / "weights.safetensors")
    with (folder / "trials.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["arch_id"] for row in rows] == [trial["arch_id"] for trial in trials]
    assert all(load_arch(folder / row["file"]).arch_id == row["arch_id"] for row in rows)
    made = yaml.safe_load((folder / "study.yaml").read_text())
    assert made["training"]["rungs"] == [[1, 8]]
    url = f"sqlite:///{folder / 'study.db'}"
    study = optuna.load_study(study_name=rung_name(1, 1), storage=url)
    assert len(study.trials) == 8
    assert not (folder / "workers").exists()
    assert not list(folder.rglob("checkpoint.pt"))


def finished(work: Path) -> int:
    """Trials of the first rung that are complete."""
    if not (work / "study.db").exists():
        return 0
    database = Database(work)
    records = Store(database, rung_name(1, 2)).records()
    database.close()
    return sum(record.state == "complete" for record in records)


def begun(here: Path, name: str, *more: str) -> tuple[list[str], Path]:
    """A search of five trials as a command, and where it works."""
    asked = [*SEARCH, *FEW, "--name", name, *more]
    return [sys.executable, "-m", "nas", *asked], here / "results" / f".{name}.work"


@pytest.mark.slow
def test_a_killed_search_goes_on_to_the_same_trials(nas: Nas, here: Path) -> None:
    command, work = begun(here, "killed")
    for least in (1, 3):
        child = subprocess.Popen([*command, "--resume"], cwd=here, stderr=subprocess.DEVNULL)
        while child.poll() is None and finished(work) < least:
            time.sleep(0.05)
        child.kill()
        child.wait()
    assert 3 <= finished(work) < 5
    for name in ("killed", "whole"):
        done = nas(*SEARCH, *FEW, "--name", name, "--resume")
        assert done.code == 0, done.err
    trials = [(here / "results" / name / "trials.csv").read_text() for name in ("killed", "whole")]
    assert trials[0] == trials[1]


@pytest.mark.slow
def test_a_killed_worker_is_replaced_and_its_trial_goes_on(nas: Nas, here: Path) -> None:
    command, work = begun(here, "workers", "--workers", "2", "--json")
    child = subprocess.Popen(command, cwd=here, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    while child.poll() is None and finished(work) < 1:
        time.sleep(0.05)
    workers = subprocess.check_output(["pgrep", "-P", str(child.pid), "-f", "spawn_main"])
    os.kill(int(workers.split()[0]), signal.SIGKILL)
    out, err = child.communicate()
    assert child.returncode == 0, err
    assert b"died; another takes its place" in err
    trials = json.loads(out)["trials"]
    assert len({trial["arch_id"] for trial in trials}) == len(trials) == 5
    assert all(trial["state"] in ("complete", "pruned") for trial in trials)


@pytest.mark.slow
@pytest.mark.usefixtures("few_generations")
def test_the_table_fits_and_keeps_its_columns_apart(nas: Nas, here: Path) -> None:
    few = ("--trials", "3", "--epochs", "2", "--seeds", "2")
    done = nas(*SEARCH, *SMALL, *few, "--zero-cost", "synflow,naswot", "--inherit", "--name", "a")
    assert (done.code, done.err) == (0, "")
    assert max(map(len, done.out.splitlines())) <= 80
    for text in ("estimated", "trained", "pruned", "95 % interval over 2 seeds", "was not used"):
        assert text in done.out


def test_an_infeasible_budget_trains_nothing(nas: Nas, here: Path) -> None:
    done = nas("search", "--budget-ms", "0.001", *SEARCH[3:], *SMALL)
    assert done.code == 3
    assert "the fastest is predicted at" in done.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--zero-cost", "sinflow"), "unknown zero-cost proxy 'sinflow'; nearest: synflow"),
        (("--recipe", "nothing"), "unknown recipe 'nothing'"),
        (("--strategy", "modell"), "unknown strategy 'modell'; nearest: model"),
        (("--objective", "mac"), "unknown objective 'mac'; nearest: macs"),
        (("--storage", "nonsense"), "--storage nonsense: "),
        (
            ("--budget-ms", "2", "--budget-ms", "1"),
            "got 3 budgets for 1 device",
        ),
        (("--max-params-m", "-1"), "expected a limit of params above 0"),
        (("--batch", "9999"), "a batch is 9999 images"),
    ],
)
def test_bad_input_is_one_message_and_2(
    nas: Nas, here: Path, arguments: tuple[str, ...], message: str
) -> None:
    done = nas(*SEARCH, *SMALL, *arguments)
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert len(done.err.strip().splitlines()) == 1
