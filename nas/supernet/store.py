"""The shared weights: for every place of a space, tensors as large as its largest choice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from nas.graph.graph import Graph
from nas.modules.initial_weights import initial
from nas.space.arch import Arch
from nas.space.layered import folded
from nas.space.space import Space
from nas.supernet.layout import Layout, layouts
from nas.supernet.places import place, places, repeats


@dataclass(frozen=True, slots=True)
class SharedTensor:
    """A tensor of the store: the largest of all choices along each axis."""

    layout: Layout
    sizes: tuple[int, ...]


class Slice(NamedTuple):
    """The part of a shared tensor that one network uses."""

    key: str
    index: tuple[slice, ...]
    shape: tuple[int, ...]
    """Shape in the network's module."""


def shared_tensors(space: Space) -> dict[str, SharedTensor]:
    """All shared tensors of a space by their keys, `PLACE/OP.TENSOR`."""
    found: dict[str, SharedTensor] = {}
    for index, position, numbers in repeats(space):
        own: dict[tuple[int, str], SharedTensor] = {}
        for rows, found_layouts in folded(space.layered.layers[index + 1], _layouts):
            for layout in found_layouts:
                at = layout.op.row, f"{rows[layout.op.row].op}/{_inside(layout)}"
                sizes = tuple(int(np.max(size)) for size in layout.sizes)
                own[at] = _larger(SharedTensor(layout, sizes), own.get(at))
        for (offset, name), tensor in own.items():
            for number in numbers:
                op, _, rest = name.partition("/")
                key = f"{place(position, number + offset, op)}/{rest}"
                found[key] = _larger(tensor, found.get(key))
    return found


def _layouts(graph: Graph) -> list[Layout]:
    return list(layouts(graph))


def _larger(tensor: SharedTensor, other: SharedTensor | None) -> SharedTensor:
    if other is None:
        return tensor
    sizes = tuple(map(max, tensor.sizes, other.sizes))
    return SharedTensor(tensor.layout, sizes)


def _inside(layout: Layout) -> str:
    """Name of a tensor inside its row; tensors of other numbers of axes are others."""
    path = layout.op.name.partition(".")[2]
    return f"{path}.{layout.tensor}:{len(layout.sizes)}"


class WeightStore:
    """The shared weights of a space."""

    def __init__(self, space: Space, seed: int = 0) -> None:
        """Draw all weights; the same seed draws the same."""
        self.space = space
        self.tensors: dict[str, Tensor] = {}
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            for key, shared in sorted(shared_tensors(space).items()):
                self.tensors[key] = _drawn(shared)

    def slices(self, arch: Arch) -> dict[str, Slice]:
        """The parts that a network uses, by the names of its module's parameters."""
        own = places(self.space, arch)
        return {
            f"{layout.op.name}.{layout.tensor}": self._slice(own[layout.op.row], layout)
            for layout in layouts(arch.graph)
        }

    def _slice(self, own: str, layout: Layout) -> Slice:
        key = f"{own}/{_inside(layout)}"
        whole = self.tensors[key].shape
        first = len(whole) - layout.kernel
        index = [
            _first(size) if axis < first else _centre(size, whole[axis])
            for axis, size in enumerate(layout.sizes)
        ]
        return Slice(key, tuple(index), tuple(layout.shape))

    def weights(self, slices: Mapping[str, Slice]) -> dict[str, Tensor]:
        """Copies of the parts of a network, by the names of its module's parameters."""
        return {
            name: self.tensors[own.key][own.index].reshape(own.shape).clone()
            for name, own in slices.items()
        }

    def parameters(self) -> Iterator[Tensor]:
        """All tensors."""
        yield from self.tensors.values()


def _drawn(shared: SharedTensor) -> Tensor:
    layout, tensor = shared.layout, torch.empty(shared.sizes)
    kernel = prod(shared.sizes[len(shared.sizes) - layout.kernel :])
    out = np.max(layout.op.shape[0] // layout.op.attrs.get("groups", 1))
    initial(layout.op, layout.tensor, tensor, int(kernel * out))
    return tensor


def _first(size: int) -> slice:
    return slice(0, size)


def _centre(size: int, whole: int) -> slice:
    start = (whole - size) // 2
    return slice(start, start + size)
