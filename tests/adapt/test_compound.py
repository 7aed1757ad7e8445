"""Compound scaling: EfficientNet's networks, and the small grid search."""

from __future__ import annotations

import math

import pytest

from nas.adapt.compound import PAPER, PUBLISHED, Coefficients, multipliers, search
from nas.errors import ArchError, BudgetError, InfeasibleError
from nas.library import load_arch, load_device, load_surrogate


@pytest.mark.parametrize(("phi", "name"), [(p, f"b{i}") for i, p in enumerate(PUBLISHED, 1)])
def test_published_phi_make_b1_to_b7_of_b0(phi: float, name: str) -> None:
    made = multipliers(phi).of(load_arch("efficientnet-b0"))
    assert made == load_arch(f"efficientnet-{name}")


@pytest.mark.parametrize("phi", PUBLISHED)
def test_rounded_powers_are_the_published_multipliers_up_to_b3_only(phi: float) -> None:
    width, depth, side = PUBLISHED[phi]
    rounded = round(1.1**phi, 1), round(1.2**phi, 1), round(224 * 1.15**phi / 20) * 20
    assert (rounded == (width, depth, side)) == (phi <= 2)


def test_bases_of_one_phi_name_any_multipliers() -> None:
    by = multipliers(1, Coefficients(alpha=1.8, beta=1.4, gamma=380 / 224))
    assert by.of(load_arch("efficientnet-b0")) == load_arch("efficientnet-b4")


def test_phi_0_changes_nothing() -> None:
    arch = load_arch("mobilevit-xs")
    assert multipliers(0).of(arch) == arch


def test_paper_keeps_growth_near_2() -> None:
    assert PAPER.growth == pytest.approx(2, rel=0.05)
    b0 = load_arch("efficientnet-b0")
    factor = multipliers(1.5).of(b0).macs / b0.macs
    assert 2**1.5 < factor < 1.4 * 2**1.5, "more, since depth is rounded up"


@pytest.mark.parametrize("phi", [math.nan, math.inf, 11])
def test_phi_out_of_reason_is_refused(phi: float) -> None:
    with pytest.raises(ArchError, match="expected phi from -10 to 10 .*, found phi "):
        multipliers(phi)


@pytest.mark.slow
def test_search_keeps_the_budget_and_orders_by_the_bound() -> None:
    surrogate, device = load_surrogate("imagenet"), load_device("iphone12-lut")
    found = search(load_arch("mobilenetv2"), surrogate, device=device, budget_ms=1.0)
    assert all(device.predict(point.arch).ms == point.ms <= 1.0 for point in found)
    bounds = [point.bound for point in found]
    assert bounds == sorted(bounds, reverse=True)
    assert len({point.arch for point in found}) == len(found)


def test_budget_below_the_grid_names_the_smallest() -> None:
    surrogate = load_surrogate("imagenet")
    with pytest.raises(InfeasibleError, match=r"the smallest of the grid: \d+\.\d M MACs"):
        search(load_arch("mobilenetv3-small"), surrogate, budget_macs=1e6)


def test_budget_that_is_none_is_refused() -> None:
    surrogate, arch = load_surrogate("imagenet"), load_arch("mobilenetv2")
    for budget in ({"budget_ms": 1.0}, {"budget_macs": 0.0}, {"budget_macs": math.nan}):
        with pytest.raises(BudgetError):
            search(arch, surrogate, **budget)
