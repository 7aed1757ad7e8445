"""Search without training: price a space, evolve its networks, recombine the best exactly.

The objective is a lower confidence bound of the surrogate's top-1 (estimate minus `caution`
standard deviations), so that a search gains nothing by leaving the data. It is maximised under a
hard latency budget in three steps: evolution from the space's known networks; an exact
recombination of the best found, on an additive fit of the objective; evolution from there. With a
confidence, the budget bounds a quantile of the latency, which is the prediction times a factor of
the device, so the search bounds the prediction by the budget divided by the factor.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Sequence
from functools import partial
from itertools import compress
from pathlib import Path
from typing import Any

import numpy as np

from nas import library
from nas.accuracy.surrogate import Surrogate
from nas.errors import BudgetError, positive, positive_budget_ms
from nas.files.resources import DEVICE, SPACE, SURROGATE
from nas.latency.device import Device
from nas.optimize.avoid import ALLOW_ALL, Avoided
from nas.optimize.evolution import Evaluated, Evaluator, EvolutionSettings, evolve
from nas.optimize.exact import solve, undominated
from nas.optimize.limits import Limits
from nas.optimize.pricing import MS, Pricing
from nas.optimize.result import Candidate, SearchResult
from nas.optimize.winner import corrected, selection_of
from nas.space.arch import Arch
from nas.space.columns import Floats, Ints
from nas.space.space import Space
from nas.system.progress import OnProgress, ignore

AnySpace = str | Path | Space
AnyDevice = str | Path | Device
AnySurrogate = str | Path | Surrogate
"""A name, a path or a loaded object."""

APART = 6
"""Least number of genes in which two networks of a shortlist differ."""
SHOWN = 24
"""Most networks of the front to decode and report."""
PARENTS = 200
"""Number of best networks that the exact solver recombines."""
ROUNDS = 2
"""Number of exact recombinations, each with further evolution."""
KNOWN_FROM, ESTIMATES_FROM, SEARCH_FROM = 0.2, 0.3, 0.45
"""Shares of the time at which a search begins to read the known networks, to estimate accuracies
and to evolve."""


def search(
    space: AnySpace = SPACE,
    device: AnyDevice | Sequence[AnyDevice] = DEVICE,
    *,
    budget_ms: float | Sequence[float],
    confidence: float | None = None,
    max_params: float = math.inf,
    max_macs: float = math.inf,
    max_peak: float = math.inf,
    surrogate: AnySurrogate = SURROGATE,
    seed: int = 0,
    caution: float = 1.0,
    avoid: Sequence[str] | None = None,
    settings: EvolutionSettings | None = None,
    shortlist: int = 0,
    on_progress: OnProgress = ignore,
) -> SearchResult:
    """Find the network of highest bounded top-1 within `budget_ms`; a seed determines the result.

    Space, device and surrogate are names, paths or loaded objects. Every shipped architecture that
    is a point of the space is known: the search starts from it and reports it. Several devices have
    one budget each, in the same order, or one for all; a `Candidate` has figures of the first one.
    `max_peak` is in activation elements. `caution` is the search's aversion to risk: the number of
    standard deviations that the objective subtracts from the estimate. The result's shortlist has
    up to `shortlist` networks that differ in `APART` genes.

    `avoid` names blocks, ops and activations that no network may have. Ops that are known to leave
    the accelerator of a device's runtime are avoided too, where the space has networks without
    them; `["none"]` allows them (`nas.optimize.avoid`).

    Raises:
        BudgetError: a budget or limit is not positive, or the confidence is not a probability.
        InfeasibleError: no network of the space meets the limits; carries the one nearest to them.
        SpaceError: no network of the space is left without what is avoided.
        UnknownNameError: a name to avoid is none.
    """
    began = time.perf_counter()
    on_progress("pricing latency", 0.0)
    pricing = pricing_of(space, device, surrogate, avoid)
    limits = limits_of(
        pricing, budget_ms, confidence, params=max_params, macs=max_macs, peak_elements=max_peak
    )
    quickest = limits.least(pricing)
    on_progress("finding known networks", KNOWN_FROM)
    known = known_points(pricing.space)
    codes = np.array([pricing.space.encode(arch) for arch in known], np.int64)
    codes = codes.reshape(len(known), len(pricing.layered.layers))
    rng = np.random.default_rng(seed)
    evaluator = Evaluator(pricing, limits, caution)
    kept = limits.within(pricing, codes, pricing.price(codes))
    settings = settings or EvolutionSettings()
    random = pricing.layered.sample(settings.children, rng)
    start = np.concatenate([codes, quickest, random])
    passes = [partial(_pass_progress, on_progress, number) for number in range(1 + ROUNDS)]
    on_progress("estimating accuracy", ESTIMATES_FROM)
    found = evolve(evaluator, start, rng, settings, passes[0])
    if not len(found.codes):
        raise limits.none_found(pricing, quickest, evaluator.priced)
    gap = 0.0
    for number, heard_again in enumerate(passes[1:], start=1):
        on_progress("recombining the best", _share(number))
        exact, gap = _recombined(evaluator, found)
        found = evolve(evaluator, np.concatenate([exact, found.codes]), rng, settings, heard_again)
    front = _thinned(found.front())
    selection = selection_of(pricing, limits, evaluator.evaluated)

    def selected(of: Evaluated, index: int) -> Candidate:
        return corrected(_candidate(pricing, of, index), selection, pricing.surrogate)

    pareto = tuple(selected(front, i) for i in range(len(front.codes)))
    seeds = [assess(arch, pricing.device, pricing.surrogate) for arch in known]
    return SearchResult(
        best=pareto[-1],
        pareto=pareto,
        known=_fastest_first(seeds),
        known_within=_fastest_first(compress(seeds, kept)),
        confidence=confidence,
        risk_aversion=caution,
        optimality_gap=gap,
        priced=evaluator.priced,
        evaluated=evaluator.evaluated,
        seconds=time.perf_counter() - began,
        space=pricing.space,
        device=pricing.device,
        surrogate=pricing.surrogate,
        seed=seed,
        limits=limits,
        others=pricing.others,
        avoided=pricing.exclusion.avoided if pricing.exclusion else pricing.avoided,
        left_out=pricing.exclusion.found if pricing.exclusion else (),
        shortlist=tuple(selected(found, i) for i in _apart(found.codes, shortlist)),
    )


def _fastest_first(found: Iterable[Candidate]) -> tuple[Candidate, ...]:
    return tuple(sorted(found, key=lambda candidate: candidate.ms))


def known_points(space: Space) -> list[Arch]:
    """The shipped architectures with published figures that are points of a space."""
    figures = library.published_by_name()
    return [arch for arch in library.archs_in(space) if arch.name in figures]


def pricing_of(
    space: AnySpace,
    device: AnyDevice | Sequence[AnyDevice],
    surrogate: AnySurrogate,
    avoid: Sequence[str] | None = (ALLOW_ALL,),
) -> Pricing:
    """Pricing of a space, devices and a surrogate, loaded if given by name.

    `avoid` is that of `search`.

    Raises:
        UnknownNameError: a name is unknown.
    """
    first, *others = devices = [
        d if isinstance(d, Device) else library.load_device(d) for d in each_device(device)
    ]
    return Pricing(
        space if isinstance(space, Space) else library.load_space(space),
        first,
        surrogate if isinstance(surrogate, Surrogate) else library.load_surrogate(surrogate),
        tuple(others),
        Avoided.of(avoid, devices),
    )


def each_device(device: AnyDevice | Sequence[AnyDevice]) -> tuple[AnyDevice, ...]:
    """The devices as a tuple."""
    return (device,) if isinstance(device, str | Path | Device) else tuple(device)


def each_budget(budget_ms: float | Sequence[float]) -> list[float]:
    """The budgets as finite numbers.

    Raises:
        BudgetError: one is not above 0, infinite, or no number.
    """
    several: Any = [budget_ms] if np.ndim(budget_ms) == 0 else budget_ms
    return [positive_budget_ms(ms) for ms in several]


def limits_of(
    pricing: Pricing, budget_ms: float | Sequence[float], confidence: float | None, **most: float
) -> Limits:
    """Limits on the pricing's devices; a single budget applies to every device.

    At a confidence, the wider interval counts where networks may leave an accelerator.

    Raises:
        BudgetError: a limit is no positive number, or the confidence no probability.
    """
    devices = pricing.devices
    budgets = each_budget(budget_ms)
    if len(budgets) == 1:
        budgets *= len(devices)
    if len(budgets) != len(devices):
        of = f"{len(devices)} device{'s' if len(devices) > 1 else ''}"
        raise BudgetError(
            f"got {len(budgets)} budgets for {of}; give one per device, or a single one"
        )
    kept = {name: positive(m, f"a limit of {name} above 0") for name, m in most.items()}
    ratios = [1.0] * len(devices)
    if confidence is not None:
        leaves = not (pricing.exclusion and pricing.exclusion.avoided.rules)
        ratios = [d.at_confidence(confidence, leaves=leaves) for d in devices]
    return Limits(tuple(budgets), tuple(ratios), **kept)


def _pass_progress(on_progress: OnProgress, number: int, share: float) -> None:
    """Report one evolution as a part of the whole search."""
    on_progress("searching", _share(number + share))


def _share(passes: float) -> float:
    """Share of the work that is done after so many evolutions."""
    return SEARCH_FROM + (1 - SEARCH_FROM) * passes / (1 + ROUNDS)


def _apart(codes: Ints, n: int) -> list[int]:
    """Up to n indices of codes (best first) that differ from all chosen before."""
    chosen: list[int] = []
    for index in range(len(codes)):
        if len(chosen) == n:
            break
        if all((codes[index] != codes[other]).sum() >= APART for other in chosen):
            chosen.append(index)
    return chosen


def _thinned(front: Evaluated) -> Evaluated:
    """Best candidate of each of `SHOWN` equal spans of latency."""
    ms = front.prices[:, MS]
    span = max(ms[-1] - ms[0], 1e-9) / SHOWN
    place = ((ms[-1] - ms) / span).astype(np.int64)
    return front.take(np.flatnonzero(np.diff(place, append=-1)))


def assess(arch: Arch, device: Device, surrogate: Surrogate) -> Candidate:
    """Predicted latency and estimated accuracy of one network."""
    ms, guess = device.predict(arch), surrogate.predict(arch)
    distilled = surrogate.distilled(guess)
    return Candidate(arch, ms.ms, ms.low_ms, ms.high_ms, guess.top1, guess.sd, distilled)


def _recombined(evaluator: Evaluator, found: Evaluated) -> tuple[Ints, float]:
    """Exact best recombination of the best networks found, and its gap in points.

    On these networks the objective is nearly additive: a ridge regression on the surrogate's
    features and the resolution fits it. The path of the highest fitted score within the budget is
    found up to the gap, among paths through their options only, which avoids extrapolation.
    """
    pricing = evaluator.pricing
    best = found.take(np.arange(min(PARENTS, len(found.codes))))
    heights = np.array([shape[1] for shape in pricing.space.table.inputs])
    sizes = (pricing.resolution(best.codes)[:, None] == heights).astype(float)
    weights, constant = _ridge(np.hstack([pricing.features(best.codes), sizes]), best.bound)
    scores = pricing.edge_scores(weights[: -len(heights)])
    scores[0] = (weights[-len(heights) :] + constant)[None]  # the image's size has no row
    layered = pricing.layered.restricted(best.codes)
    edges = undominated(layered, pricing.edge_costs(), scores)
    exact = solve(layered, edges, pricing.edge_budget_ms(evaluator.limits.held_ms[0]))
    assert exact is not None, "the best networks are themselves within the budget"
    return exact.code[None], exact.gap


def _ridge(x: Floats, y: Floats, strength: float = 1e-2) -> tuple[Floats, float]:
    """Ridge regression: weights and constant of y on x, standardised, with penalty `strength`."""
    centre, scale = x.mean(axis=0), x.std(axis=0)
    scale[scale < 1e-9] = np.inf  # constant columns get no weight
    z = (x - centre) / scale
    gram = z.T @ z / len(z) + strength * np.eye(z.shape[1])
    weights = np.linalg.solve(gram, z.T @ (y - y.mean()) / len(z)) / scale
    return weights, float(y.mean() - centre @ weights)


def _candidate(pricing: Pricing, evaluated: Evaluated, index: int) -> Candidate:
    """Decode, lower and predict a candidate again; its price must agree.

    Raises:
        AssertionError: pricing and prediction differ, which is a bug.
    """
    arch = library.shipped_or_same(pricing.space.decode(evaluated.codes[index]))
    found = assess(arch, pricing.device, pricing.surrogate)
    assert math.isclose(found.ms, evaluated.prices[index, MS], rel_tol=1e-6), arch.arch_id
    assert math.isclose(found.top1, evaluated.top1[index], rel_tol=1e-5), arch.arch_id
    return found
