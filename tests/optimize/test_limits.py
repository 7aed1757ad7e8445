"""Limits of every kind: what is counted vectorised is what a network has, and all are kept."""

from __future__ import annotations

from math import inf
from typing import Any

import numpy as np
import pytest

from nas import library
from nas.errors import BudgetError, InfeasibleError
from nas.graph.cost import peak_activation_elements
from nas.optimize import EvolutionSettings, search
from nas.optimize.limits import Limits
from nas.optimize.pricing import MACS, PARAMS, Pricing
from nas.optimize.run import limits_of, pricing_of

FEW = EvolutionSettings(generations=8, children=400)
DEVICES = ("iphone12-lut", "pixel1-cpu")


@pytest.fixture(scope="module", params=["mobilenetv3", "mobilevit", "repvit"])
def pricing(request: pytest.FixtureRequest) -> Pricing:
    return pricing_of(request.param, DEVICES, "imagenet")


def test_prices_of_several_devices_and_peaks_are_those_of_the_network(pricing: Pricing) -> None:
    codes = pricing.layered.sample(12, np.random.default_rng(0))
    prices, peaks = pricing.price(codes), pricing.peak_elements(codes)
    for code, price, peak in zip(codes, prices, peaks, strict=True):
        arch = pricing.space.decode(code)
        for column, name in zip(pricing.ms_columns, DEVICES, strict=True):
            assert price[column] == pytest.approx(library.load_device(name).predict(arch).ms)
        assert peak == peak_activation_elements(arch.fused)


@pytest.mark.parametrize("seed", range(4))
def test_within_is_every_limit_at_once(pricing: Pricing, seed: int) -> None:
    rng = np.random.default_rng(seed)
    codes = pricing.layered.sample(400, rng)
    prices, peaks = pricing.price(codes), pricing.peak_elements(codes)
    most = [float(np.quantile(column, rng.uniform(0.3, 0.9))) for column in (*prices.T, peaks)]
    ms = tuple(most[column] for column in pricing.ms_columns)
    ratios = (1.0, 1.25)
    limits = Limits(ms, ratios, most[PARAMS], most[MACS], most[-1])
    held = dict(zip(pricing.ms_columns, limits.held_ms, strict=True))
    expected = [
        all(price[column] <= held.get(column, most[column]) for column in range(len(price)))
        and peak <= most[-1]
        for price, peak in zip(prices, peaks, strict=True)
    ]
    assert limits.within(pricing, codes, prices).tolist() == expected


def test_a_search_keeps_all_of_them() -> None:
    asked = {"max_params": 4e6, "max_macs": 2e8, "max_peak": 9e5}
    found = search("mobilenetv3", DEVICES, budget_ms=(0.8, 45), settings=FEW, **asked)
    for candidate in found.pareto:
        arch = candidate.arch
        assert candidate.ms <= 0.8
        first, second = found.latencies(arch)
        assert (first.budget_ms, second.budget_ms) == (0.8, 45)
        assert second.ms <= 45
        assert second.ms_low < second.ms < second.ms_high
        assert arch.params <= asked["max_params"]
        assert arch.macs <= asked["max_macs"]
        assert peak_activation_elements(arch.fused) <= asked["max_peak"]
        both = first.probability * second.probability
        assert found.probability(candidate) == pytest.approx(both)
    alone = search("mobilenetv3", DEVICES[0], budget_ms=0.8, settings=FEW)
    assert found.best.top1 < alone.best.top1


@pytest.mark.parametrize(
    ("limits", "quantity", "message"),
    [
        ({"max_params": 1e5}, "params", "has at most 100,000 parameters: the smallest has"),
        ({"max_macs": 1e6}, "macs", "has at most 1,000,000 MACs: the smallest has"),
        ({"max_peak": 10}, "peak_elements", "has at most 10 activation elements alive at once"),
        ({"budget_ms": 0.1}, "ms", "runs within 0.1 ms on iphone12-lut: the fastest is predicted"),
        ({"budget_ms": (2, 1)}, "ms", "runs within 1 ms on pixel1-cpu: the fastest is predicted"),
        ({"budget_ms": (2, 1), "confidence": 0.99}, "ms", "its bound at that confidence is"),
    ],
)
def test_what_cannot_be_kept_is_said_with_its_least(
    limits: dict[str, Any], quantity: str, message: str
) -> None:
    asked = {"device": DEVICES, "budget_ms": (2, 90), "settings": FEW, **limits}
    with pytest.raises(InfeasibleError, match=message) as caught:
        search("mobilenetv3", **asked)
    error, arch = caught.value, caught.value.arch
    assert error.quantity == quantity
    device = library.load_device(error.device) if error.device else None
    ratio = device.at_confidence(limits.get("confidence", 0.5), leaves=True) if device else 1.0
    need = {
        "params": arch.params,
        "macs": arch.macs,
        "peak_elements": peak_activation_elements(arch.fused),
        "ms": device.predict(arch).ms * ratio if device else None,
    }
    assert error.smallest == pytest.approx(need[quantity])
    # what is named as the least is met, and no less than it
    least = {"ms": "budget_ms", "peak_elements": "max_peak"}.get(quantity, f"max_{quantity}")
    enough = error.smallest * (1 + 1e-9)
    if least == "budget_ms":
        enough = tuple(enough if d == error.device else 1e4 for d in DEVICES)  # type: ignore[assignment]
    found = search("mobilenetv3", **{**asked, "budget_ms": (1e4, 1e4), least: enough})
    assert found.best.arch.params > 0


def test_limits_that_exclude_each_other_name_the_nearest_network(pricing: Pricing) -> None:
    codes = pricing.layered.sample(20, np.random.default_rng(0))
    prices, peaks = pricing.price(codes), pricing.peak_elements(codes)
    held = [0.5 * prices[:, column].min() for column in pricing.ms_columns]
    limits = Limits(tuple(held), (1.0, 1.0), 1e5, 1e6, peaks.min())
    error = limits.none_found(pricing, codes, 20)
    assert "keeps every limit at once" in str(error)
    over = [
        prices[:, pricing.ms_columns] / held,
        prices[:, [PARAMS, MACS]] / (1e5, 1e6),
        peaks[:, None] / peaks.min(),
    ]
    worst = np.hstack(over).max(axis=1)
    assert error.arch == pricing.space.decode(codes[worst.argmin()])
    assert error.quantity == "macs"
    assert error.smallest == error.arch.macs == pytest.approx(worst.min() * 1e6)


@pytest.mark.parametrize(
    ("device", "budget_ms", "message"),
    [
        (DEVICES, (1, 2, 3), "got 3 budgets for 2 devices"),
        (DEVICES, (1, -2), "expected a budget above 0 ms, found -2"),
        (DEVICES[0], inf, "expected a budget above 0 ms, found inf"),
    ],
)
def test_budgets_that_make_no_sense(device: object, budget_ms: object, message: str) -> None:
    with pytest.raises(BudgetError, match=message):
        search("mobilenetv3", device, budget_ms=budget_ms)  # type: ignore[arg-type]


def test_a_bound_is_wider_where_ops_may_leave_the_accelerator() -> None:
    ratios = [
        limits_of(pricing_of(space, "iphone12-lut", "imagenet", avoid), 1.0, 0.9).ratios[0]
        for space, avoid in (("mobile", None), ("mobile", ["none"]), ("mobilenetv3", None))
    ]
    assert ratios[0] < ratios[1] == ratios[2]
