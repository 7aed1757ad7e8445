"""What a rule of the linter says, and patterns of ops that rules of several targets find."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from nas.graph.graph import Graph
from nas.graph.ops import Op

Finds = Callable[[Graph], Iterator[Op]]


@dataclass(frozen=True, slots=True)
class Rule:
    """One known weakness of one target."""

    name: str
    finds: Finds
    why: str
    instead: str
    source: str
    leaves: bool = False
    """Execution may leave the accelerator, which costs more than the op itself."""
    dynamic: bool = False
    """The rule holds only for a dynamic batch."""


def ops(*kinds: str, where: Callable[[Op], bool] = lambda op: True) -> Finds:
    """Ops of these kinds that meet a condition."""
    return lambda graph: (op for op in graph.ops if op.kind in kinds and where(op))


def act(*functions: str) -> Finds:
    """These activations."""
    return ops("act", where=lambda op: op.attrs["fn"] in functions)


def of_rank(least: int) -> Finds:
    """Reshapes and permutations of at least so many dimensions per image."""
    return ops("reshape", "permute", where=lambda op: op.rank >= least)
