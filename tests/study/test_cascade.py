"""The cascade on real trainings of small networks: halved, resumed, and not broken by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import optuna
import pytest
import torch

from nas.arch import Arch
from nas.data import load_data
from nas.errors import TrainingError
from nas.search import Candidate
from nas.study.cascade import Cascade
from nas.study.plan import Plan
from nas.study.store import FILE, Store
from nas.train import run
from nas.train.loop import Epoch, Training
from nas.train.recipe import Augment, Regularise, load_recipe
from nas.train.run import Task

PLAN = Plan(epochs=2, finalists=1, final_epochs=2, seeds=2)


def network(width: int) -> Candidate:
    arch = Arch.from_yaml(
        f"name: w{width}\nsource: s\ninput: [3, 32, 32]\ncolumns: [op, k, out, act, s]\nrows:\n"
        f"  - [conv, 3, {width}, relu, 4]\n  - [conv, 3, {width}, relu, 2]\n"
        "  - [pool, ~, ~, ~, ~]\n  - [linear, ~, 10, ~, ~]\n"
    )
    return Candidate(arch, 0.5, 0.4, 0.6, 50 + width / 10, 1.0)


@pytest.fixture
def candidates() -> list[Candidate]:
    return [network(width) for width in (1, 2, 32, 48)]


@pytest.fixture
def task() -> Task:
    plain = replace(load_recipe("proxy"), batch=8, augment=Augment(), regularise=Regularise())
    few = load_data("digits")
    few = replace(few, train=few.train.take(torch.arange(500)))
    return Task(few, replace(plain, schedule=replace(plain.schedule, lr=0.02)))


def test_the_better_half_goes_on_and_the_best_is_trained_anew(
    task: Task, candidates: Sequence[Candidate], tmp_path: Path
) -> None:
    shares: list[float] = []
    cascade = Cascade(task, tmp_path, PLAN, heard=lambda step, share: shares.append(share))
    studied = cascade.run(candidates)
    assert PLAN.rungs(4) == [(1, 4), (2, 2)]
    states = [trial.state for trial in studied.trials]
    assert states == ["complete", "complete", "pruned", "pruned"]
    assert [len(trial.top1s) for trial in studied.trials] == [2, 2, 1, 1]
    best = studied.trials[0]
    assert best.candidate.arch.name in ("w32", "w48")
    assert len(best.finals) == 2
    assert studied.accuracy.top1 == pytest.approx(sum(best.finals) / 2)
    assert studied.accuracy.seeds == 2
    assert studied.weights.exists()
    assert shares == sorted(shares)
    assert shares[-1] == 1
    whole = {share for share in shares if abs(share * 10 - round(share * 10)) < 1e-9}
    assert len(whole) == PLAN.work(4) == 10  # and some in the middle of an epoch


def test_optuna_reads_the_store(
    task: Task, candidates: Sequence[Candidate], tmp_path: Path
) -> None:
    Cascade(task, tmp_path, PLAN).run(candidates)
    study = optuna.load_study(study_name="proxy", storage=f"sqlite:///{tmp_path / FILE}")
    names = {trial.user_attrs["name"] for trial in study.trials}
    assert names == {"w1", "w2", "w32", "w48"}
    assert study.best_trial.user_attrs["predicted_ms"] == 0.5
    finals = optuna.load_study(study_name="finals", storage=f"sqlite:///{tmp_path / FILE}")
    assert [trial.state.name for trial in finals.trials] == ["COMPLETE"] * 2


class Killed(BaseException):
    """Ends a run at once, as a signal does."""


@pytest.mark.parametrize("at", [1, 3, 5, 6, 7, 9])
def test_what_was_stopped_goes_on_and_ends_the_same(
    task: Task,
    candidates: Sequence[Candidate],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    at: int,
) -> None:
    """Stopped after the checkpoint of epoch `at` and before the store hears of it."""
    whole = Cascade(task, tmp_path / "whole", PLAN)
    whole.folder.mkdir()
    expected = whole.run(candidates)
    (tmp_path / "parts").mkdir()
    real, epochs = Training.run_epoch, 0

    def counted(self: Training) -> Epoch:
        nonlocal epochs
        epochs += 1
        return real(self)

    def dies(folder: Path, history: Sequence[Epoch]) -> None:
        if epochs == at:
            raise Killed

    monkeypatch.setattr(Training, "run_epoch", counted)
    monkeypatch.setattr(run, "write_log", dies)
    with pytest.raises(Killed):
        Cascade(task, tmp_path / "parts", PLAN).run(candidates)
    monkeypatch.setattr(run, "write_log", lambda folder, history: None)
    found = Cascade(task, tmp_path / "parts", PLAN).run(candidates)
    assert epochs == PLAN.work(4)  # nothing twice
    assert [(t.top1s, t.finals, t.state) for t in found.trials] == [
        (t.top1s, t.finals, t.state) for t in expected.trials
    ]


def test_a_finished_study_trains_nothing_again(
    task: Task, candidates: Sequence[Candidate], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = Cascade(task, tmp_path, PLAN).run(candidates)

    def never(self: Training) -> Epoch:
        raise AssertionError("trained again")

    monkeypatch.setattr(Training, "run_epoch", never)
    shares: list[float] = []
    again = Cascade(task, tmp_path, PLAN, heard=lambda step, share: shares.append(share))
    assert again.run(candidates) == expected


def test_a_broken_candidate_costs_only_itself(
    task: Task, candidates: Sequence[Candidate], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, said = Training.run_epoch, []

    def broken(self: Training) -> Epoch:
        if self.arch.name.startswith("w48"):
            raise TrainingError("w48 diverged")
        return real(self)

    monkeypatch.setattr(Training, "run_epoch", broken)
    studied = Cascade(task, tmp_path, PLAN, said=said.append).run(candidates)
    assert studied.trials[0].candidate.arch.name == "w32"
    worst = studied.trials[-1]
    assert (worst.state, worst.error, worst.top1s) == ("fail", "w48 diverged", {})
    assert said == ["w48 diverged"]
    monkeypatch.setattr(Training, "run_epoch", lambda self: broken(self) if False else _fail())
    with pytest.raises(TrainingError, match="none of 1 candidates could be trained"):
        other = tmp_path / "other"
        other.mkdir()
        Cascade(task, other, PLAN).run(candidates[:1])


def _fail() -> Epoch:
    raise TrainingError("diverged")


def test_weights_come_from_the_nearest_trained_candidate(
    task: Task, candidates: Sequence[Candidate], tmp_path: Path
) -> None:
    own = Cascade(task, tmp_path / "own", PLAN)
    own.folder.mkdir()
    alone = {t.candidate.arch.name: t.top1s[1] for t in own.run(candidates).trials}
    (tmp_path / "kin").mkdir()
    plan = replace(PLAN, inherit=True)
    kin = Cascade(task, tmp_path / "kin", plan).run(candidates)
    helped = {trial.candidate.arch.name: trial.top1s[1] for trial in kin.trials}
    assert helped["w1"] == alone["w1"]  # the first has no one to take from
    assert helped["w48"] != alone["w48"]


def test_a_trial_that_only_waits_is_started_later(tmp_path: Path) -> None:
    """A kill between the two writes that begin a trial."""
    store = Store(tmp_path, "proxy")
    store.study.enqueue_trial({}, user_attrs={"arch_id": "a", "seed": 0, "error": ""})
    record = Store(tmp_path, "proxy").record("a", 0)
    assert record.state == "running"
    assert len(store.records()) == 1
    store.report(record, 1, 50.0)
    store.report(record, 1, 50.0)
    store.finish(record, "complete", top1=50.0)
    assert store.record("a", 0).top1s == {1: 50.0}
