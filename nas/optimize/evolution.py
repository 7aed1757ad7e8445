"""Vectorised evolution with local search, on priced codes.

It serves objectives that are not additive over rows. The population keeps the best of each bin of
latency (as in MAP-Elites, arXiv:1504.04909), so one run yields the whole front below the budget and
stays diverse. Parents are crossed at one point and mutated; a child over the budget is not
evaluated. Local search then tries every change of a single gene of the best until none helps.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nas.optimize.limits import Limits
from nas.optimize.pricing import MS, Pricing
from nas.space.columns import Floats, Ints
from nas.space.layered import keys
from nas.system.progress import OnShare, ignore


@dataclass(frozen=True, slots=True)
class EvolutionSettings:
    """Size of the search. The defaults take a few seconds on two cores."""

    generations: int = 60
    children: int = 2000
    bins: int = 10
    kept: int = 40
    """Members of each bin."""
    genes: float = 2.0
    """Mutated genes per child, on average."""
    climbs: int = 60
    """Most steps of the final local search."""


@dataclass(frozen=True, slots=True)
class Evaluated:
    """Codes within the budget with their prices and judgement, best first."""

    codes: Ints
    """(n, P)"""
    prices: Floats
    """(n, 3 + further devices), as `Pricing.price`."""
    top1: Floats
    sd: Floats
    bound: Floats
    """Lower confidence bound of top-1, the objective, in points."""

    def take(self, index: Ints) -> Evaluated:
        return Evaluated(*(getattr(self, name)[index] for name in self.__slots__))

    def join(self, other: Evaluated) -> Evaluated:
        """Candidates of both, best first, each code once."""
        pairs = ((getattr(self, name), getattr(other, name)) for name in self.__slots__)
        both = Evaluated(*(np.concatenate(pair) for pair in pairs))
        both = both.take(np.unique(keys(both.codes), return_index=True)[1])
        return both.take(np.lexsort((both.prices[:, MS], -both.bound)))

    def front(self) -> Evaluated:
        """Candidates that no candidate as fast outscores, fastest first."""
        order = np.lexsort((-self.bound, self.prices[:, MS]))
        best = np.maximum.accumulate(self.bound[order])
        improves = np.diff(best, prepend=-np.inf) > 0
        return self.take(order[improves])


@dataclass(slots=True, eq=False)
class Evaluator:
    """Prices codes, drops those over a limit, and bounds the accuracy of the others."""

    pricing: Pricing
    limits: Limits
    risk_aversion: float
    priced: int = 0
    evaluated: int = 0

    def __call__(self, codes: Ints) -> Evaluated:
        prices = self.pricing.price(codes)
        within = self.limits.within(self.pricing, codes, prices)
        codes, prices = codes[within], prices[within]
        self.priced += len(within)
        self.evaluated += len(codes)
        top1, sd = self.pricing.estimate(codes)
        evaluated = Evaluated(codes, prices, top1, sd, top1 - self.risk_aversion * sd)
        return evaluated.take(np.argsort(-evaluated.bound, kind="stable"))


def evolve(
    evaluator: Evaluator,
    start: Ints,
    rng: np.random.Generator,
    settings: EvolutionSettings,
    on_share: OnShare = ignore,
) -> Evaluated:
    """The population after all generations and the climb, best first."""
    layered = evaluator.pricing.layered
    population = _select(evaluator(start), evaluator.limits.held_ms[0], settings)
    for generation in range(settings.generations):
        on_share(generation / settings.generations)
        if not len(population.codes):
            population = evaluator(layered.sample(settings.children, rng))
            continue
        parents = _parents(len(population.codes), settings.children, rng)
        mothers, fathers = population.codes[parents]
        crossed = layered.crossover(mothers, fathers, rng)
        # all children are mutated, half of them also crossed
        single = rng.random(settings.children) < 0.5
        crossed[single] = mothers[single]
        children = evaluator(layered.mutate(crossed, rng, settings.genes))
        population = _select(population.join(children), evaluator.limits.held_ms[0], settings)
    return _climb(evaluator, population, rng, settings.climbs)


def _parents(n: int, children: int, rng: np.random.Generator) -> Ints:
    """(2, children) indices, each of the better of two random members."""
    drawn: Ints = rng.integers(n, size=(2, 2, children))
    best: Ints = drawn.min(axis=0)
    return best


def _select(evaluated: Evaluated, budget_ms: float, settings: EvolutionSettings) -> Evaluated:
    """The best `kept` members of each latency bin; input and output are best first."""
    if not len(evaluated.codes):
        return evaluated
    ms = evaluated.prices[:, MS]
    low = ms.min()
    scale = settings.bins / max(budget_ms - low, 1e-9)
    bins = np.minimum(((ms - low) * scale).astype(np.int64), settings.bins - 1)
    order = np.argsort(bins, kind="stable")
    sorted_bins = bins[order]
    rank = np.arange(len(order)) - np.searchsorted(sorted_bins, sorted_bins)
    return evaluated.take(np.sort(order[rank < settings.kept]))


def _climb(
    evaluator: Evaluator, population: Evaluated, rng: np.random.Generator, steps: int
) -> Evaluated:
    """Replace the best by its best single-gene neighbour until no neighbour is better."""
    layered = evaluator.pricing.layered
    for _ in range(steps):
        if not len(population.codes):
            break
        before = population.bound[0]
        near = evaluator(layered.repair(_neighbours(population.codes[0], layered.n_options), rng))
        population = population.join(near.take(np.arange(min(len(near.codes), 200))))
        if population.bound[0] <= before + 1e-9:
            break
    return population


def _neighbours(code: Ints, n_options: Ints) -> Ints:
    """Every code that differs from this one in a single gene."""
    position = np.repeat(np.arange(len(code)), n_options)
    option = np.concatenate([np.arange(n) for n in n_options])
    near = np.tile(code, (len(position), 1))
    near[np.arange(len(position)), position] = option
    return near
