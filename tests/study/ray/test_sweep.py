"""Sweeps on a real cluster: deaths lose no finished trial, and nothing runs twice."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ...cli.conftest import Ran
from .conftest import REAL, TEXT, Driver, meanwhile, trials, wait

pytestmark = REAL
RunHere = Callable[..., Ran]

LONG = TEXT.replace("epochs: 4", "epochs: 15") + "scheduler: {name: none}\n"
"""Trainings of some seconds, so that there is time to kill them."""


def begun_by(note: Path) -> int:
    """The last process that started a training."""
    try:
        return int(note.read_text().split()[-1])
    except (OSError, IndexError):  # it has just ended
        return 0


def check_each_once(database: Path, candidates: int, finals: int, failed: int = 0) -> None:
    found = trials(database)
    for name, wanted in (("proxy", candidates), ("finals", finals)):
        (records,) = (own for study, own in found.items() if name in study)
        keys = [(t.user_attrs["arch_id"], t.user_attrs["seed"]) for t in records]
        assert len(set(keys)) == len(keys) == wanted
        states = [t.state.name for t in records]
        assert states.count("FAIL") == (failed if name == "proxy" else 0)
        assert set(states) <= {"COMPLETE", "PRUNED", "FAIL"}


def of_clients(nodes: Any) -> set[int]:
    """The processes that the head has started for clients."""
    (proxy,) = nodes.head_node.all_processes["ray_client_server"]
    import psutil

    return {child.pid for child in psutil.Process(proxy.process.pid).children()}


@pytest.mark.usefixtures("hears_ctrl_c")
def test_a_node_dies_then_ctrl_c_and_then_the_driver_dies(
    nodes: Any, two: list[Any], folder: Path, run_here: RunHere
) -> None:
    driver = Driver(folder, nodes.address, LONG)
    process = driver.begin()
    wait(lambda: len(driver.begun()) == 2)
    nodes.remove_node(two[0], allow_graceful=False)
    driver.wait_for_more()

    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=200)
    assert process.returncode == 130
    assert "--resume to continue" in err
    assert "Traceback" not in err
    done = run_here(driver)
    assert (done.code, done.out) == (2, "")  # it was stopped, and was not asked to go on

    with driver.begin("--resume") as process:
        driver.wait_for_more()
        process.kill()
    done = run_here(driver, "--resume")
    assert done.code == 0, done.err
    assert "done" in done.out
    check_each_once(folder / "results" / "small" / "study.db", 4, 1)


def test_a_candidate_that_kills_its_process_costs_only_itself(
    nodes: Any, two: list[Any], folder: Path, run_here: RunHere
) -> None:
    driver = Driver(folder, nodes.address, LONG)
    killed: set[int] = set()

    def kill() -> None:
        victim = wait(driver.begun)[0]
        while len(killed) < 3:
            pid = wait(lambda: {begun_by(victim)} - {0} - killed).pop()
            os.kill(pid, signal.SIGKILL)
            killed.add(pid)

    with meanwhile(kill):
        done = run_here(driver, "--json")
    assert done.code == 0, done.err
    (cell,) = json.loads(done.out)["cells"]
    assert (cell["state"], cell["failed"], cell["trials"]) == ("done", 1, 3 + 1)
    assert "its process died 3 times" in done.err
    again = "a training begins again: The actor is dead because its worker process"
    assert done.err.count(again) == 1
    check_each_once(folder / "results" / "small" / "study.db", 4, 1, failed=1)


def test_brackets_of_hyperband_end(
    nodes: Any, two: list[Any], folder: Path, run_here: RunHere
) -> None:
    """Which trials they stop depends on timing; the other schedulers are tested above."""
    text = f"{TEXT}scheduler: {{name: hyperband}}\nobjectives: [params]\n"
    done = run_here(Driver(folder, nodes.address, text))
    assert done.code == 0, done.err
    check_each_once(folder / "results" / "small" / "study.db", 4, 1)


def test_what_no_node_has_is_refused_before_anything_starts(
    nodes: Any, two: list[Any], folder: Path, run_here: RunHere
) -> None:
    text = f"{TEXT}resources: {{cpus: 2, gpus: 0.5}}\n"
    done = run_here(Driver(folder, nodes.address, text))
    assert done.code == 2
    assert "2 CPUs and 0.5 GPUs of one node; the cluster has" in done.err
    assert "2 x 1 CPUs and 0 GPUs" in done.err
    assert not (folder / "results").exists()


def test_a_client_sends_a_sweep_to_the_head_where_it_grows_and_is_shown_again(
    nodes: Any,
    two: list[Any],
    folder: Path,
    run_here: RunHere,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The client's paths are the head's: they are absolute, as the head works elsewhere.

    The head's process for the client dies as it starts, and the client asks for another.
    """
    monkeypatch.setenv("RAY_CLIENT_RECONNECT_GRACE_PERIOD", "5")
    few = TEXT.replace("trials: 4", "trials: 2").replace("small.yaml", str(folder / "small.yaml"))
    before_it = of_clients(nodes)
    process = Driver(folder, nodes.client_address, few).begin(
        "--out", str(folder / "results"), "--json"
    )
    (first,) = wait(lambda: of_clients(nodes) - before_it, pause=0.001)
    os.kill(first, signal.SIGKILL)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    assert of_clients(nodes) - before_it - {first}
    check_each_once(folder / "results" / "small" / "study.db", 2, 1)
    (before,) = json.loads(out)["cells"]
    larger = Driver(folder, nodes.address, few.replace("trials: 2", "trials: 3"))
    for told in ("", "results/small is complete already"):
        done = run_here(larger, "--resume", "--json")
        assert (done.code, told in done.err) == (0, True), done.err
        (cell,) = json.loads(done.out)["cells"]
        assert (cell["cell"], cell["state"], cell["wanted"]) == (before["cell"], "done", 4)
    result = folder / "results" / "small"
    assert len((result / cell["cell"] / "trials.csv").read_text().splitlines()) == 1 + 3
    (records,) = (own for name, own in trials(result / "study.db").items() if "proxy" in name)
    assert len({trial.user_attrs["arch_id"] for trial in records}) == len(records) == 3
