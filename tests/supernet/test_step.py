"""A step of the sandwich rule: what it computes, and what it changes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional as F  # noqa: N812 - torch's own spelling

from nas.space.space import Code, Space
from nas.supernet.distillation import _alpha, alpha, kl
from nas.supernet.step import sandwich
from nas.supernet.store import Slice, WeightStore
from nas.supernet.subnet import Subnet, subnet
from nas.supernet.update import STATES, SliceOptimiser
from nas.train.loop import Setting
from nas.train.optimiser import make_optimiser
from nas.train.recipe import Optimiser


def codes(space: Space, n: int, seed: int = 0) -> list[Code]:
    found = space.layered.sample(n, np.random.default_rng(seed))
    return [tuple(map(int, code)) for code in found]


def trained(store: WeightStore, found: list[Code], side: int = 32) -> list[Subnet]:
    """Sub-networks with the gradients of a step."""
    torch.manual_seed(0)
    subnets = [subnet(store, code) for code in found]
    targets = F.one_hot(torch.arange(8) % 10, 10).float()
    sandwich(subnets, torch.randn(8, 3, side, side), targets, Setting())
    return subnets


def used(subnets: list[Subnet]) -> list[tuple[Slice, torch.Tensor]]:
    return [pair for own in subnets for pair in own.gradients()]


@pytest.mark.parametrize("name", STATES)
def test_a_step_changes_active_slices_only(mixed: Space, name: str) -> None:
    store = WeightStore(mixed)
    for key in store.shared:
        store.tensor(key)
    optimiser = SliceOptimiser(store, Optimiser(name), ema=0.9)
    for step in range(2):
        before = {key: tensor.clone() for key, tensor in store.tensors.items()}
        states = [{k: v.clone() for k, v in own.items()} for own in optimiser.states.values()]
        averages = {key: tensor.clone() for key, tensor in optimiser.averages.items()}
        subnets = trained(store, codes(mixed, 4, step))
        active = {key: torch.zeros_like(v, dtype=torch.bool) for key, v in store.tensors.items()}
        for own in subnets:
            for part in own.slices.values():
                active[part.key][part.at] = True
        optimiser.update(used(subnets), lr=0.1)
        for key, mask in active.items():
            changed = store.tensors[key] != before[key]
            assert not (changed & ~mask).any()
        assert any(mask.any() and not mask.all() for mask in active.values())
        kept = [
            *zip(optimiser.states.values(), states, strict=True),
            (optimiser.averages, averages),
        ]
        for now, then in kept:
            for key, tensor in then.items():
                assert not ((now[key] != tensor) & ~active[key]).any()


@pytest.mark.parametrize("name", STATES)
def test_steps_of_one_network_are_those_of_its_own_optimiser(mixed: Space, name: str) -> None:
    """Of a network that alone uses the weights, over several steps."""
    recipe, code = Optimiser(name, weight_decay=0.1, clip=0.5), codes(mixed, 1)[0]
    store = WeightStore(mixed)
    own = subnet(store, code)
    optimiser, other = SliceOptimiser(store, recipe), make_optimiser(own.module, recipe)
    for _ in range(3):
        (shared,) = trained(store, [code])
        optimiser.update(used([shared]), lr=0.01)
        for ours, theirs in zip(own.module.parameters(), shared.module.parameters(), strict=True):
            ours.grad = theirs.grad
        torch.nn.utils.clip_grad_norm_(own.module.parameters(), recipe.clip)
        for group in other.param_groups:
            group["lr"] = 0.01
        other.step()
        expected = dict(own.module.named_parameters())
        for parameter, weight in store.weights(own.slices).items():
            torch.testing.assert_close(weight, expected[parameter].data, atol=1e-6, rtol=1e-4)


def test_gradients_of_shared_weights_are_added(mixed: Space) -> None:
    code = codes(mixed, 1)[0]
    one, two = WeightStore(mixed), WeightStore(mixed)
    subnets = trained(one, [code])
    recipe = Optimiser("sgd", weight_decay=0.0, momentum=0.0)
    SliceOptimiser(one, recipe).update(used(subnets) * 2, lr=0.1)
    SliceOptimiser(two, recipe).update(used(subnets), lr=0.2)
    for key, tensor in one.tensors.items():
        torch.testing.assert_close(tensor, two.tensor(key))


def test_smaller_networks_learn_from_the_largest(mixed: Space) -> None:
    """Targets that change reach the first network alone through the labels."""
    store, found = WeightStore(mixed), codes(mixed, 2)
    images, small = torch.randn(8, 3, 32, 32), list[torch.Tensor]()
    for label in (0, 1):
        largest, other = (subnet(store, code) for code in found)
        targets = F.one_hot(torch.full((8,), label), 10).float()
        loss = sandwich([largest, other], images, targets, Setting())
        with torch.no_grad():
            logits = largest.module(images)
            assert float(loss) == pytest.approx(float(F.cross_entropy(logits, targets)), rel=1e-4)
        small.append(torch.cat([gradient.flatten() for _, gradient in other.gradients()]))
    torch.testing.assert_close(*small)


def test_passes_of_a_part_of_the_batch_sum_to_it(mixed: Space) -> None:
    """Of targets and weights; batch norms see the images of a pass, so only shapes are compared."""
    store, (code,) = WeightStore(mixed), codes(mixed, 1)
    own, targets = subnet(store, code), torch.full((8, 10), 0.1)
    loss = sandwich([own], torch.randn(8, 3, 32, 32), targets, replace(Setting(), micro_batch=4))
    assert torch.isfinite(loss)
    assert all(parameter.grad is not None for parameter in own.module.parameters())


def test_equal_predictions_have_no_divergence() -> None:
    logits = torch.randn(4, 10)
    assert float(kl(logits, logits)) == pytest.approx(0, abs=1e-6)
    student = logits.clone().requires_grad_()
    torch.autograd.backward(alpha(student, logits))
    assert student.grad is not None
    assert float(student.grad.abs().max()) < 1e-6


@pytest.mark.parametrize("order", [-1.0, 1.0])
def test_the_surrogate_has_the_gradient_of_the_divergence(order: float) -> None:
    wanted = 0.3 * torch.randn(4, 10, dtype=torch.double)  # ratios below the clip
    logits = (0.3 * torch.randn(4, 10, dtype=torch.double)).requires_grad_()
    (found,) = torch.autograd.grad(_alpha(logits, wanted, order)[1].sum(), logits)
    p, q = wanted.softmax(1), logits.softmax(1)
    exact = p * (p / q).log() if order == 1 else q * ((p / q) ** order - 1) / (order * (order - 1))
    (expected,) = torch.autograd.grad(exact.sum(), logits)
    torch.testing.assert_close(found, expected)
