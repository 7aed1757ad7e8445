"""Which networks are drawn: what pricing says, and never above the budget."""

from __future__ import annotations

import numpy as np
import pytest

from nas.errors import InfeasibleError
from nas.library import load_device, load_space, load_surrogate
from nas.optimize.exact import fastest
from nas.optimize.pricing import MACS, MS, Pricing
from nas.space.space import Space
from nas.supernet.draw import BINS, Draws

DEVICE = "iphone12-lut"
BUDGET_MS = 0.6


@pytest.fixture(scope="module")
def budgeted() -> Draws:
    return Draws(load_space("mobile32"), load_device(DEVICE), BUDGET_MS)


def test_largest_and_smallest_are_what_pricing_says(shipped: Space) -> None:
    device = load_device("pixel1-cpu")
    pricing = Pricing(shipped, device, load_surrogate("imagenet"))
    draws, priced = Draws(shipped, device), pricing.edge_costs(MACS)
    most = fastest(pricing.layered, [-own for own in priced])
    assert shipped.decode(draws.largest).macs == pricing.price(np.array([most.code]))[0, MACS]
    least = fastest(pricing.layered, pricing.edge_costs(MS))
    assert draws.cost_of(draws.smallest) == pytest.approx(least.ms)
    alone = Draws(shipped)
    assert alone.cost_of(alone.smallest) == shipped.decode(alone.smallest).macs


def test_no_network_is_above_the_budget(budgeted: Draws) -> None:
    rng, device = np.random.default_rng(0), load_device(DEVICE)
    drawn = [budgeted.smallest, budgeted.largest]
    drawn += [budgeted.largest_of(rng) for _ in range(10)]
    drawn += [budgeted.random(rng) for _ in range(20)]
    for code in drawn:
        assert device.predict(budgeted.space.decode(code)).ms <= BUDGET_MS * (1 + 1e-9)
    largest = budgeted.space.decode(budgeted.largest).macs
    assert largest >= max(budgeted.space.decode(code).macs for code in drawn)


def test_random_networks_are_spread_over_the_bins(budgeted: Draws) -> None:
    rng = np.random.default_rng(0)
    costs = [budgeted.cost_of(budgeted.random(rng)) for _ in range(200)]
    counts = np.histogram(costs, np.linspace(*budgeted.range_of_costs, BINS + 1))[0]
    # of 20; the lowest bin has few networks beside the smallest
    assert counts[1:].min() >= 5


def test_the_largest_of_drawn_ops_uses_all_of_them(mixed: Space) -> None:
    draws, rng = Draws(mixed), np.random.default_rng(0)
    found = [mixed.decode(draws.largest_of(rng)) for _ in range(30)]
    assert {row.op for arch in found for row in arch.rows} >= {
        *("mv2", "mbconv", "repvit", "fused_mbconv", "mobilevit", "norm_linear", "linear")
    }
    assert all(arch.macs <= mixed.decode(draws.largest).macs for arch in found)


def test_a_budget_below_the_smallest_is_refused(mixed: Space) -> None:
    with pytest.raises(InfeasibleError, match="the smallest takes"):
        Draws(mixed, load_device(DEVICE), 1e-3)
