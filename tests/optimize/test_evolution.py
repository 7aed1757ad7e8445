"""Evolution: inside the budget, reproducible, and as good as brute force on a small space."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from nas import library
from nas.optimize.evolution import Evaluator, EvolutionSettings, evolve
from nas.optimize.limits import Limits
from nas.optimize.pricing import MS, Pricing
from nas.space.space import Space

TEXT = """
name: small
source: "made for tests"
input: [[3, 128, 128], [3, 160, 160]]
columns: [op, k, exp, out, se, act, s, n, repeat]
rows:
  - [conv, 3, ~, 16, ~, hswish, 2, 1, ~]
  - [bneck, [3, 5], [3x, 6x], [24, 40], ~, ~, 2, [1, 2], independent]
  - [bneck, 3, [3x, 6x], [48, 80], [~, 0.25], ~, 2, 1, ~]
  - [mbconv, [3, 5], 4x, [112, 160], ~, ~, 2, [1, 2], independent]
  - [pool, ~, ~, ~, ~, ~, ~, 1, ~]
  - [linear, ~, ~, 1000, ~, ~, ~, 1, ~]
"""
FEW = EvolutionSettings(generations=12, children=200, bins=4, kept=20)


@pytest.fixture(scope="module")
def pricing() -> Pricing:
    device, surrogate = library.load_device("iphone12-lut"), library.load_surrogate("imagenet")
    return Pricing(Space.from_yaml(TEXT), device, surrogate)


def test_finds_the_best_of_a_small_space(pricing: Pricing) -> None:
    codes = np.array(list(product(*(range(n) for n in pricing.layered.n_options))))
    ms = pricing.price(codes)[:, MS]
    codes = codes[np.isfinite(ms)]
    budget_ms = float(np.nanmedian(ms))
    everything = Evaluator(pricing, Limits((budget_ms,), (1.0,)), 1.0)(codes)
    rng = np.random.default_rng(0)
    evaluator = Evaluator(pricing, Limits((budget_ms,), (1.0,)), 1.0)
    found = evolve(evaluator, pricing.layered.sample(50, rng), rng, FEW)
    assert found.bound[0] == pytest.approx(everything.bound[0], abs=1e-6)
    assert (found.prices[:, MS] <= budget_ms).all()
    assert evaluator.evaluated < 0.6 * len(codes) * FEW.generations


def test_front_is_the_brute_force_front(pricing: Pricing) -> None:
    rng = np.random.default_rng(3)
    evaluated = Evaluator(pricing, Limits((np.inf,), (1.0,)), 1.0)(pricing.layered.sample(300, rng))
    front = evaluated.front()
    for ms, bound in zip(evaluated.prices[:, MS], evaluated.bound, strict=True):
        beaten = (evaluated.prices[:, MS] <= ms) & (evaluated.bound > bound)
        equal = (evaluated.prices[:, MS] < ms) & (evaluated.bound == bound)
        on_front = ((front.prices[:, MS] == ms) & (front.bound == bound)).any()
        assert on_front == (not beaten.any() and not equal.any())
    assert (np.diff(front.prices[:, MS]) > 0).all()
    assert (np.diff(front.bound) > 0).all()


def test_same_seed_same_population(pricing: Pricing) -> None:
    runs = []
    for _ in range(2):
        rng = np.random.default_rng(7)
        evaluator = Evaluator(pricing, Limits((10.0,), (1.0,)), 1.0)
        runs.append(evolve(evaluator, pricing.layered.sample(50, rng), rng, FEW).codes)
    assert (runs[0] == runs[1]).all()


def test_a_population_survives_a_start_over_the_budget(pricing: Pricing) -> None:
    """Only networks over the budget to start from: random ones take over."""
    rng = np.random.default_rng(1)
    codes = pricing.layered.sample(2000, rng)
    ms = pricing.price(codes)[:, MS]
    budget_ms = float(np.quantile(ms, 0.1))
    evaluator = Evaluator(pricing, Limits((budget_ms,), (1.0,)), 1.0)
    found = evolve(evaluator, codes[ms > budget_ms][:50], rng, FEW)
    assert len(found.codes)
    assert (found.prices[:, MS] <= budget_ms).all()
