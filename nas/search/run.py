"""The main job: price a space, solve the additive part exactly, evolve the whole objective.

The objective is a lower confidence bound of the surrogate's top-1 (estimate minus `caution`
standard deviations), so that a search cannot win by leaving the data. It is maximised under a hard
latency budget from the space's seeds and from exact solutions of its linearisation, renewed at
each solution until that stops helping.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nas import library
from nas.accuracy.surrogate import Surrogate
from nas.arch import Arch
from nas.columns import Ints
from nas.errors import BudgetError, InfeasibleError
from nas.folders import named
from nas.latency.device import Device
from nas.pricing import MS, Pricing
from nas.search.evolution import Judge, Judged, Settings, evolve
from nas.search.exact import Solution, fastest, solve, undominated
from nas.space import Space

Floats = NDArray[np.float64]

SHOWN = 24
"""Most networks of the front that are decoded and reported."""
ROUNDS = 4
"""Most linearisations that are solved exactly."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A network with its predicted latency and estimated accuracy."""

    arch: Arch
    ms: float
    ms_low: float
    ms_high: float
    top1: float
    """Estimated, in points."""
    top1_sd: float

    def to_yaml(self, path: str | Path | None = None) -> str:
        """The network's table; also written to `path` if given."""
        return self.arch.to_yaml(path)


@dataclass(frozen=True, slots=True)
class SearchResult:
    """What a search found and how."""

    best: Candidate
    pareto: tuple[Candidate, ...]
    """Fastest first, all within the budget; the last one is the best."""
    seeds: tuple[Candidate, ...]
    """The space's known points, in and over the budget."""
    budget_ms: float
    optimality_gap: float
    """Of the additive (linearised) objective, in points of top-1; 0 is proven optimal."""
    priced: int
    judged: int
    seconds: float
    space: Space
    device: Device
    surrogate: Surrogate
    seed: int


def search(
    space: str | Path | Space = "mobile",
    device: str | Path | Device = "iphone12-lut",
    *,
    budget_ms: float,
    surrogate: str | Path | Surrogate = "imagenet",
    seed: int = 0,
    caution: float = 1.0,
    settings: Settings | None = None,
) -> SearchResult:
    """Find the network of highest bounded top-1 within `budget_ms`. Same seed, same result.

    Space, device and surrogate are names, paths or loaded ones. Every shipped architecture that is
    a point of the space is a seed: the search starts from it and reports it.

    Raises:
        BudgetError: the budget is no positive number.
        InfeasibleError: nothing in the space is that fast; carries what is.
    """
    began = time.perf_counter()
    if not math.isfinite(budget_ms) or budget_ms <= 0:
        raise BudgetError(f"expected a budget above 0 ms, found {budget_ms}")
    space = space if isinstance(space, Space) else library.load_space(space)
    device = device if isinstance(device, Device) else library.load_device(device)
    if not isinstance(surrogate, Surrogate):
        surrogate = library.load_surrogate(surrogate)
    pricing = Pricing(space, device, surrogate)
    _check_feasible(pricing, budget_ms)
    archs = [library.load_arch(name) for name in named("architecture")]
    known = [arch for arch in archs if space.contains(arch)]
    codes = np.array([space.encode(arch) for arch in known], np.int64)
    codes = codes.reshape(len(known), len(pricing.lattice.layers))
    rng = np.random.default_rng(seed)
    judge = Judge(pricing, budget_ms, caution)
    exact, gap = _exact(judge, codes)
    settings = settings or Settings()
    random = pricing.lattice.sample(settings.children, rng)
    found = evolve(judge, np.concatenate([codes, exact, random]), rng, settings)
    front = _thinned(found.front())
    pareto = tuple(_candidate(pricing, front, i) for i in range(len(front.codes)))
    return SearchResult(
        best=pareto[-1],
        pareto=pareto,
        seeds=tuple(assess(arch, device, surrogate) for arch in known),
        budget_ms=budget_ms,
        optimality_gap=gap,
        priced=judge.priced,
        judged=judge.judged,
        seconds=time.perf_counter() - began,
        space=space,
        device=device,
        surrogate=surrogate,
        seed=seed,
    )


