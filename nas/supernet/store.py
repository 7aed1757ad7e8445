"""The shared weights: for every place of a space, tensors as large as its largest choice."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from hashlib import sha256
from math import prod
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from nas.errors import SpaceError, WeightsError
from nas.graph.graph import Graph
from nas.modules.initial_weights import initial
from nas.space.arch import Arch
from nas.space.layered import KEPT, SpaceLayer, folded
from nas.space.space import Code, Space
from nas.supernet.layout import Layout, layouts
from nas.supernet.places import place, places, repeats

CPU = torch.device("cpu")


@dataclass(frozen=True, slots=True)
class SharedTensor:
    """A tensor of the store: the largest of all choices along each axis."""

    layout: Layout
    sizes: tuple[int, ...]


class Slice(NamedTuple):
    """The part of a shared tensor that one network uses."""

    key: str
    at: tuple[slice, ...]
    """Its place in the shared tensor."""
    shape: tuple[int, ...]
    """Shape in the network's module."""


def shared_tensors(space: Space) -> dict[str, SharedTensor]:
    """All shared tensors of a space by their keys, `PLACE/OP.TENSOR`."""
    found: dict[str, SharedTensor] = {}
    known: dict[tuple[int, bytes, bytes], dict[tuple[int, str, str], SharedTensor]] = {}
    for index, position, numbers in repeats(space):
        layer = space.layered.layers[index + 1]
        alive = (layer.next >= 0).any(axis=1).tobytes()
        same = id(position.options), layer.states.tobytes(), alive
        if same not in known:  # the repeats of a row mostly have the same options and inputs
            known[same] = _of_layer(layer)
        for (offset, op, name), tensor in known[same].items():
            for number in numbers:
                key = f"{place(position, number + offset, op)}/{name}"
                found[key] = _larger(tensor, found.get(key))
    return found


def _of_layer(layer: SpaceLayer) -> dict[tuple[int, str, str], SharedTensor]:
    """Tensors of a layer's rows: by row of the option, op, and name inside the row."""
    found: dict[tuple[int, str, str], SharedTensor] = {}
    for rows, found_layouts in folded(layer, _layouts):
        for layout in found_layouts:
            at = layout.op.row, rows[layout.op.row].op, _inside(layout)
            found[at] = _larger(
                SharedTensor(layout, tuple(map(_most, layout.sizes))), found.get(at)
            )
    return found


def _most(size: Any) -> int:
    """The largest of a column of sizes."""
    return int(size.max()) if isinstance(size, np.ndarray) else int(size)


def _layouts(graph: Graph) -> list[Layout]:
    return list(layouts(graph))


def _larger(tensor: SharedTensor, other: SharedTensor | None) -> SharedTensor:
    if other is None:
        return tensor
    return SharedTensor(tensor.layout, tuple(map(max, tensor.sizes, other.sizes)))


def _inside(layout: Layout) -> str:
    """Name of a tensor inside its row; tensors of other numbers of axes are others."""
    path = layout.op.name.partition(".")[2]
    return f"{path}.{layout.tensor}:{len(layout.sizes)}"


class WeightStore:
    """The shared weights of a space; a tensor is drawn when a network first needs it."""

    def __init__(self, space: Space, seed: int = 0, device: torch.device = CPU) -> None:
        """The same seed draws the same weights, whichever are needed first.

        Raises:
            SpaceError: rows of the space read what rows above them keep.
        """
        if any((layer.states[:, KEPT] > 0).any() for layer in space.layered.layers):
            raise SpaceError(
                f"{space.name}: rows that keep channels for rows below them cannot share weights"
            )
        self.space = space
        self.seed = seed
        self.device = device
        self.shared = shared_tensors(space)
        self.tensors: dict[str, Tensor] = {}
        """Those drawn so far."""

    @property
    def n_weights(self) -> int:
        """Number of weights, also of those not drawn."""
        return sum(prod(tensor.sizes) for tensor in self.shared.values())

    def tensor(self, key: str) -> Tensor:
        """A shared tensor."""
        if key not in self.tensors:
            self.tensors[key] = _drawn(self.shared[key], f"{self.seed} {key}").to(self.device)
        return self.tensors[key]

    def replaced(self, tensors: Mapping[str, Tensor]) -> WeightStore:
        """A store of the same space in which these tensors replace its own."""
        other = copy(self)
        other.tensors = self.tensors | dict(tensors)
        return other

    def state_dict(self) -> dict[str, Tensor]:
        """The tensors drawn so far."""
        return self.tensors

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Take the tensors of a store of the same space.

        Raises:
            WeightsError: a tensor is none of this space, or of another shape.
        """
        for key, tensor in state.items():
            own = self.shared.get(key)
            if own is None or own.sizes != tuple(tensor.shape):
                raise WeightsError(f"{key} {tuple(tensor.shape)} is no weight of {self.space.name}")
        self.tensors = {key: tensor.to(self.device) for key, tensor in state.items()}

    def slices(self, arch: Arch, code: Code | None = None) -> dict[str, Slice]:
        """The parts that a network uses, by the names of its module's parameters.

        `code` is that of the network, if known.

        Raises:
            SpaceError: `arch` is not inside.
        """
        own = places(self.space, self.space.encode(arch) if code is None else code)
        return {
            f"{layout.op.name}.{layout.tensor}": self._slice(own[layout.op.row], layout)
            for layout in layouts(arch.graph)
        }

    def _slice(self, own: str, layout: Layout) -> Slice:
        key = f"{own}/{_inside(layout)}"
        whole = self.shared[key].sizes
        first = len(whole) - layout.kernel
        index = [
            _first(size) if axis < first else _centre(size, whole[axis])
            for axis, size in enumerate(layout.sizes)
        ]
        return Slice(key, tuple(index), tuple(layout.shape))

    def weights(self, slices: Mapping[str, Slice]) -> dict[str, Tensor]:
        """Copies of the parts of a network, by the names of its module's parameters."""
        return {
            name: self.tensor(own.key)[own.at].reshape(own.shape).clone()
            for name, own in slices.items()
        }


def _drawn(shared: SharedTensor, seed: str) -> Tensor:
    layout, tensor = shared.layout, torch.empty(shared.sizes)
    kernel = prod(shared.sizes[len(shared.sizes) - layout.kernel :])
    out = np.max(layout.op.shape[0] // layout.op.attrs.get("groups", 1))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(sha256(seed.encode()).hexdigest()[:12], 16))
        initial(layout.op, layout.tensor, tensor, int(kernel * out))
    return tensor


def _first(size: int) -> slice:
    return slice(0, size)


def _centre(size: int, whole: int) -> slice:
    start = (whole - size) // 2
    return slice(start, start + size)
