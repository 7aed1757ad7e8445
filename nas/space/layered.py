"""A search space as a layered graph: layers are positions, nodes are states, edges are options.

A state holds what later rows depend on: branch of the current `any:`, input resolution, channels
kept for a row below, width of the last stage if a rule is on it, and shape (C, H, W). Every
candidate is a path, so a quantity that is additive over rows is a sum of edge values. That allows a
million prices a second, and exact search. Edges that cannot stand, that break a rule, or from which
no end is reached, are -1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nas.errors import SpaceError
from nas.graph.graph import Graph, Place
from nas.space.arch import check_in
from nas.space.columns import Floats, Fold, Ints, lower_columns, opened, template
from nas.space.rules import NONDECREASING, in_stage
from nas.space.table import Option, Position, Table

BRANCH, RESOLUTION, KEPT, STAGE_WIDTH, RANK = range(5)
STATE = 8
"""Columns of a state: those above, then C, H, W (0 past the rank)."""
NONE = -1
"""Branch or stage width of a state that needs none."""

ROOM = 2**40
"""Range of packed states above which states that do not occur are left out."""


@dataclass(frozen=True)
class SpaceLayer:
    """One position with S states and O options."""

    position: Position
    states: Ints
    """(S, STATE)"""
    next: NDArray[np.int32]
    """(S, O) index of the state in the next layer; -1 if the option cannot stand."""
    values: Mapping[str, Floats] = field(default_factory=dict)
    """fold name -> (S, O, m)"""

    def pick(self, state: NDArray[np.int32], rng: np.random.Generator) -> Ints:
        """(n,) random options that can stand in each of n states."""
        order, count = self._standing
        chosen = (rng.random(len(state)) * count[state]).astype(np.int64)
        return np.asarray(order[state, chosen])

    @cached_property
    def _standing(self) -> tuple[Ints, Ints]:
        """(S, O) options, those that can stand first, and (S,) their number."""
        stands = self.next >= 0
        return np.argsort(~stands, axis=1, kind="stable"), stands.sum(axis=1)


@dataclass(frozen=True, slots=True)
class LayeredSpace:
    """All layers of a space; the first chooses the input, and `ends` are the final states."""

    layers: tuple[SpaceLayer, ...]
    ends: Ints

    @property
    def n_options(self) -> Ints:
        """(P,) options of each layer."""
        return np.array([layer.next.shape[1] for layer in self.layers])

    def restricted(self, codes: Ints) -> LayeredSpace:
        """The layered with only the options that codes (n, P) use."""
        layers = []
        for layer, genes in zip(self.layers, codes.T, strict=True):
            used = np.isin(np.arange(layer.next.shape[1]), genes)
            layers.append(replace(layer, next=np.where(used, layer.next, -1).astype(np.int32)))
        return replace(self, layers=tuple(layers))

    def without(self, forbidden: Sequence[NDArray[np.bool_]]) -> LayeredSpace | None:
        """The layered space without the edges that are set in (S, O) masks; None if none is left.

        States keep their numbers.
        """
        layers = [
            replace(layer, next=np.where(mask, -1, layer.next).astype(np.int32))
            for layer, mask in zip(self.layers, forbidden, strict=True)
        ]
        return _prune(layers, self.ends)

    def edges(self, name: str, of: Callable[[Floats], Floats]) -> list[Floats]:
        """`of` the (S, O, m) values `name` of each layer, computed once for shared values."""
        done: dict[int, Floats] = {}
        for layer in self.layers:
            values = layer.values[name]
            if id(values) not in done:
                done[id(values)] = of(values)
        return [done[id(layer.values[name])] for layer in self.layers]

    def count(self) -> int:
        """Number of valid codes whose left-out repeats come last among a row's repeats.

        A network that two such codes decode to (a stage boundary moved, `6x` beside `144`) counts
        twice.
        """
        # ways[skipped] from each state of a layer to an end
        ways = [np.ones(len(self.ends), object), np.ones(len(self.ends), object)]
        for layer in reversed(self.layers):
            ways = _ways_before(layer, ways)
        return int(sum(ways[0]))

    def sample(self, n: int, rng: np.random.Generator) -> Ints:
        """(n, P) random valid codes, uniform over the options that can stand at each position."""
        codes = np.empty((n, len(self.layers)), np.int64)
        state = np.zeros(n, np.int32)
        for p, layer in enumerate(self.layers):
            codes[:, p] = layer.pick(state, rng)
            state = layer.next[state, codes[:, p]]
        return codes

    def repair(self, codes: Ints, rng: np.random.Generator) -> Ints:
        """Codes in which a random valid option replaces each one that cannot stand."""
        codes = codes.copy()
        state = np.zeros(len(codes), np.int32)
        for p, layer in enumerate(self.layers):
            bad = np.flatnonzero(layer.next[state, codes[:, p]] < 0)
            if len(bad):
                codes[bad, p] = layer.pick(state[bad], rng)
            state = layer.next[state, codes[:, p]]
        return codes

    def mutate(self, codes: Ints, rng: np.random.Generator, genes: float = 1.0) -> Ints:
        """Change about `genes` positions of each code, at least one, then repair."""
        n, positions = codes.shape
        change = rng.random(codes.shape) < genes / positions
        change[np.arange(n), rng.integers(positions, size=n)] = True
        drawn = rng.integers(self.n_options, size=codes.shape)
        return self.repair(np.where(change, drawn, codes), rng)

    def crossover(self, a: Ints, b: Ints, rng: np.random.Generator) -> Ints:
        """One-point crossover of paired codes (n, P), then repair."""
        cut = rng.integers(1, a.shape[1], size=(len(a), 1))
        return self.repair(np.where(np.arange(a.shape[1]) < cut, a, b), rng)


def build(table: Table, folds: Mapping[str, Fold] | None = None) -> LayeredSpace:
    """Enumerate the states a table can reach and fold every edge.

    Raises:
        SpaceError: no network can be built.
        DocumentError: a row's `in` column disagrees with a shape that reaches it.
    """
    folds = folds or {}
    layers = [_inputs(table, folds)]
    states = np.array([(NONE, shape[1], 0, NONE, len(shape), *shape) for shape in table.inputs])
    held = table.rules.widths == NONDECREASING
    known: dict[Any, tuple[SpaceLayer, Ints]] = {}
    for number, position in enumerate(table.positions):
        following = table.positions[number + 1 :]
        needed = {
            BRANCH: bool(following) and following[0].group == position.group is not None,
            STAGE_WIDTH: held and any(later.in_stage for later in following),
        }
        dropped = tuple(column for column, is_needed in needed.items() if not is_needed)
        same = (position.first, position.group, position.branch, dropped)
        key = (id(position.options), *same, states.tobytes())
        for branch, _, _, _, rank, *shape in states.tolist() if position.expects else ():
            if position.branch in (None, branch):
                check_in(table, position, tuple(shape[:rank]))
        if key not in known:
            known[key] = _layer(position, states, folds, dropped)
        layer, states = known[key]
        layers.append(layer)
    if (found := _prune(layers, states)) is None:
        raise SpaceError(f"{table.origin}: no network of this space can be built")
    return found


def _inputs(table: Table, folds: Mapping[str, Fold]) -> SpaceLayer:
    """The first layer: one state, one option per input shape, without cost."""
    position = Position(((),) * len(table.inputs), 0)
    values = _zeros((1, len(table.inputs)), folds)
    following = np.arange(len(table.inputs), dtype=np.int32)[None]
    return SpaceLayer(position, np.zeros((1, STATE), np.int64), following, values)


def _zeros(shape: tuple[int, int], folds: Mapping[str, Fold]) -> dict[str, Floats]:
    """Zero values (S, O, m) of every fold, with m from its value on an empty graph."""
    nothing = {name: fold(Graph((), 0)) for name, fold in folds.items()}
    sizes = {name: len(v) if isinstance(v, tuple) else 1 for name, v in nothing.items()}
    return {name: np.zeros((*shape, m)) for name, m in sizes.items()}


def _layer(
    position: Position, states: Ints, folds: Mapping[str, Fold], dropped: tuple[int, ...]
) -> tuple[SpaceLayer, Ints]:
    """One layer and the states it leads to, in which no row needs the `dropped` columns."""
    shape = (len(states), len(position.options))
    reached = np.broadcast_to(states[:, None], (*shape, STATE)).copy()
    valid = np.zeros(shape, bool)
    values = _zeros(shape, folds)
    if position.selects:
        valid[:] = True
        reached[..., BRANCH] = np.arange(shape[1])
    else:
        inside = np.arange(len(states))
        if position.branch is not None:
            inside = np.flatnonzero(states[:, BRANCH] == position.branch)
        _fill(position.options, states, inside, reached, valid, values, folds)
        _hold_widths(position, states, reached, valid)
        outside = np.setdiff1d(np.arange(len(states)), inside)
        valid[outside, 0] = True  # another branch is taken, so the only option is to pass
        reached[outside, 0] = states[outside]
        for array in values.values():
            array[outside] = 0
    reached[..., dropped] = NONE
    _, first, where = np.unique(_packed(reached[valid]), return_index=True, return_inverse=True)
    following = np.full(shape, -1, np.int32)
    following[valid] = where
    return SpaceLayer(position, states, following, values), reached[valid][first]


def _hold_widths(position: Position, states: Ints, reached: Ints, valid: NDArray[np.bool_]) -> None:
    """Remove edges that lead to a stage narrower than the last one; note the widths of stages.

    Without the rule no state has a width of the last stage, so nothing is removed.
    """
    staged = np.array([any(map(in_stage, option)) for option in position.options])
    before, width = states[:, [STAGE_WIDTH]], reached[..., RANK + 1]
    valid &= ~staged | (width >= before)
    reached[..., STAGE_WIDTH] = np.where(staged, width, before)


def _packed(states: Ints) -> Ints:
    """States (n, STATE) as one int each, which sort many times faster than rows."""
    packed, size = np.zeros(len(states), np.int64), 1
    for column in states.T:
        found = column - column.min(initial=0)
        occurs = np.bincount(found) > 0  # ranks of the few numbers that occur need less range
        packed = packed * occurs.sum() + (np.cumsum(occurs) - 1)[found]
        size *= int(occurs.sum())
        if size > ROOM:
            packed = np.unique(packed, return_inverse=True)[1]
            size = len(packed)
    return packed


def _fill(
    options: tuple[Option, ...],
    states: Ints,
    inside: Ints,
    reached: Ints,
    valid: NDArray[np.bool_],
    values: Mapping[str, Floats],
    folds: Mapping[str, Fold],
) -> None:
    """Lower every option from every state."""
    for rows, s, o, numbers, place in _alike(options, states, inside):
        if not rows:
            valid[s, o] = True
            continue
        for part, after, found in lower_columns(rows, numbers, place, folds):
            at = (s[part], o[part])
            valid[at] = True
            reached[(*at, KEPT)] = after.kept
            reached[(*at, RANK)] = len(after.shape)
            for d in range(STATE - RANK - 1):
                reached[(*at, RANK + 1 + d)] = after.shape[d] if d < len(after.shape) else 0
            for name, value in found.items():
                columns = value if isinstance(value, tuple) else (value,)
                whole = [np.broadcast_to(column, len(part)) for column in columns]
                values[name][at] = np.stack(whole, axis=1)


def _alike(
    options: tuple[Option, ...], states: Ints, inside: Ints
) -> Iterator[tuple[Option, Ints, Ints, Ints, Place]]:
    """Pairs of a state and an option, all of one template and rank together.

    Yields the rows of the template, indices of states and options (n,), the numbers that its rows
    leave open (f, n), and the places (n,).
    """
    by_template: dict[Any, list[int]] = {}
    for index, option in enumerate(options):
        by_template.setdefault(template(option), []).append(index)
    for rank in np.unique(states[inside, RANK]):
        ranked = inside[states[inside, RANK] == rank]
        for members in by_template.values():
            s, o = (grid.ravel() for grid in np.meshgrid(ranked, members, indexing="ij"))
            numbers = np.array([opened(options[m]) for m in members], np.int64)
            shape = tuple(states[s, RANK + 1 + d] for d in range(rank))
            place = Place(shape, states[s, RESOLUTION], states[s, KEPT])
            yield options[members[0]], s, o, np.tile(numbers, (len(ranked), 1)).T, place


def folded(layer: SpaceLayer, fold: Fold) -> Iterator[tuple[Option, Any]]:
    """The rows of each option, and a fold of their graphs, whose sizes are columns of all states.

    Options that differ in numbers alone are lowered together. Some of them may not stand.
    """
    inside = np.flatnonzero((layer.next >= 0).any(axis=1))
    for rows, _, _, numbers, place in _alike(layer.position.options, layer.states, inside):
        for _, _, found in lower_columns(rows, numbers, place, {"": fold}) if rows else ():
            yield rows, found[""]


def _prune(layers: Sequence[SpaceLayer], ends: Ints) -> LayeredSpace | None:
    """Remove every edge from which no end is reached; None if nothing is left."""
    alive = np.ones(len(ends) + 1, bool)
    alive[-1] = False  # where -1 points
    pruned: list[SpaceLayer] = []
    for layer in reversed(layers):
        following = np.where(alive[layer.next], layer.next, -1).astype(np.int32)
        alive = np.append((following >= 0).any(axis=1), False)
        pruned.append(SpaceLayer(layer.position, layer.states, following, layer.values))
    return LayeredSpace(tuple(reversed(pruned)), ends) if alive[0] else None


def _ways_before(layer: SpaceLayer, after: list[Any]) -> list[Any]:
    """Paths to an end from each state, without and with a repeat left out before the layer."""
    position, stands = layer.position, layer.next >= 0
    skip = np.array([not option and not position.selects for option in position.options])
    paths = np.where(skip, after[1][layer.next], after[0][layer.next])
    allowed = stands if position.first else stands & skip
    return [np.where(edges, paths, 0).sum(axis=1) for edges in (stands, allowed)]


def keys(codes: Ints) -> Ints:
    """One int per code, (n, P) -> (n,), which sorts many times faster than rows.

    In about 1 of 40 million runs two of a million codes share a key, and one of them is lost.
    """
    odd = np.random.default_rng(0).integers(2**62, size=codes.shape[1]) * 2 + 1
    found: Ints = codes @ odd  # wraps around at 64 bits, on purpose
    return found