def _thinned(front: Judged) -> Judged:
    """The best of each of `SHOWN` equal spans of latency."""
    ms = front.prices[:, MS]
    span = max(ms[-1] - ms[0], 1e-9) / SHOWN
    place = ((ms[-1] - ms) / span).astype(np.int64)
    return front.take(np.flatnonzero(np.diff(place, append=-1)))


def assess(arch: Arch, device: Device, surrogate: Surrogate) -> Candidate:
    """Predicted latency and estimated accuracy of one network."""
    ms, guess = device.predict(arch), surrogate.predict(arch)
    return Candidate(arch, ms.ms, ms.low_ms, ms.high_ms, guess.top1, guess.sd)


def _check_feasible(pricing: Pricing, budget_ms: float) -> None:
    """Refuse a budget below the fastest network, which is a shortest path."""
    quickest = fastest(pricing.lattice, pricing.edge_ms())
    smallest = quickest.ms + pricing.device.fixed_ms
    if smallest > budget_ms:
        arch = pricing.space.decode(quickest.code)
        raise InfeasibleError(
            f"no network of {pricing.space.name} runs within {budget_ms:g} ms on"
            f" {pricing.device.name}: the fastest is predicted at {smallest:.3f} ms",
            smallest_ms=smallest,
            arch=arch,
        )


def _exact(judge: Judge, codes: Ints) -> tuple[Ints, float]:
    """Exact solutions of linearised objectives, and the gap of the last one solved.

    The first is linearised at the best seed within the budget (at the fastest network if there is
    none), each further one at the best solution so far.
    """
    pricing = judge.pricing
    ms = pricing.edge_ms()
    found: list[Ints] = []
    best = judge(codes) if len(codes) else None
    point = best.codes[0] if best and len(best.codes) else fastest(pricing.lattice, ms).code
    bound, gap = -np.inf, 0.0
    for _ in range(ROUNDS):
        solution = _linearised(judge, point, ms)
        if solution is None:
            break
        gap = solution.gap
        found.append(solution.code)
        judged = judge(solution.code[None])
        if not len(judged.codes) or judged.bound[0] <= bound + 1e-3:
            break
        bound, point = judged.bound[0], solution.code
    return np.array(found, np.int64).reshape(len(found), len(ms)), gap


def _linearised(judge: Judge, point: Ints, ms: list[Floats]) -> Solution | None:
    """The best path for the surrogate's slope at `point`."""
    pricing = judge.pricing
    x, resolution = pricing.features(point[None]), pricing.resolution(point[None])
    scores = pricing.edge_scores(pricing.surrogate.slope(x[0], float(resolution[0])))
    # the image's size has no row: its effect at this point stands on the first layer
    heights = np.array([shape[1] for shape in pricing.space.table.inputs], float)
    effect, _ = pricing.surrogate.predict_features(np.repeat(x, len(heights), axis=0), heights)
    scores[0] = effect[None]
    edges = undominated(pricing.lattice, ms, scores)
    return solve(pricing.lattice, edges, judge.budget_ms - pricing.device.fixed_ms)


def _candidate(pricing: Pricing, judged: Judged, index: int) -> Candidate:
    """Decode, lower and predict again; what was priced must agree.

    Raises:
        AssertionError: pricing and prediction differ, which is a bug of ours.
    """
    arch = pricing.space.decode(judged.codes[index])
    found = assess(arch, pricing.device, pricing.surrogate)
    assert math.isclose(found.ms, judged.prices[index, MS], rel_tol=1e-6), arch.arch_id
    assert math.isclose(found.top1, judged.top1[index], rel_tol=1e-5), arch.arch_id
    return found
