"""What a strategy knows and answers: a problem, what was seen of it, and what to try next.

A strategy turns both into candidates, best first, from a generator that is made anew for every
question: it keeps nothing that does not follow from what was seen, so a search that is resumed
goes on as if it had never stopped. The limits are hard: what is over one is never proposed.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from nas.choices import Choices
from nas.columns import Floats, Ints
from nas.lattice import BRANCH, Lattice, Layer, keys

Bools = NDArray[np.bool_]
BATCH = 1024
"""Codes that are sampled at a time."""
TRIES = 24
"""Batches, until codes within the limits are looked for near those that are known."""


@dataclass(frozen=True, eq=False)
class Problem:
    """What is known of a space without evaluating one network."""

    lattice: Lattice
    choices: Choices
    within: Callable[[Ints], Bools]
    """(n, P) codes that can be built -> (n,) whether they keep every limit."""
    start: Ints
    """(n, P) codes within the limits, at least one: seeds, and the fastest network."""
    share: Callable[[Ints], Floats]
    """(n, P) -> (n,) part of the latency budget that is used, 1 where there is none."""
    features: Callable[[Ints], Floats]
    """(n, P) -> (n, f) what is cheaply known of a network and may tell its accuracy."""
    edge_ms: Sequence[Floats]
    """Per layer (S, O): what the latency budget is a budget of, on every edge."""
    edge_budget_ms: float
    """What their sum along a path may be; infinite where latency is not limited."""
    costs: Callable[[Ints], Floats] | None = None
    """(n, P) -> (n, m) what is minimised beside the accuracy that is maximised; None: nothing."""

    @cached_property
    def swaps(self) -> Bools:
        """(P,) whether a layer has the same options as the one before, and may be left out."""
        layers = self.lattice.layers
        return np.array([False, *map(_swap, layers, layers[1:])])

    def edge_sums(self, weights: Floats) -> list[Floats]:
        """Per layer (S, O): on every edge the sum of the weights (D,) of its choices' values."""
        sums, first = [], 0
        parts = self.lattice.layers, self.choices.one_hot_options, self.choices.branches
        for layer, own, branch in zip(*parts, strict=True):
            worth = own @ weights[first : first + own.shape[1]]
            first += own.shape[1]
            counts = True if branch is None else layer.states[:, [BRANCH]] == branch[1]
            sums.append(np.where(counts, worth, np.zeros(layer.next.shape)))
        return sums

    def canonical(self, codes: Ints) -> Ints:
        """Codes of the same networks with the repeats that are left out behind the others.

        Leaving out is the last option of a repeat, and changes no shape.
        """
        codes, last = codes.copy(), self.lattice.n_options - 1
        for _ in range(int(self.swaps.sum())):
            swapped = False
            for layer in np.flatnonzero(self.swaps):
                out = (codes[:, layer - 1] == last[layer]) & (codes[:, layer] != last[layer])
                codes[out, layer - 1], codes[out, layer] = codes[out, layer], last[layer]
                swapped |= bool(out.any())
            if not swapped:
                break
        return codes

    def kept(self, codes: Ints) -> Ints:
        """Those within the limits, in canonical form, each once, in the order given."""
        codes = self.canonical(codes[self.within(codes)])
        first = np.unique(keys(codes), return_index=True)[1]
        return codes[np.sort(first)]

    def tightened(self, seen: Seen, rng: np.random.Generator) -> tuple[Problem, Seen]:
        """The same under limits on the costs that are drawn anew, and what was seen within them.

        Costs are known without evaluating, so the best accuracies under all possible limits are
        the front: whatever can maximise under a limit can search for one.
        """
        costs, own = self.costs, seen.codes if len(seen.scores) else self.start
        assert costs is not None
        limits = costs(own)[rng.integers(len(own))]

        def within(codes: Ints) -> Bools:
            kept = self.within(codes)
            kept[kept] = (costs(codes[kept]) <= limits).all(axis=1)
            return kept

        start = own[(costs(own) <= limits).all(axis=1)]
        return replace(self, within=within, start=start), seen.only(within(seen.codes))

    def sample(self, n: int, rng: np.random.Generator, tries: int = TRIES) -> Ints:
        """About n random codes within the limits; where few are, walks from known ones."""
        found = [self.kept(self.lattice.sample(BATCH, rng))]
        for _ in range(tries):
            if sum(map(len, found)) >= n:
                break
            found.append(self.kept(self.lattice.sample(BATCH, rng)))
        codes = np.concatenate(found)
        while len(codes) < n:
            near = np.concatenate([self.start, codes])
            near = near[rng.integers(len(near), size=BATCH)]
            walked = self.kept(self.lattice.mutate(near, rng, rng.integers(1, codes.shape[1] + 1)))
            before, codes = len(codes), self.kept(np.concatenate([codes, walked]))
            if len(codes) == before:
                break
        return codes[:n]

    def mutated(self, codes: Ints, rng: np.random.Generator, changes: int = 1) -> Ints:
        """Children within the limits: so many times, one choice at a random layer is changed."""
        codes, count = codes.copy(), self._moves
        layers = np.flatnonzero(self.lattice.n_options > 1)
        for _ in range(changes):
            at = layers[rng.integers(len(layers), size=len(codes))]
            gene = codes[np.arange(len(codes)), at]
            drawn = (rng.random(len(codes)) * count[1][at, gene]).astype(np.int64)
            codes[np.arange(len(codes)), at] = count[0][at, gene, drawn]
        return self.kept(self.lattice.repair(codes, rng))

    @cached_property
    def _moves(self) -> tuple[Ints, Ints]:
        """(P, O, most) options near each option of each layer, and (P, O) how many there are."""
        near = self.choices.near
        most = max(len(own) for layer in near for own in layer) or 1
        moves = np.zeros((len(near), int(self.lattice.n_options.max()), most), np.int64)
        count = np.zeros(moves.shape[:2], np.int64)
        for layer, options in enumerate(near):
            for option, own in enumerate(options):
                moves[layer, option, : len(own)] = own
                count[layer, option] = len(own)
        return moves, count

    def neighbours(self, code: Ints, rng: np.random.Generator) -> Ints:
        """Codes within the limits that differ in one choice, apart from what it forces."""
        near = [own[gene] for own, gene in zip(self.choices.near, code, strict=True)]
        layers = np.repeat(np.arange(len(code)), [len(own) for own in near])
        codes = np.repeat(code[None], len(layers), axis=0)
        codes[np.arange(len(layers)), layers] = np.concatenate(near)
        return self.kept(self.lattice.repair(codes, rng))

    def pulled(self, code: Ints, rng: np.random.Generator) -> Ints:
        """(1, P) the code itself, or what is within the limits and differs least from it."""
        code = self.lattice.repair(code[None], rng)
        if len(own := self.kept(code)):
            return own
        for genes in 2.0 ** np.arange(8):
            many = np.repeat(code, BATCH, axis=0)
            near = self.kept(self.lattice.mutate(many, rng, min(genes, code.shape[1])))
            if len(near):
                return near[[(near != code).sum(axis=1).argmin()]]
        fixed = self.start[rng.integers(len(self.start), size=BATCH)]
        crossed = self.lattice.crossover(np.repeat(code, BATCH, axis=0), fixed, rng)
        near = np.concatenate([self.kept(crossed), self.kept(self.start[:1])])
        return near[[(near != code).sum(axis=1).argmin()]]


