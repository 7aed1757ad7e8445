"""Copy weights between two implementations of one network by order of execution.

Names differ between implementations, but not the order in which layers finish. Each layer with
tensors is matched with the layer that finishes at the same position in the other network.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nas.errors import WeightsError

KINDS: tuple[tuple[type[nn.Module], ...], ...] = (
    (nn.Conv2d, nn.Linear),  # a 1 x 1 convolution is a linear layer
    (nn.BatchNorm1d, nn.BatchNorm2d),
    (nn.LayerNorm,),
)
"""Layer types of one kind compute the same from tensors of the same names and shapes."""


@torch.no_grad()
def copy_by_structure(source: nn.Module, target: nn.Module, example: Tensor) -> None:
    """Copy parameters and buffers of `source` to `target`; both are run once on `example`.

    Raises:
        WeightsError: a tensor does not fit (the first is named); `target` is unchanged.
    """
    given, wanted = _executed(source, example), _executed(target, example)
    moves = [move for pair in zip(given, wanted, strict=False) for move in _matched(*pair)]
    for name, _ in [*given[len(wanted) :], *wanted[len(given) :]]:
        raise WeightsError(f"{name} has no counterpart: {len(given)} layers for {len(wanted)}")
    for new, old in moves:
        old.copy_(new.reshape(old.shape))


def _executed(network: nn.Module, example: Tensor) -> list[tuple[str, nn.Module]]:
    """Names and layers with tensors of their own, in the order in which they first finish."""
    owners = {layer: name for name, layer in network.named_modules() if _tensors(layer)}
    order: dict[nn.Module, None] = {}

    def note(layer: nn.Module, *_: object) -> None:
        order.setdefault(layer)

    hooks = [layer.register_forward_hook(note) for layer in owners]
    modes = [(layer, layer.training) for layer in network.modules()]
    try:
        network.eval()(example)
    finally:
        for hook in hooks:
            hook.remove()
        for layer, training in modes:
            layer.training = training
    for layer, name in owners.items():
        if layer not in order:
            raise WeightsError(f"{name} owns tensors but is not executed")
    return [(owners[layer], layer) for layer in order]


def _matched(
    source: tuple[str, nn.Module], target: tuple[str, nn.Module]
) -> list[tuple[Tensor, Tensor]]:
    """Pairs (new, old) of two layers' tensors."""
    given, wanted = _tensors(source[1]), _tensors(target[1])
    for tensor in wanted | given:
        new, old = given.get(tensor), wanted.get(tensor)
        fits = new is not None and old is not None and _sizes(new) == _sizes(old)
        if not fits or not _same_kind(source[1], target[1]):
            have, want = _describe(*source, tensor, new), _describe(*target, tensor, old)
            raise WeightsError(f"the source's {have} does not fit the target's {want}")
    return [(given[tensor], wanted[tensor]) for tensor in wanted]


def _same_kind(a: nn.Module, b: nn.Module) -> bool:
    if any(True for _ in a.children()) or any(True for _ in b.children()):
        return True  # a tensor of a block itself, such as a layer scale: only shapes are compared
    kinds = (*KINDS, (type(a),))
    return any(isinstance(a, kind) and isinstance(b, kind) for kind in kinds)


def _sizes(tensor: Tensor) -> tuple[int, ...]:
    """The shape without the spatial sizes of a 1 x 1 kernel."""
    sizes = tuple(tensor.shape)
    return sizes[:2] if sizes[2:] == (1, 1) else sizes


def _describe(name: str, layer: nn.Module, tensor: str, found: Tensor | None) -> str:
    sizes = "missing" if found is None else "x".join(map(str, found.shape)) or "scalar"
    return f"{name}.{tensor} ({type(layer).__name__}, {sizes})"


def _tensors(layer: nn.Module) -> dict[str, Tensor]:
    """Parameters and persistent buffers of the layer, without its children's."""
    state = layer.state_dict(keep_vars=True)
    return {name: tensor for name, tensor in state.items() if "." not in name}
