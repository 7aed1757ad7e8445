"""Estimators against long training: the sample, the figures, and going on."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from nas.errors import ResultError, TrainingError
from nas.evaluate.fidelity.estimators import LONG, Estimator, estimators, sample
from nas.evaluate.fidelity.job import JOURNAL, Fidelity
from nas.evaluate.fidelity.ranking import Score, kendall
from nas.evaluate.fidelity.resumable import FidelitySettings, compare_estimators
from nas.files.output import Output
from nas.library import load_arch, load_space, load_surrogate
from nas.space.space import Space
from nas.train.data import load_data
from nas.train.loop import Epoch, Training
from nas.train.recipe import load_recipe
from nas.train.run import Task

TINY = Path(__file__).parents[2] / "cases" / "tinyspace.yaml"


@pytest.fixture(scope="module")
def space() -> Space:
    return load_space("mobilenetv3")


@pytest.fixture
def task() -> Task:
    data = load_data("digits")
    few = replace(data, train=data.train.take(torch.arange(600)))
    return Task(few, replace(load_recipe("proxy"), batch=40))


def test_the_sample_has_distinct_points_within_the_size(space: Space) -> None:
    seeds = [load_arch("mobilenetv3-large"), load_arch("mobilenetv3-small")]
    found = sample(space, seeds, 8, 0, 300)
    assert len({arch.arch_id for arch in found}) == 8
    assert all(space.contains(arch) and arch.macs <= 300e6 for arch in found)
    assert found == sample(space, seeds, 8, 0, 300)
    with pytest.raises(TrainingError, match="too few networks below 1 million MACs"):
        sample(space, [], 1, 0, 1)


def test_estimators_are_cheaper_than_the_long_training() -> None:
    names = [estimator.name for estimator in estimators([1, 5, 20], 10, ["naswot"])]
    assert names == [
        "long", "params", "macs", "naswot", "surrogate", "1 epochs", "5 epochs",
        "5 epochs, half the side", "5 epochs, 25% of the images", "1 epochs, inherited",
    ]  # fmt: skip


def test_tau_of_known_rankings() -> None:
    up = np.arange(10.0)
    assert kendall(np.column_stack([up, up])) == pytest.approx(1)
    assert kendall(np.column_stack([up, -up])) == pytest.approx(-1)
    assert np.isnan(kendall(np.column_stack([up, 0 * up])))
    assert np.isnan(kendall(np.empty((0, 2))))


def test_a_taken_name_is_an_error_before_a_cluster_is_asked(
    task: Task, tmp_path: Path, space: Space
) -> None:
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "notes.txt").touch()
    settings = FidelitySettings(space, load_surrogate("imagenet"), networks=3)
    with pytest.raises(ResultError, match="taken"):
        compare_estimators(
            settings,
            task,
            Output(tmp_path, "taken"),
            connect=lambda: pytest.fail("the cluster was asked"),
        )


def test_a_ranking_leaves_out_networks_that_broke(task: Task, tmp_path: Path, space: Space) -> None:
    archs = sample(space, [], 5, 0, 1000)
    found = Fidelity(task, archs, tmp_path, load_surrogate("imagenet"))
    for place, arch in enumerate(archs):
        found.scores["a", arch.arch_id] = Score(float("nan") if place == 0 else place, 2.0)
        found.scores[LONG, arch.arch_id] = Score(place, 10.0)
    ranking = found.ranking("a")
    assert (ranking.tau, ranking.networks, ranking.seconds) == (pytest.approx(1), 4, 2.0)
    assert ranking.low <= ranking.tau <= ranking.high


@pytest.mark.slow
def test_it_goes_on_where_it_was(
    task: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archs = sample(load_space(TINY), [], 4, 0, 100)
    asked = [Estimator(LONG, 3), Estimator("params"), Estimator("zen"), Estimator("surrogate")]
    asked += [
        Estimator("half", 1, side=0.5),
        Estimator("kin", 1, inherit=True),
        Estimator("part", 1, share=0.5),
    ]
    surrogate = load_surrogate("imagenet")
    whole = Fidelity(task, archs, tmp_path, surrogate)
    rankings = whole.run(asked)
    assert rankings[0].tau == pytest.approx(1)
    journal = tmp_path / "scores.csv"
    assert len(journal.read_text().splitlines()) == 1 + 4 * len(asked)
    journal.write_text(journal.read_text() + "long,half a li")

    def never(self: Training) -> Epoch:
        raise AssertionError("trained again")

    monkeypatch.setattr(Training, "run_epoch", never)
    again = Fidelity(task, archs, tmp_path, surrogate).run(asked)
    assert [r.tau for r in again] == pytest.approx([r.tau for r in rankings], abs=1e-9, nan_ok=True)
    assert json.dumps([r.estimator for r in again])


def test_with_nobody_to_inherit_from_there_is_no_number(
    task: Task, tmp_path: Path, space: Space
) -> None:
    archs = sample(space, [load_arch("mobilenetv3-small")], 2, 0, 100)
    found = Fidelity(task, archs, tmp_path, load_surrogate("imagenet"))
    assert np.isnan(found.score(Estimator("kin", 1, inherit=True), archs[0]).score)


def test_a_header_torn_by_a_kill_is_written_again(task: Task, tmp_path: Path) -> None:
    (tmp_path / JOURNAL).touch()  # what is left without the torn line
    Fidelity(task, [], tmp_path, load_surrogate("imagenet"))._add("zen", "abc", Score(1.0, 2.0))
    assert (tmp_path / JOURNAL).read_text() == "judge,arch_id,score,seconds\nzen,abc,1,2\n"