@dataclass(eq=False)
class Seen:
    """Evaluated codes with their scores, in the order in which they were begun."""

    codes: Ints
    """(n, P), canonical."""
    scores: Floats
    """(n,), the higher the better; -inf where the evaluation failed."""
    running: Ints
    """(r, P) begun and not finished."""
    _known: set[int]
    """Keys of codes that must not be proposed: evaluated, running, or the same network as one."""
    _of: Seen | None = None

    @property
    def whole(self) -> Seen:
        """Everything that was seen, where these are some of it."""
        return self._of or self

    @property
    def finite(self) -> Seen:
        """Those that did not fail."""
        return self.only(np.isfinite(self.scores))

    @classmethod
    def of(cls, codes: Ints, scores: Floats) -> Seen:
        """Of (n, P) codes in the order they were begun; scores are NaN where still evaluated."""
        done = ~np.isnan(scores)
        return cls(codes[done], scores[done], codes[~done], set(keys(codes).tolist()))

    @classmethod
    def none(cls, problem: Problem) -> Seen:
        """Nothing yet."""
        return cls.of(np.empty((0, len(problem.lattice.layers)), np.int64), np.empty(0))

    def add(self, code: Ints, score: float) -> None:
        """One more evaluation."""
        self.codes = np.concatenate([self.codes, code[None]])
        self.scores = np.append(self.scores, score)
        self.avoid(code)

    def avoid(self, code: Ints) -> None:
        """Never propose this one."""
        self._known.update(keys(code[None]).tolist())

    def new(self, codes: Ints) -> Ints:
        """Those that may be proposed, in the order given."""
        fresh = [key not in self._known for key in keys(codes).tolist()]
        found: Ints = codes[np.array(fresh, bool)]
        return found

    def only(self, kept: Bools) -> Seen:
        """Some of the evaluations; what is known stays known."""
        return Seen(self.codes[kept], self.scores[kept], self.running, self._known, self.whole)

    def recent(self, most: int) -> Seen:
        """Up to `most` of them, in order: the best half of the older ones and all later ones.

        Which are the older ones changes only at every half of `most`, so work on them can be kept.
        """
        n, half = len(self.scores), most // 2
        older = n - n % half if n > most else 0
        kept = np.arange(n) >= older
        kept[np.argsort(-self.scores[:older], kind="stable")[:half]] = True
        return self.only(kept)

    def best(self, n: int) -> Ints:
        """Indices of the n best, best first."""
        order: Ints = np.argsort(-self.scores, kind="stable")[:n]
        return order


class Strategy(ABC):
    """Which network to evaluate next."""

    fronts: ClassVar[bool] = False
    """It handles several objectives itself; others are asked under limits that are drawn."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem

    @abstractmethod
    def propose(self, problem: Problem, seen: Seen, rng: np.random.Generator) -> Ints:
        """(k, P) candidates within the limits, best first; any of them may be known already.

        `problem` is the strategy's own, perhaps under tighter limits.
        """

    def ask(self, seen: Seen, rng: np.random.Generator) -> Iterator[Ints]:
        """New candidates, best first, until there are no others; random ones after its own."""
        problem, shown = self.problem, seen
        if problem.costs is not None and not self.fronts:
            problem, shown = problem.tightened(seen, rng)
        yield from seen.new(self.propose(problem, shown, rng))
        for _ in range(TRIES):
            yield from seen.new(self.problem.sample(BATCH, rng))


def _swap(before: Layer, layer: Layer) -> bool:
    options = layer.position.options
    return before.position.options == options and not layer.position.first and () in options
