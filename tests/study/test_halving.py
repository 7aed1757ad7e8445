"""Successive halving on real trainings: halved, resumed, and robust to one failure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import optuna
import pytest

from nas.errors import TrainingError
from nas.study.database import FILE
from nas.study.halving import SuccessiveHalving, finals_name, rung_name
from nas.study.plan import Plan
from nas.study.results import StudyResult, study_result
from nas.study.spec import StudySpec
from nas.train import run
from nas.train.loop import Epoch, Training
from nas.train.run import Task

PLAN = Plan(epochs=2, finalists=1, final_epochs=2, seeds=2)


def halving(task: Task, folder: Path, spec: StudySpec, **changes: object) -> SuccessiveHalving:
    folder.mkdir(exist_ok=True)
    made = SuccessiveHalving(task, folder, PLAN, spec, trials=4)
    return replace(made, **changes)  # type: ignore[arg-type]


def ran(made: SuccessiveHalving) -> StudyResult:
    made.run()
    return study_result(made)


def width(trial: object) -> int:
    return trial.candidate.arch.rows[0].out  # type: ignore[attr-defined, no-any-return]


def test_the_better_half_goes_on_and_the_best_is_trained_anew(
    task: Task, spec: StudySpec, tmp_path: Path
) -> None:
    shares: list[float] = []
    found = ran(
        halving(task, tmp_path / "s", spec, on_progress=lambda step, share: shares.append(share))
    )
    assert PLAN.rungs(4) == [(1, 4), (2, 2)]
    assert [trial.state for trial in found.trials] == ["complete", "complete", "pruned", "pruned"]
    assert [len(trial.top1s) for trial in found.trials] == [2, 2, 1, 1]
    best = found.trials[0]
    assert width(best) in (32, 48)
    assert len(best.finals) == 2
    assert found.accuracy.top1 == pytest.approx(sum(best.finals) / 2)
    assert found.accuracy.seeds == 2
    assert found.weights.exists()
    frame = found.to_frame()
    assert [*frame["state"]] == ["complete", "complete", "pruned", "pruned"]
    assert frame["final_top1"][0] == pytest.approx(found.accuracy.top1)
    assert "4 trials on" in repr(found)
    assert shares == sorted(shares)
    assert shares[-1] == 1
    whole = {share for share in shares if abs(share * 10 - round(share * 10)) < 1e-9}
    assert len(whole) == PLAN.work(4) == 10  # and some in the middle of an epoch


def test_optuna_reads_the_store_by_readable_names(
    task: Task, spec: StudySpec, tmp_path: Path
) -> None:
    ran(halving(task, tmp_path / "s", spec))
    url = f"sqlite:///{tmp_path / 's' / FILE}"
    study = optuna.load_study(study_name=rung_name(1, 2), storage=url)
    assert [trial.params for trial in study.trials] == [{"row 1 out": w} for w in (1, 2, 32, 48)]
    assert all(trial.state.name == "COMPLETE" for trial in study.trials)
    assert study.best_trial.user_attrs["predicted_ms"] > 0
    assert study.best_value == max(trial.intermediate_values[1] for trial in study.trials)
    further = optuna.load_study(study_name=rung_name(2, 2), storage=url)
    assert len({trial.params["row 1 out"] for trial in further.trials}) == 2
    finals = optuna.load_study(study_name=finals_name(2), storage=url)
    assert [trial.state.name for trial in finals.trials] == ["COMPLETE"] * 2


class Killed(BaseException):
    """Ends a run at once, like a signal."""


def test_what_was_stopped_goes_on_and_ends_the_same(
    task: Task, spec: StudySpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stop six times between an epoch's checkpoint and its report to the store."""
    expected = ran(halving(task, tmp_path / "whole", spec))
    real, epochs, stops = Training.run_epoch, 0, [1, 3, 5, 6, 7, 9]

    def counted(self: Training) -> Epoch:
        nonlocal epochs
        epochs += 1
        return real(self)

    def dies(folder: Path, history: Sequence[Epoch]) -> None:
        if epochs in stops:
            stops.remove(epochs)
            raise Killed

    monkeypatch.setattr(Training, "run_epoch", counted)
    monkeypatch.setattr(run, "write_log", dies)
    while stops:
        with pytest.raises(Killed):
            ran(halving(task, tmp_path / "parts", spec))
    found = ran(halving(task, tmp_path / "parts", spec))
    assert epochs == PLAN.work(4)  # nothing twice
    assert [(t.top1s, t.finals, t.state) for t in found.trials] == [
        (t.top1s, t.finals, t.state) for t in expected.trials
    ]


def test_a_finished_study_trains_nothing_again(
    task: Task, spec: StudySpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = ran(halving(task, tmp_path / "s", spec))

    def never(self: Training) -> Epoch:
        raise AssertionError("trained again")

    monkeypatch.setattr(Training, "run_epoch", never)
    assert ran(halving(task, tmp_path / "s", spec)).trials == expected.trials


def test_a_broken_candidate_costs_only_itself(
    task: Task, spec: StudySpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, said = Training.run_epoch, []

    def broken(self: Training) -> Epoch:
        if self.arch.rows[0].out == 48:
            raise TrainingError("w48 diverged")
        return real(self)

    monkeypatch.setattr(Training, "run_epoch", broken)
    found = ran(halving(task, tmp_path / "s", spec, on_message=said.append))
    assert width(found.trials[0]) == 32
    worst = found.trials[-1]
    assert (worst.state, worst.error, worst.top1s) == ("fail", "w48 diverged", {})
    assert said == ["w48 diverged"]
    monkeypatch.setattr(Training, "run_epoch", lambda self: _fail())
    with pytest.raises(TrainingError, match="none of 4 candidates could be trained"):
        ran(halving(task, tmp_path / "other", spec))


def _fail() -> Epoch:
    raise TrainingError("diverged")


def test_weights_come_from_the_nearest_trained_candidate(
    task: Task, spec: StudySpec, tmp_path: Path
) -> None:
    own = ran(halving(task, tmp_path / "own", spec))
    alone = {width(trial): trial.top1s[1] for trial in own.trials}
    kin = ran(halving(task, tmp_path / "kin", spec, plan=replace(PLAN, inherit=True)))
    helped = {width(trial): trial.top1s[1] for trial in kin.trials}
    assert helped[1] == alone[1]  # the first has no one to take from
    assert helped[48] != alone[48]


def test_several_objectives_keep_a_front(task: Task, spec: StudySpec, tmp_path: Path) -> None:
    """No network dominates the smallest one, so it stays, however inaccurate."""
    asked = replace(spec, objectives=("params",))
    found = ran(halving(task, tmp_path / "s", asked))
    on = {width(trial) for trial in found.trials if trial.state == "complete"}
    assert 1 in on
    url = f"sqlite:///{tmp_path / 's' / FILE}"
    study = optuna.load_study(study_name=rung_name(1, 2), storage=url)
    assert [d.name for d in study.directions] == ["MAXIMIZE", "MINIMIZE"]
    sizes = [trial.values[1] for trial in study.trials]
    assert sizes == sorted(sizes)


def test_when_the_space_is_exhausted_it_goes_on_with_what_there_is(
    task: Task, spec: StudySpec, tmp_path: Path
) -> None:
    made = halving(task, tmp_path / "s", replace(spec, queue=()), trials=9)
    assert len(ran(made).trials) == 4
