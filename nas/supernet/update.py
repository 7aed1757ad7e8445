"""The optimiser of the shared weights: a step changes the slices that were used, nothing else.

Departs: AdamW corrects the bias of its averages by the steps that used a tensor, not each of its
weights. So the first step of weights that are first used late is up to three times as long.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.optim.adamw import adamw
from torch.optim.rmsprop import rmsprop
from torch.optim.sgd import sgd

from nas.supernet.store import Slice, WeightStore
from nas.train.distributed import mean_of_all, world
from nas.train.recipe import Optimiser

BETA1 = 0.9
"""Of AdamW, as in `nas.train.optimiser`."""
STATES = {"sgd": ("momentum",), "rmsprop": ("square", "momentum"), "adamw": ("mean", "square")}
"""Tensors that an optimiser keeps for each weight."""


class Box(NamedTuple):
    """The smallest box of a shared tensor that holds all slices of a step."""

    key: str
    at: tuple[slice, ...]
    gradient: Tensor
    """Sum over the slices."""
    used: Tensor | None
    """Elements that a slice holds; None if all of them are."""
    decays: bool


class SliceOptimiser:
    """Optimiser of a store, with the average of its weights."""

    def __init__(self, store: WeightStore, recipe: Optimiser, ema: float = 0.0) -> None:
        """`ema` is the decay per step of the averaged weights; 0 keeps none."""
        self.store = store
        self.recipe = recipe
        self.ema = ema
        self.states: dict[str, dict[str, Tensor]] = {name: {} for name in STATES[recipe.name]}
        self.steps: dict[str, Tensor] = {}
        """Steps that used a tensor."""
        self.averages: dict[str, Tensor] = {}

    def averaged(self) -> WeightStore:
        """The store with averaged weights; the store itself if there are none."""
        return self.store.replaced(self.averages) if self.ema else self.store

    def state_dict(self) -> dict[str, Any]:
        """All that resuming needs, besides the weights."""
        return {"states": self.states, "steps": self.steps, "averages": self.averages}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from such a state."""
        device = self.store.device
        self.states = {name: _to(state["states"][name], device) for name in self.states}
        self.steps = dict(state["steps"])
        self.averages = _to(state["averages"], device)

    @torch.no_grad()
    def update(self, used: Iterable[tuple[Slice, Tensor]], lr: float) -> None:
        """One step: gradients of slices that share weights are added, then clipped by their norm.

        Under torchrun every process has the same slices, and gradients are averaged.
        """
        found = boxes(self.store, used)
        _average(found)
        if self.recipe.clip:
            _clip([box.gradient for box in found], self.recipe.clip)
        kept = [pair for box in found if box.used is not None for pair in self._copies(box)]
        for decays in (True, False):
            own = [box for box in found if box.decays == decays]
            self._step(own, lr, self.recipe.weight_decay if decays else 0.0)
        self._blend(found)
        for view, before, mask in kept:
            view.copy_(torch.where(mask, view, before))

    def _views(self, boxes: list[Box], state: dict[str, Tensor]) -> list[Tensor]:
        """The boxes of a state, which starts as zeros."""
        for box in boxes:
            if box.key not in state:
                state[box.key] = torch.zeros_like(self.store.tensor(box.key))
        return [state[box.key][box.at] for box in boxes]

    def _copies(self, box: Box) -> list[tuple[Tensor, Tensor, Tensor]]:
        """Weights, average and states of a box, each with a copy and what of it is used."""
        assert box.used is not None
        views = [self.store.tensor(box.key)[box.at]]
        views += [self._views([box], state)[0] for state in self.states.values()]
        if self.ema:
            views.append(self._average_of(box))
        return [(view, view.clone(), box.used) for view in views]

    def _average_of(self, box: Box) -> Tensor:
        if box.key not in self.averages:
            self.averages[box.key] = self.store.tensor(box.key).clone()
        return self.averages[box.key][box.at]

    def _step(self, boxes: list[Box], lr: float, weight_decay: float) -> None:
        if not boxes:
            return
        recipe = self.recipe
        weights = [self.store.tensor(box.key)[box.at] for box in boxes]
        gradients = [box.gradient for box in boxes]
        states = [self._views(boxes, state) for state in self.states.values()]
        steps = [self.steps.setdefault(box.key, torch.zeros(())) for box in boxes]
        own: dict[str, Any] = {"lr": lr, "weight_decay": weight_decay, "maximize": False}
        own["foreach"] = True  # views of larger tensors, which fused kernels do not take
        if recipe.name == "sgd":
            torch._foreach_add_(steps, 1)  # the others count themselves
            own |= {"momentum": recipe.momentum, "nesterov": recipe.momentum > 0}
            sgd(weights, gradients, list(states[0]), dampening=0.0, **own)
        elif recipe.name == "rmsprop":
            own |= {"alpha": recipe.beta2, "eps": recipe.eps, "momentum": recipe.momentum}
            square, momentum = states
            rmsprop(weights, gradients, square, [], momentum, steps, centered=False, **own)
        else:
            own |= {"beta1": BETA1, "beta2": recipe.beta2, "eps": recipe.eps}
            mean, square = states
            adamw(weights, gradients, mean, square, [], steps, amsgrad=False, **own)

    def _blend(self, boxes: list[Box]) -> None:
        """Move the averages towards the weights; they forget faster at the start."""
        if not self.ema:
            return
        for box in boxes:
            steps = float(self.steps[box.key])
            weight = 1 - min(self.ema, (1 + steps) / (10 + steps))
            self._average_of(box).lerp_(self.store.tensor(box.key)[box.at], weight)


def boxes(store: WeightStore, used: Iterable[tuple[Slice, Tensor]]) -> list[Box]:
    """The box of every shared tensor that a step used, with the sum of its gradients."""
    by_key: dict[str, list[tuple[Slice, Tensor]]] = {}
    for own, gradient in used:
        by_key.setdefault(own.key, []).append((own, gradient))
    return [_box(store.tensor(key), parts) for key, parts in by_key.items()]


def _box(tensor: Tensor, parts: list[tuple[Slice, Tensor]]) -> Box:
    places = [own.at for own, _ in parts]
    at = tuple(
        slice(min(part.start for part in axis), max(part.stop for part in axis))
        for axis in zip(*places, strict=True)
    )
    gradient = torch.zeros_like(tensor[at], memory_format=torch.contiguous_format)
    used = None if at in places else torch.zeros_like(gradient, dtype=torch.bool)
    for own, found in parts:
        inside = tuple(
            slice(part.start - whole.start, part.stop - whole.start)
            for part, whole in zip(own.at, at, strict=True)
        )
        view = gradient[inside]
        view += found.reshape(view.shape)
        if used is not None:
            used[inside] = True
    first = parts[0][0]
    return Box(first.key, at, gradient, used, decays=len(first.shape) > 1)


def _to(tensors: dict[str, Tensor], device: torch.device) -> dict[str, Tensor]:
    return {key: tensor.to(device) for key, tensor in tensors.items()}


def _clip(gradients: list[Tensor], largest: float) -> None:
    norm = torch.nn.utils.get_total_norm(gradients)
    torch._foreach_mul_(gradients, torch.clamp(largest / (norm + 1e-6), max=1.0))


def _average(boxes: list[Box]) -> None:
    """Average the gradients over all processes."""
    if world() == 1:
        return
    mean = mean_of_all(torch.cat([box.gradient.flatten() for box in boxes]))
    start = 0
    for box in boxes:
        size = box.gradient.numel()
        box.gradient.copy_(mean[start : start + size].view_as(box.gradient))
        start += size
