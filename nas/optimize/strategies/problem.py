"""A search problem for strategies: a space under hard limits, known without any evaluation.

No method returns a network over a limit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from nas.optimize.limits import Limits
from nas.optimize.pricing import MACS, MS, PARAMS, Pricing
from nas.optimize.strategies.seen import Bools, Seen
from nas.space.choices import Choices
from nas.space.columns import Floats, Ints
from nas.space.layered import BRANCH, LayeredSpace, SpaceLayer, keys
from nas.space.space import Code

OBJECTIVES: Mapping[str, int] = {"ms": MS, "params": PARAMS, "macs": MACS}
"""Objectives to minimise while accuracy is maximised, and their columns of the price."""
BATCH = 1024
"""Codes sampled at a time."""
TRIES = 24
"""Batches to sample before searching near known codes within the limits."""


@dataclass(frozen=True, eq=False)
class Problem:
    """Knowledge of a space that needs no evaluation."""

    layered: LayeredSpace
    choices: Choices
    within: Callable[[Ints], Bools]
    """(n, P) valid codes -> (n,) whether they meet every limit."""
    start: Ints
    """(n, P) codes within the limits, at least one: known networks and the fastest one."""
    share: Callable[[Ints], Floats]
    """(n, P) -> (n,) share of the latency budget that is used, 1 if there is none."""
    features: Callable[[Ints], Floats]
    """(n, P) -> (n, f) cheap features of a network that may predict its accuracy."""
    edge_ms: Sequence[Floats]
    """Per layer (S, O): milliseconds of every edge, whose sum the latency budget bounds."""
    edge_budget_ms: float
    """Bound on their sum along a path; infinite if latency is not limited."""
    costs: Callable[[Ints], Floats] | None = None
    """(n, P) -> (n, m) costs to minimise while accuracy is maximised, if any."""

    @cached_property
    def swaps(self) -> Bools:
        """(P,) whether a layer has the options of the one before, and may be left out."""
        layers = self.layered.layers
        return np.array([False, *map(_swap, layers, layers[1:])])

    def edge_sums(self, weights: Floats) -> list[Floats]:
        """Per layer (S, O): sum of the weights (D,) of each edge's values."""
        sums, first = [], 0
        parts = self.layered.layers, self.choices.one_hot_options, self.choices.branches
        for layer, own, branch in zip(*parts, strict=True):
            worth = own @ weights[first : first + own.shape[1]]
            first += own.shape[1]
            counts = True if branch is None else layer.states[:, [BRANCH]] == branch[1]
            sums.append(np.where(counts, worth, np.zeros(layer.next.shape)))
        return sums

    def canonical(self, codes: Ints) -> Ints:
        """Codes of the same networks in which left-out repeats follow the others.

        Leaving out is the last option of a repeat, and does not change the shape.
        """
        codes, last = codes.copy(), self.layered.n_options - 1
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
        """Codes within the limits, in canonical form, each once, in the order given."""
        codes = self.canonical(codes[self.within(codes)])
        first = np.unique(keys(codes), return_index=True)[1]
        return codes[np.sort(first)]

    def tightened(self, seen: Seen, rng: np.random.Generator) -> tuple[Problem, Seen]:
        """The problem under random limits on the costs, and the evaluations within them.

        Costs need no evaluation, and the front consists of the best accuracies under all possible
        limits, so a strategy that maximises under a limit can search for the front.
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
        """About n random codes within the limits; if they are rare, walks from known ones."""
        found: list[Ints] = []
        while len(found) <= tries and sum(map(len, found)) < n:
            found.append(self.kept(self.layered.sample(BATCH, rng)))
        codes = np.concatenate(found)
        while len(codes) < n:
            near = np.concatenate([self.start, codes])
            near = near[rng.integers(len(near), size=BATCH)]
            walked = self.kept(self.layered.mutate(near, rng, rng.integers(1, codes.shape[1] + 1)))
            before, codes = len(codes), self.kept(np.concatenate([codes, walked]))
            if len(codes) == before:
                break
        return codes[:n]

    def mutated(self, codes: Ints, rng: np.random.Generator, changes: int = 1) -> Ints:
        """Children within the limits, with `changes` random choices changed."""
        codes, near = codes.copy(), self.choices.near
        layers = np.flatnonzero(self.layered.n_options > 1)
        for _ in range(changes):
            at = layers[rng.integers(len(layers), size=len(codes))]
            for code, layer, drawn in zip(codes, at, rng.random(len(codes)), strict=True):
                own = near[layer][code[layer]]
                code[layer] = own[int(drawn * len(own))]
        return self.kept(self.layered.repair(codes, rng))

    def neighbours(self, code: Ints, rng: np.random.Generator) -> Ints:
        """Codes within the limits that differ in one choice and its necessary repairs."""
        near = [own[gene] for own, gene in zip(self.choices.near, code, strict=True)]
        layers = np.repeat(np.arange(len(code)), [len(own) for own in near])
        codes = np.repeat(code[None], len(layers), axis=0)
        codes[np.arange(len(layers)), layers] = np.concatenate(near)
        return self.kept(self.layered.repair(codes, rng))

    def pulled(self, code: Ints, rng: np.random.Generator) -> Ints:
        """(1, P) the code, or a similar one within the limits."""
        code = self.layered.repair(code[None], rng)
        if len(own := self.kept(code)):
            return own
        for genes in 2.0 ** np.arange(8):
            many = np.repeat(code, BATCH, axis=0)
            near = self.kept(self.layered.mutate(many, rng, min(genes, code.shape[1])))
            if len(near):
                return near[[(near != code).sum(axis=1).argmin()]]
        fixed = self.start[rng.integers(len(self.start), size=BATCH)]
        crossed = self.layered.crossover(np.repeat(code, BATCH, axis=0), fixed, rng)
        near = np.concatenate([self.kept(crossed), self.kept(self.start[:1])])
        return near[[(near != code).sum(axis=1).argmin()]]


def _swap(before: SpaceLayer, layer: SpaceLayer) -> bool:
    options = layer.position.options
    return before.position.options == options and not layer.position.first and () in options


def problem_of(
    pricing: Pricing,
    limits: Limits,
    known: tuple[Code, ...] = (),
    objectives: tuple[str, ...] = (),
    *,
    estimate: bool = True,
) -> Problem:
    """The problem of a priced space under limits; `estimate` adds the surrogate's top-1.

    Raises:
        InfeasibleError: no network meets the limits.
    """
    columns = [OBJECTIVES[name] for name in objectives]
    least = limits.least(pricing)

    def within(codes: Ints) -> Bools:
        return limits.within(pricing, codes, pricing.price(codes))

    def costs(codes: Ints) -> Floats:
        return pricing.price(codes)[:, columns]

    start = np.concatenate([np.array(known, np.int64).reshape(-1, least.shape[1]), least])
    return Problem(
        pricing.layered,
        Choices.of(pricing.space.table),
        within,
        start[within(start)],
        share=lambda codes: limits.share(pricing, pricing.price(codes)),
        features=lambda codes: _features(pricing, codes, estimate=estimate),
        edge_ms=pricing.edge_costs(),
        edge_budget_ms=pricing.edge_budget_ms(limits.held_ms[0]),
        costs=costs if columns else None,
    )


def _features(pricing: Pricing, codes: Ints, *, estimate: bool) -> Floats:
    """Logarithms of ms, parameters and MACs, and optionally the surrogate's estimate."""
    sizes = np.log(pricing.price(codes)[:, [MS, PARAMS, MACS]])
    return np.column_stack([sizes, pricing.estimate(codes)[0]]) if estimate else sizes
