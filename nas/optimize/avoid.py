"""What a search leaves out: blocks, ops and activations by name, and ops that leave an accelerator.

    Avoided.of(["repvit", "hswish"], devices)

A name is a block of `nas.blocks`, or else an op kind or an activation of `nas.graph.ops`. Without
`ALLOW_ALL` among the names, the ops are added that leave the accelerator of a device's runtime,
by the rules of `nas.graph.lint`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nas.blocks import BLOCKS
from nas.errors import SpaceError, check_names
from nas.graph.graph import Graph
from nas.graph.lint import Rule, leaving
from nas.graph.ops import ACTIVATIONS, KINDS, Op
from nas.latency.device import Device
from nas.space.arch import Arch
from nas.space.layered import LayeredSpace
from nas.space.table import Option

Bools = NDArray[np.bool_]

ALLOW_ALL = "none"
"""The name that allows everything that is not named beside it."""
FOLD = "avoided"


def names_to_avoid() -> list[str]:
    """Every name that can be avoided."""
    return sorted({*BLOCKS, *KINDS, *ACTIVATIONS} - {"input"})


@dataclass(frozen=True, slots=True)
class Avoided:
    """Names and rules of ops that no network may have."""

    names: tuple[str, ...] = ()
    rules: tuple[Rule, ...] = ()
    """Rules of the devices' runtimes, which are dropped where a space has nothing else."""

    @classmethod
    def of(cls, names: Sequence[str] | None, devices: Iterable[Device]) -> Avoided:
        """The names, and the devices' own rules unless `ALLOW_ALL` is among the names.

        Raises:
            UnknownNameError: a name is no block, op or activation.
        """
        named = tuple(dict.fromkeys(name for name in names or () if name != ALLOW_ALL))
        check_names("block, op or activation", named, names_to_avoid())
        targets = dict.fromkeys(t for device in devices if (t := device.lint_target))
        rules = [rule for target in targets for rule in leaving(target)]
        return cls(named, () if ALLOW_ALL in (names or ()) else tuple(rules))

    @property
    def labels(self) -> tuple[str, ...]:
        """The names, then the names of the rules."""
        return *self.names, *(rule.name for rule in self.rules)

    def counts(self, graph: Graph) -> tuple[int, ...]:
        """Ops of a graph to avoid, for each label; a graph does not know its blocks."""
        named = (sum(_is(op, name) for op in graph.ops) for name in self.names)
        return *named, *(sum(1 for _ in rule.finds(graph)) for rule in self.rules)

    def found_in(self, arch: Arch) -> list[str]:
        """Labels of what a network has of it."""
        blocks = {row.op for row in arch.rows}.intersection(self.names)
        counts = zip(self.labels, self.counts(arch.graph), strict=True)
        return [label for label, count in counts if count or label in blocks]

    def exclude(self, layered: LayeredSpace) -> Exclusion:
        """What to leave out of a layered space with the fold `FOLD`, which is `counts`.

        Rules are dropped if no network is left by them.

        Raises:
            SpaceError: no network is left without the names.
        """
        masks, found = self._forbidden(layered)
        if layered.without(masks) is not None:
            return Exclusion(self, masks, tuple(found))
        if self.rules:
            return Avoided(self.names).exclude(layered)
        raise SpaceError(f"no network of the space is left without {' and '.join(self.names)}")

    def _forbidden(self, layered: LayeredSpace) -> tuple[list[Bools], list[str]]:
        """Edges (S, O) of each layer to leave out, and the labels that are found in the space."""
        masks, found = list[Bools](), np.zeros(len(self.labels), bool)
        for layer in layered.layers:
            blocks = np.array([self._has_block(option) for option in layer.position.options], bool)
            hits = (layer.values[FOLD][..., : len(self.labels)] > 0) | blocks
            hits &= (layer.next >= 0)[..., None]
            found |= hits.any(axis=(0, 1))
            masks.append(hits.any(axis=2))
        return masks, [label for label, hit in zip(self.labels, found, strict=True) if hit]

    def _has_block(self, option: Option) -> list[bool]:
        """For each label, whether an option has a block of this name."""
        own = {row.op for row in option}
        return [name in own for name in self.names] + [False] * len(self.rules)


@dataclass(frozen=True, slots=True)
class Exclusion:
    """What a space is searched without."""

    avoided: Avoided
    masks: Sequence[Bools]
    """(S, O) of each layer: edges to leave out."""
    found: tuple[str, ...]
    """Labels of what the space has and the search leaves out."""

    def applied(self, layered: LayeredSpace) -> LayeredSpace:
        """A layered space of the same states without it."""
        left = layered.without(self.masks)
        assert left is not None, "checked when the exclusion was made"
        return left


def _is(op: Op, name: str) -> bool:
    """Whether an op is of this name, which is no block's."""
    return name not in BLOCKS and name in (op.kind, op.attrs.get("fn"))
