"""Match the layers of a checkpoint and a network by structure.

A checkpoint has names and tensors but no order of execution: safetensors sorts them. Its dotted
names form a tree. Siblings with numbers (`3`, `conv3`) run in the order of their numbers; others
may run in any order, and the order taken is the one that gives every layer of the network, as it
runs, a layer with tensors of the same names and shapes. Where several orders do (two norms of one
width in a block), the file's own decides, or in a sorted file that of the names,
a plain `norm` or `gamma` last. A `bn` never runs before the `conv` beside it, and the projections
of attention run as in `ATTENTION`. TransNeXt's three square layers are told apart by a file's own
order alone.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from torch import Tensor

from nas.errors import WeightsError, brief

STANDARD = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
"""Tensors of one layer; a tensor of another name (class token, layer scale) is its own layer."""

Shapes = tuple[tuple[str, tuple[int, ...]], ...]

ATTENTION = ("q", "k", "to_query", "to_key", "query", "key", "value", "output", "proj", "final")
"""Siblings that run in this order, whatever their shapes."""

CLOSING = ("norm", "gamma")
"""Plain names of layers that close their parent, as the layer scale of a block."""

DOWNSAMPLING, STAGES = "downsample_layers", "stages"
"""Lists in which the authors of ConvNeXt and iFormer have them; they run in turn."""

MAX_DEPTH = 32
MAX_STEPS = 20_000
"""Limits of name depth and search steps: a hostile file ends with an error."""


@dataclass(frozen=True, slots=True)
class LayerTensors:
    """The tensors of one layer by their standard names."""

    tensors: Mapping[str, Tensor]
    names: Mapping[str, str]
    """Standard name -> name in the file or the network."""

    def shapes(self, least: int) -> Shapes:
        """Shapes that must agree; sizes below `least` are left out."""
        sizes = {name: tuple(n for n in t.shape if n >= least) for name, t in self.tensors.items()}
        return tuple(sorted(item for item in sizes.items() if item[0] != "num_batches_tracked"))

    def describe(self, tensor: str) -> str:
        """Name and shape of one tensor."""
        if tensor not in self.tensors:
            return f"no {tensor} beside {next(iter(self.names.values()))}"
        return f"{self.names[tensor]} ({_sizes(self.tensors[tensor])})"


def layers_of(state: Mapping[str, Tensor]) -> list[LayerTensors]:
    """Layers in the order of their first tensors, without index tables and masks."""
    paths: dict[str, dict[str, str]] = {}
    for name, tensor in state.items():
        path, _, last = name.replace("in_proj_", "in_proj.").rpartition(".")
        path, last = (path, last) if last in STANDARD else (name, "weight")
        if tensor.is_floating_point() or last == "num_batches_tracked":
            paths.setdefault(path, {})[last] = name
    return [
        LayerTensors({k: state[name] for k, name in names.items()}, names)
        for names in paths.values()
    ]


def check_multiset(given: list[LayerTensors], wanted: list[LayerTensors]) -> None:
    """Raise WeightsError for the first layer without a partner of the same shapes."""
    extra = next(iter(unmatched(given, wanted)), None)
    missing = next(iter(unmatched(wanted, given)), None)
    if extra and missing:
        ours, theirs = dict(missing.shapes(2)), dict(extra.shapes(2))
        tensor = next(n for n in (*theirs, *ours) if theirs.get(n) != ours.get(n))
        other_head = missing is wanted[-1] and ours.keys() == theirs.keys() and bool(theirs[tensor])
        raise WeightsError(
            f"{extra.describe(tensor)} does not fit; the network has {missing.describe(tensor)}"
            + (f"; does it have {theirs[tensor][0]} classes?" if other_head else "")
        )
    if extra:
        raise WeightsError(f"{extra.describe('weight')} has no counterpart in the network")
    if missing:
        raise WeightsError(
            f"nothing fits the network's {missing.describe('weight')}"
            + ("; the file has no classifier" if missing is wanted[-1] else "")
        )


def unmatched(
    layers: Iterable[LayerTensors], others: Iterable[LayerTensors], least: int = 2
) -> list[LayerTensors]:
    """All of `layers` without a partner in `others`; each partner is used once."""
    left, found = Counter(layer.shapes(least) for layer in others), []
    for layer in layers:
        left[layer.shapes(least)] -= 1
        if left[layer.shapes(least)] < 0:
            found.append(layer)
    return found


class LayerMatcher:
    """Searches for an order of siblings in which the tree's layers fit `wanted`."""

    def __init__(self, given: list[LayerTensors], wanted: list[LayerTensors], least: int) -> None:
        self.wanted = wanted
        self.least = least
        self.tree: dict[str, object] = {}
        self.failed: set[tuple[int, tuple[str, ...], int]] = set()
        self.steps = 0
        self.furthest = 0
        for layer in given:
            self._plant(layer)

    def _plant(self, layer: LayerTensors) -> None:
        """Insert a layer. A node maps names of children to nodes, and "" to its own layer."""
        node: dict[str, object] = self.tree
        path = next(iter(layer.names.values())).replace("in_proj_", "in_proj.").split(".")
        if len(path) > MAX_DEPTH:
            raise WeightsError(f"name deeper than {MAX_DEPTH}: {brief('.'.join(path))}")
        if path[0] == DOWNSAMPLING:  # into its stage
            path = [STAGES, *path[1:2], *path]
        for part in path[:-1] if path[-1] in STANDARD else path:
            node = node.setdefault(part, {})  # type: ignore[assignment]
        node[""] = layer

    def run(self) -> list[LayerTensors]:
        found = self._children(self.tree, tuple(self.tree), 0)
        if found is None:
            layer = self.wanted[min(self.furthest, len(self.wanted) - 1)]
            raise WeightsError(
                f"no layer of the checkpoint matches the network's {layer.describe('weight')}"
            )
        return found

    def _children(
        self, node: dict[str, object], names: tuple[str, ...], at: int
    ) -> list[LayerTensors] | None:
        """Layers of the children `names` in an order that fits from position `at`, or None."""
        state = (id(node), names, at)
        if not names or state in self.failed:
            return None if names else []
        self.steps += 1
        if self.steps > MAX_STEPS:
            raise WeightsError("too many layers look alike to determine their order")
        for name in _ready(names):
            head = self._child(node[name], at)
            if head is None:
                continue
            rest = tuple(other for other in names if other != name)
            tail = self._children(node, rest, at + len(head))
            if tail is not None:
                return head + tail
        self.failed.add(state)
        return None

    def _child(self, child: object, at: int) -> list[LayerTensors] | None:
        if isinstance(child, dict):
            return self._children(child, tuple(child), at)
        assert isinstance(child, LayerTensors)
        self.furthest = max(self.furthest, at)
        if at == len(self.wanted):
            return None
        fits = child.shapes(self.least) == self.wanted[at].shapes(self.least)
        return [child] if fits else None


def _ready(names: tuple[str, ...]) -> list[str]:
    """Siblings that may run next: `conv2` waits for `conv1`, `bn` for `conv`, `final` for all."""
    first: dict[str, int] = {}
    numbered = {name: match for name in names if (match := re.fullmatch(r"(\D*)(\d{1,9})", name))}
    for stem, number in (match.groups() for match in numbered.values()):
        first[stem] = min(first.get(stem, int(number)), int(number))
    waiting = {*[name for name in ATTENTION if name in names][1:]}
    return [
        name
        for name in names
        if (name not in numbered or first[numbered[name][1]] == int(numbered[name][2]))
        and not (name[:2] == "bn" and not {"conv", f"conv{name[2:]}"}.isdisjoint(names))
        and name not in waiting
    ]


def natural(name: str) -> list[tuple[bool, list[tuple[int, str]]]]:
    """Sort key: `block2` before `block10`, and names of `CLOSING` last."""
    parts = name.split(".")
    numbers = ([(int(n or 0), text) for n, text in re.findall(r"(\d*)(\D*)", p)] for p in parts)
    return [(part in CLOSING, key) for part, key in zip(parts, numbers, strict=True)]


def _sizes(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "scalar"
