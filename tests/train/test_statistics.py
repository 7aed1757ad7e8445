"""What is judged, kept and inherited has batch-norm statistics of the weights as they are."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 - torch's own spelling
from torch.optim.swa_utils import update_bn

from nas.modules import build, save_weights
from nas.space.arch import Arch
from nas.train.augment import normalised
from nas.train.data.base import in_order
from nas.train.inherit import inherit
from nas.train.loop import Setting, Training
from nas.train.recipe import Regularise
from nas.train.run import Task, TrainingRun
from nas.train.statistics import IMAGES, estimate_statistics, estimation_plan


def statistics(module: nn.Module) -> list[torch.Tensor]:
    return [
        tensor.clone()
        for name, tensor in module.named_buffers()
        if name.rpartition(".")[2] in RUNNING
    ]


RUNNING = ("running_mean", "running_var")


@torch.no_grad()
def judged_alone(module: nn.Module, training: Training) -> tuple[float, float]:
    """Loss and top-1 of a plain module on the validation images."""
    split, side = training.validation, training.arch.input[1]
    (batch,) = split.batches(in_order(len(split.labels), len(split.labels), side))
    logits = module.eval()(normalised(batch[0], training.data))
    right = (logits.argmax(1) == batch[1]).float().mean()
    return float(F.cross_entropy(logits, batch[1])), 100 * float(right)


@pytest.mark.parametrize("ema", [0.0, 0.9])
def test_they_are_those_that_torch_finds(task: Task, tiny: Arch, ema: float) -> None:
    task = replace(task, recipe=replace(task.recipe, regularise=Regularise(ema=ema)))
    training = task.training(task.fit(tiny), epochs=2, seed=0)
    training.run_epoch()
    n, side = len(training.train.labels), training.arch.input[1]
    batches = training.train.batches(estimation_plan(n, task.recipe.batch, side))
    expected = deepcopy(training.eval_model)
    update_bn([normalised(images, task.data) for images, _ in batches], expected)
    for own, other in zip(statistics(training.eval_model), statistics(expected), strict=True):
        assert torch.allclose(own, other, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("regularised", [Regularise(), Regularise(dropout=0.3, ema=0.9)])
def test_what_is_judged_is_what_is_kept(
    task: Task, tiny: Arch, tmp_path: Path, regularised: Regularise
) -> None:
    task = replace(task, recipe=replace(task.recipe, regularise=regularised))
    training = TrainingRun(task, task.fit(tiny), tmp_path, epochs=1).train()
    save_weights(training.eval_model, tmp_path / "w.safetensors")
    module = build(training.arch, weights=tmp_path / "w.safetensors")
    last = training.history[-1]
    assert judged_alone(module, training) == pytest.approx((last.val_loss, last.val_top1), 1e-4)


def test_an_epoch_that_was_not_judged_leaves_no_old_ones(task: Task, tiny: Arch) -> None:
    evaluated, unevaluated = (task.training(task.fit(tiny), epochs=2, seed=0) for _ in range(2))
    for training in (evaluated, unevaluated):
        training.run_epoch(evaluate=training is evaluated)
        training.run_epoch(evaluate=False)
    pairs = zip(statistics(evaluated.eval_model), statistics(unevaluated.eval_model), strict=True)
    assert all(torch.equal(own, other) for own, other in pairs)


def test_inherited_weights_are_judged_with_their_own(
    quick: Task, tiny: Arch, tmp_path: Path
) -> None:
    fitted = quick.fit(tiny)
    parent = TrainingRun(quick, fitted, tmp_path, epochs=4).train()
    state = dict(parent.module.state_dict())
    for name in state:
        if name.rpartition(".")[2] in RUNNING:
            state[name] = torch.full_like(state[name], 7.0)
    child = quick.training(fitted, epochs=2, seed=5)
    inherit(child, fitted, state)
    begun = quick.training(fitted, epochs=2, seed=5)
    begun.start_from(state)
    assert child.evaluate(child.validation) == begun.evaluate(begun.validation)
    assert child.evaluate(child.validation)[1] > 50  # of ten classes; no epoch of its own


def test_estimating_draws_nothing_and_drops_nothing(task: Task, tiny: Arch) -> None:
    regularised = Regularise(dropout=0.5, stochastic_depth=0.5)
    plain = task.training(task.fit(tiny), epochs=1, seed=0)
    task = replace(task, recipe=replace(task.recipe, regularise=regularised))
    dropping = task.training(task.fit(tiny), epochs=1, seed=0)
    before = torch.random.get_rng_state()
    pairs = zip(statistics(dropping.eval_model), statistics(plain.eval_model), strict=True)
    assert all(torch.equal(own, other) for own, other in pairs)
    assert torch.equal(torch.random.get_rng_state(), before)
    norms = [m for m in dropping.module.modules() if isinstance(m, nn.BatchNorm2d)]
    assert {norm.momentum for norm in norms} == {nn.BatchNorm2d(1).momentum}
    assert not any(module.training for module in dropping.eval_model.modules())


def test_one_image_at_a_time_can_be_judged(task: Task, tiny: Arch) -> None:
    task = replace(task, setting=Setting(micro_batch=1))
    training = task.training(task.fit(tiny), epochs=1, seed=0)
    assert all(bool(found.isfinite().all()) for found in statistics(training.eval_model))


def test_a_network_without_norms_decodes_nothing() -> None:
    def images() -> object:
        raise AssertionError("nothing is to be read")
        yield

    estimate_statistics(nn.Sequential(nn.Linear(2, 2), nn.LayerNorm(2)), images())  # type: ignore[arg-type]


@pytest.mark.parametrize(("images", "batch"), [(50_000, 128), (50_000, 4096), (300, 128), (3, 2)])
def test_the_images_are_few_and_always_the_same(images: int, batch: int) -> None:
    plan = estimation_plan(images, batch, 32)
    index = torch.cat([part for part, _ in plan])
    assert len(index) == len(index.unique()) == min(images, IMAGES)
    assert min(len(part) for part, _ in plan) >= min(batch, images, IMAGES)
    again = torch.cat([part for part, _ in estimation_plan(images, 2 * batch, 64)])
    assert torch.equal(index, again)
