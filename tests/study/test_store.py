"""The store: one trial per network, for any number of processes and deaths."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from optuna.trial import TrialState

from nas.study.database import FILE, Database
from nas.study.store import ATTEMPTS, Store

LOOP_PROCESS = Path(__file__).with_name("loop_process.py")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    database = Database(tmp_path)
    yield Store(database, "proxy")
    database.close()


@pytest.fixture
def other(tmp_path: Path, store: Store) -> Iterator[Store]:
    """Open the store as another process would."""
    database = Database(tmp_path)
    yield Store(database, "proxy")
    database.close()


def test_a_trial_is_claimed_once(store: Store, other: Store) -> None:
    record = store.claim(("a", 0), {"row 1 k": 3}, {"row 1 k": (3, 5)}, predicted_ms=1.5)
    assert record is not None
    assert other.claim(("a", 0)) is None
    assert other.claim(("a", 1)) is not None  # another seed is another trial
    store.report(record, 1, 50.0)
    store.work(record, lambda: (50.0,))
    assert other.claim(("a", 0)) is None
    found = other.find(("a", 0))
    assert found is not None
    assert (found.state, found.values, found.top1s) == ("complete", (50.0,), {1: 50.0})
    assert found.attrs["predicted_ms"] == 1.5


def test_of_two_that_claim_at_once_the_lower_number_keeps_it(
    store: Store, other: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    find, first = type(other).find, [True]

    def blind(self: Store, key: tuple[str, int]) -> object:
        return None if self is other and first and first.pop() else find(self, key)

    monkeypatch.setattr(Store, "find", blind)
    mine = store.claim(("a", 0))
    assert mine is not None
    assert other.claim(("a", 0)) is None  # it began one as well, and gave it up
    assert [record.number for record in store.records()] == [mine.number]
    store.storage.set_trial_state_values(mine.id, TrialState.FAIL)  # as of a silent machine
    again = other.claim(("a", 0))
    assert again is not None
    assert again.attrs["attempts"] == 2  # what was given up was no attempt


def test_a_broken_trial_stays_broken(store: Store, other: Store) -> None:
    record = store.claim(("a", 0))
    assert record is not None
    store.fail(record, "diverged")
    assert other.claim(("a", 0)) is None
    assert [(r.state, r.error) for r in other.records()] == [("fail", "diverged")]


def test_what_a_process_left_is_taken_over_until_it_has_killed_too_many(tmp_path: Path) -> None:
    for attempt in range(1, ATTEMPTS + 1):
        database = Database(tmp_path)
        record = Store(database, "proxy").claim(("a", 0))
        assert record is not None
        assert record.attrs["attempts"] == attempt
        database.close()
    database = Database(tmp_path)
    store = Store(database, "proxy")
    assert store.claim(("a", 0)) is None
    assert [r.error for r in store.records()] == [f"its process died {ATTEMPTS} times"]
    database.close()


def test_what_silent_machines_left_is_begun_again_until_it_has_killed_too_many(
    store: Store, other: Store
) -> None:
    for attempt in range(1, ATTEMPTS + 1):
        record = store.claim(("a", 0))
        assert record is not None
        assert record.attrs["attempts"] == attempt
        assert other.abandoned() == []
        store.storage.set_trial_state_values(record.id, TrialState.FAIL)  # as of a silent machine
        assert {left.key for left in other.abandoned()} == {("a", 0)}
    assert other.claim(("a", 0)) is None
    assert other.abandoned() == []
    assert [r.error for r in store.records()] == [f"its process died {ATTEMPTS} times"]


def test_readers_do_not_wait_for_whoever_writes(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = store.claim(("a", 0))
    assert record is not None
    writer = sqlite3.connect(tmp_path / FILE, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("UPDATE trials SET state = 'FAIL'")
    monkeypatch.setattr("nas.study.database.WAIT_S", 1)  # then whoever waits fails
    database = Database(tmp_path)  # as `nas sweep status` opens it
    assert database.has("proxy")
    assert [r.state for r in Store(database, "proxy").records()] == ["running"]
    assert [r.state for r in store.records()] == ["running"]
    writer.execute("COMMIT")
    assert Store(database, "proxy").abandoned()[0].state == "fail"
    database.close()
    writer.close()


def test_a_killed_process_has_left(tmp_path: Path, store: Store) -> None:
    code = (
        "import sys, time, pathlib; from nas.study.database import Database;"
        "from nas.study.store import Store;"
        "s = Store(Database(pathlib.Path(sys.argv[1])), 'proxy'); s.claim(('a', 0));"
        "print('claimed', flush=True); time.sleep(60)"
    )
    child = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()
    assert store.claim(("a", 0)) is None
    child.kill()
    child.wait()
    child.stdout.close()
    assert store.claim(("a", 0)) is not None


def loop_command(
    folder: Path, trials: int, strategy: str = "random", seconds: float = 0.0
) -> list[str]:
    return [sys.executable, str(LOOP_PROCESS), str(folder), str(trials), strategy, str(seconds)]


def evaluated(folder: Path) -> list[tuple[int, str]]:
    """(number, arch_id) of every finished evaluation."""
    lines = (folder / "evaluated.txt").read_text().splitlines()
    return [(int(line.split()[1]), line.split()[2]) for line in lines]


@pytest.mark.slow
def test_four_processes_and_a_hundred_trials(tmp_path: Path) -> None:
    children = [subprocess.Popen(loop_command(tmp_path, 100)) for _ in range(4)]
    assert [child.wait() for child in children] == [0] * 4
    database = Database(tmp_path)
    records = Store(database, "proxy").records()
    database.close()
    assert len(records) == len({record.arch_id for record in records}) == 100
    assert all(record.state == "complete" for record in records)
    done = evaluated(tmp_path)
    assert len(done) == len(set(done)) == 100  # each once


@pytest.mark.slow
@pytest.mark.parametrize(("strategy", "wanted"), [("evolution", 12), ("model", 4)])
def test_kills_lose_nothing(tmp_path: Path, strategy: str, wanted: int) -> None:
    """With one process the trials are also the same as without a kill."""
    trials, rng, kills = 2 * wanted + 20, np.random.default_rng(0), 0
    parts, whole = tmp_path / "parts", tmp_path / "whole"
    parts.mkdir()
    whole.mkdir()
    finished: dict[int, tuple[object, ...]] = {}
    while kills < wanted:
        child = subprocess.Popen(loop_command(parts, trials, strategy, 0.02))
        began = evaluated(parts) if (parts / "evaluated.txt").exists() else []
        while child.poll() is None and (
            not (parts / "evaluated.txt").exists() or len(evaluated(parts)) == len(began)
        ):
            time.sleep(0.005)  # until it is at work
        time.sleep(rng.uniform(0, 0.1))
        if child.poll() is not None:
            break
        child.kill()
        child.wait()
        kills += 1
        database = Database(parts)
        records = Store(database, "proxy").records()
        database.close()
        now = {r.number: (r.arch_id, r.values) for r in records if r.state == "complete"}
        assert now.items() >= finished.items()
        finished = now
    assert kills == wanted
    subprocess.run(loop_command(parts, trials, strategy), check=True)
    subprocess.run(loop_command(whole, trials, strategy), check=True)
    ends = []
    for folder in (parts, whole):
        database = Database(folder)
        ends.append([(r.arch_id, r.values) for r in Store(database, "proxy").records()])
        database.close()
    assert ends[0] == ends[1]
