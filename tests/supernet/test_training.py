"""The training of a supernet: it learns, goes on exactly, survives a collapse, is judged."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import nas
from nas.errors import (
    ArchError,
    BudgetError,
    RecipeError,
    ResultError,
    SpaceError,
    TrainingError,
    UnknownNameError,
    WeightsError,
)
from nas.files.output import Output
from nas.space.arch import Arch
from nas.space.space import Space
from nas.supernet.draw import Draws
from nas.supernet.resumable import SupernetPlan, train_supernet
from nas.supernet.run import HALVINGS, SupernetRun
from nas.supernet.training import Collapse, SupernetTraining, fitted_space
from nas.train.augment import augmented
from nas.train.data import load_data
from nas.train.recipe import Augment, Recipe, Regularise, Stage, load_recipe
from nas.train.run import CHECKPOINT, Task

OTHER = "name: t\nsource: s\ninput: [3, 32, 32]\ncolumns: [op, out]\nrows:\n"
OTHER += "  - [pool, ~]\n  - [linear, 10]\n"


@pytest.fixture(scope="session")
def task() -> Task:
    """Three hundred digits, and thirteen steps an epoch."""
    data = load_data("digits")
    some = torch.arange(300)
    few = replace(data, train=data.train.take(some), test=data.test.take(some[:50]))
    recipe = replace(load_recipe("proxy"), batch=20, augment=Augment())
    return Task(few, replace(recipe, regularise=Regularise(dropout=0.1, ema=0.5)))


@pytest.fixture
def run(narrow: Space, task: Task, tmp_path: Path) -> SupernetRun:
    return SupernetRun(Draws(narrow), task, tmp_path, epochs=2)


def weights(training: SupernetTraining) -> dict[str, torch.Tensor]:
    return training.store.tensors | {
        f"average of {key}": tensor for key, tensor in training.optimiser.averages.items()
    }


def test_it_learns(narrow: Space, task: Task, tmp_path: Path) -> None:
    seen: list[float] = []
    progress = lambda step, share: seen.append(share)  # noqa: E731
    run = SupernetRun(Draws(narrow), task, tmp_path, epochs=8, on_progress=progress)
    training = run.train()
    assert training.history[-1].loss < 0.8 * training.history[0].loss
    assert training.history[-1].largest_top1 > 50  # of ten classes
    assert training.history[-1].smallest_top1 > 15  # it has a thousand weights
    assert seen == sorted(seen)
    assert seen[-1] == 1
    assert len((tmp_path / "log.csv").read_text().splitlines()) == 9


def test_going_on_computes_what_an_uninterrupted_training_does(
    run: SupernetRun, tmp_path: Path
) -> None:
    whole = replace(run, folder=tmp_path / "whole")
    whole.folder.mkdir()
    expected = whole.train()
    run.train(until=1)
    found = run.train()
    assert [epoch.loss for epoch in found.history] == [epoch.loss for epoch in expected.history]
    ours, theirs = weights(found), weights(expected)
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)


def test_a_collapse_goes_back_and_halves_the_rate(
    run: SupernetRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    run.train(until=1)
    calls = 0

    def broken(self: SupernetTraining, *args: object) -> float:
        nonlocal calls
        calls += 1
        if calls <= 2:
            raise Collapse("narrow diverged")
        return step(self, *args)  # type: ignore[arg-type]

    step = SupernetTraining._step
    monkeypatch.setattr(SupernetTraining, "_step", broken)
    training = replace(run, on_message=said.append).train()
    assert [epoch.rate for epoch in training.history] == [1.0, 0.25]
    assert said == [
        f"narrow diverged; back to epoch 1, at {rate} times the recipe's learning rate"
        for rate in (0.5, 0.25)
    ]


def test_a_training_that_collapses_again_and_again_ends(
    run: SupernetRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []

    def broken(self: SupernetTraining, *args: object) -> float:
        raise Collapse("narrow diverged")

    monkeypatch.setattr(SupernetTraining, "_step", broken)
    with pytest.raises(TrainingError, match="narrow diverged"):
        replace(run, on_message=said.append).train()
    assert len(said) == HALVINGS


def test_a_loss_that_falls_back_to_a_guess_is_a_collapse(
    run: SupernetRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    training = run.train(until=1)
    training.history = [replace(training.history[0], loss=1.0)]
    monkeypatch.setattr(SupernetTraining, "_step", lambda *_: 2.3)
    with pytest.raises(Collapse, match="that of a guess"):
        training.run_epoch()


def test_judged_accuracy_is_that_of_the_extracted_module(run: SupernetRun, task: Task) -> None:
    training = run.train(until=1)
    judge, space = training.judge(), training.draws.space
    arch = space.sample(np.random.default_rng(0))
    module, validation = judge.extract(arch), task.splits[1]
    plain = replace(task.recipe, regularise=Regularise())
    index = torch.arange(len(validation.labels))
    with torch.no_grad():
        images, _ = augmented(*next(validation.batches([(index, arch.input[1])])), plain, task.data)
        right = module(images).argmax(1) == validation.labels
    assert judge.judge(arch) == pytest.approx(100 * float(right.float().mean()))
    assert [*judge.figures] == [arch.arch_id]
    with pytest.raises(SpaceError, match="not a point of narrow"):
        judge.judge(Arch.from_yaml(OTHER))


def test_an_extracted_network_is_saved_and_read_as_any_other(
    run: SupernetRun, tmp_path: Path
) -> None:
    judge, space = run.train(until=1).judge(), run.draws.space
    arch = space.sample(np.random.default_rng(1))
    module = judge.extract(arch)
    nas.save_weights(module, tmp_path / "own.safetensors")
    again = nas.build(arch, weights=tmp_path / "own.safetensors").eval()
    images = torch.randn(2, *arch.input)
    with torch.no_grad():
        torch.testing.assert_close(again(images), module(images))


def test_a_result_is_loaded_for_its_own_space_and_images(
    narrow_file: Path, task: Task, tmp_path: Path
) -> None:
    output = Output(tmp_path, "all")
    supernet = nas.train_supernet(narrow_file, task, output, epochs=1)
    arch = supernet.space.sample(np.random.default_rng(0))
    again = nas.Supernet.load(tmp_path / "all", task)
    assert again.judge(arch) == supernet.judge(arch)
    assert supernet.extract(arch)(torch.randn(2, *arch.input)).shape == (2, 10)
    with pytest.raises(ResultError, match="exists"):
        nas.train_supernet(narrow_file, task, output, epochs=1)
    other = replace(task, data=replace(task.data, fingerprint="another"))
    with pytest.raises(WeightsError, match="other images"):
        nas.Supernet.load(tmp_path / "all", other)
    wider = Space.from_yaml(narrow_file.read_text().replace("[16, 24]", "[16, 32]"))
    with pytest.raises(WeightsError, match="another space"):
        nas.Supernet.load(tmp_path / "all", task, space=wider)


def test_a_damaged_checkpoint_is_named(run: SupernetRun) -> None:
    run.train(until=1)
    path = run.folder / CHECKPOINT
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(WeightsError, match="no checkpoint of this training"):
        run.train()


@pytest.mark.parametrize(
    ("recipe", "what"),
    [
        (Recipe("r", "s", sides=(32, 64)), "sides"),
        (Recipe("r", "s", stages=(Stage(),)), "stages"),
    ],
    ids=["sides", "stages"],
)
def test_recipes_that_do_not_suit_are_refused(
    narrow: Space, task: Task, tmp_path: Path, recipe: Recipe, what: str
) -> None:
    with pytest.raises(RecipeError, match=what):
        plan = SupernetPlan(epochs=1)
        train_supernet(narrow, replace(task, recipe=recipe), Output(tmp_path), plan)
    assert not any(tmp_path.iterdir())


def test_plans_that_make_no_sense_are_refused() -> None:
    with pytest.raises(BudgetError, match="needs a device"):
        SupernetPlan(budget_ms=1.0)
    with pytest.raises(UnknownNameError, match="divergence"):
        SupernetPlan(divergence="kj")


def test_a_space_of_other_channels_is_refused(task: Task) -> None:
    grey = Space.from_yaml(OTHER.replace("[3, 32, 32]", "[1, 32, 32]"))
    with pytest.raises(ArchError, match="expected 3 channels"):
        fitted_space(grey, task)
