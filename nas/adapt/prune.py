"""Weights of a narrower or wider network from those of a trained one.

A criterion gives each set of coupled channels one score, summed over all layers that make the
channels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import zip_longest

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own spelling

from nas.adapt.dependencies import DependencyGraph, Mask

Scores = NDArray[np.float64]
Batch = tuple[Tensor, Tensor]
"""Normalised images and their labels."""


def scores(
    channels: DependencyGraph,
    module: nn.Module,
    criterion: str = "l2",
    *,
    batches: Sequence[Batch] = (),
    seed: int = 0,
) -> Scores:
    """(n_coupled,) importance of each set by a criterion of `nas.adapt.plan.CRITERIA`.

    `taylor` needs batches.
    """
    drawn = np.random.default_rng(seed).random(channels.n_coupled)
    return SCORES[criterion](channels, module, batches, drawn)


def _l2(channels: DependencyGraph, module: nn.Module, _: Sequence[Batch], __: Scores) -> Scores:
    """Sum of squares of the filters (NetAdapt, arXiv:1804.03230, section 3.3)."""
    return _summed(channels, {name: t.detach() ** 2 for name, t in module.named_parameters()})


def _taylor(
    channels: DependencyGraph, module: nn.Module, batches: Sequence[Batch], _: Scores
) -> Scores:
    """Squared first-order change of the loss without the channels (arXiv:1906.10771, eq. 8)."""
    training, device = module.training, next(module.parameters()).device
    module.to(batches[0][0].device).eval().zero_grad()
    for images, labels in batches:
        loss = F.cross_entropy(module(images).float(), labels) / len(batches)
        torch.autograd.backward(loss)
    products = {
        name: torch.zeros_like(t) if t.grad is None else t.grad * t.detach()
        for name, t in module.named_parameters()
    }
    module.zero_grad(set_to_none=True)
    module.to(device).train(training)
    return np.asarray(_summed(channels, products) ** 2)


def _scale(channels: DependencyGraph, module: nn.Module, _: Sequence[Batch], __: Scores) -> Scores:
    """Factors of batch norms (arXiv:1708.06519); without one, the length of the filters."""
    total, weight = np.zeros(channels.n_coupled), dict(module.named_parameters())
    for axes in channels.axes:
        op = channels.graph.ops[axes.op]
        if op.kind == "batch_norm":
            factors = weight[f"{op.name}.weight"].detach().abs().double().cpu().numpy()
            labels = axes.tensors["weight"][0]
            _add(total, channels, labels, factors)
    return np.where(total > 0, total, np.sqrt(_l2(channels, module, (), total)))


def _random(_: DependencyGraph, __: nn.Module, ___: Sequence[Batch], drawn: Scores) -> Scores:
    """Random scores: the baseline of all criteria."""
    return drawn


SCORES: Mapping[str, Callable[[DependencyGraph, nn.Module, Sequence[Batch], Scores], Scores]] = {
    "l2": _l2,
    "taylor": _taylor,
    "scale": _scale,
    "random": _random,
}


def _summed(channels: DependencyGraph, parameters: Mapping[str, Tensor]) -> Scores:
    """(n_coupled,) sum of a quantity over the weights that make the channels of each set."""
    total = np.zeros(channels.n_coupled)
    for axes in channels.axes:
        op = channels.graph.ops[axes.op]
        own = parameters.get(f"{op.name}.weight")
        if own is None or op.kind not in ("conv", "linear", "param"):
            continue
        labels = axes.tensors["weight"][0]
        values = own if op.kind == "param" else own.flatten(1).sum(1)
        _add(total, channels, labels, values.double().cpu().numpy())
    return total


def _add(
    total: Scores, channels: DependencyGraph, labels: NDArray[np.int64] | None, values: Scores
) -> None:
    assert labels is not None
    known = labels >= 0
    np.add.at(total, channels.coupled[labels[known]], values[known])


def pruned(channels: DependencyGraph, state: Mapping[str, Tensor], kept: Mask) -> dict[str, Tensor]:
    """The tensors of the network that keeps the masked channels."""
    masks = channels.axis_masks(kept)
    return {
        name: tensor[_kept(masks[name], tensor)] if name in masks else tensor
        for name, tensor in state.items()
    }


def _kept(axes: Sequence[Mask | None], tensor: Tensor) -> tuple[Tensor, ...]:
    """Indices that each axis of a tensor keeps; of a free parameter, from its elements' mask."""
    elements = axes[0] if len(axes) == 1 else None
    if elements is not None and elements.ndim > 1:  # its kept rows and columns
        found = [np.unique(index) for index in np.nonzero(elements)]
    else:
        pairs = zip_longest(tensor.shape, axes)
        found = [np.arange(n) if mask is None else np.flatnonzero(mask) for n, mask in pairs]
    return tuple(torch.from_numpy(index) for index in np.ix_(*found))


@torch.no_grad()
def embedded(
    wide: DependencyGraph, fresh: Mapping[str, Tensor], state: Mapping[str, Tensor], kept: Mask
) -> dict[str, Tensor]:
    """Put the tensors of `state` into a wider network, at the channels of the mask `kept`.

    New channels start as in `fresh`, and the weights that read them are 0. So the network computes
    the same as before, unless a layer norm sees the new channels. The idea is that of Net2Net
    (arXiv:1511.05641), without copied channels.
    """
    masks = wide.axis_masks(kept)
    found = {}
    for name, tensor in fresh.items():
        axes, own = masks.get(name, ()), tensor.clone()
        for dim, mask in enumerate(axes):
            if mask is not None and dim > 0:
                own.index_fill_(dim, torch.from_numpy(np.flatnonzero(~mask)), 0.0)
        own[_kept(axes, own)] = state[name]
        found[name] = own
    return found
