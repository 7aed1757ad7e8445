"""The fit on networks whose costs are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from nas.latency.files import TERMS
from nas.latency.fit.blend import FitRecipe, blend
from nas.latency.fit.calibrate import (
    FitSettings,
    fit,
    harness_factors,
    on_reference,
    prior_of,
)

from .conftest import PRIOR, figures

GRID = (FitSettings(1.0, 1.0), FitSettings(30.0, 1.0))


def test_factor_of_a_harness_is_found() -> None:
    factors = harness_factors(figures(20, np.random.default_rng(0)), PRIOR)
    assert factors["lab"] == 1
    assert factors["other"] == pytest.approx(1.2, rel=0.03)


def test_a_harness_without_a_shared_network_keeps_its_prior() -> None:
    found = figures(10, np.random.default_rng(0))
    alone = [f for f in found if (f.harness == "lab") == (f.network != "net0")]
    assert harness_factors(alone, PRIOR)["other"] == pytest.approx(1.0)


def test_every_cost_stays_above_its_floor() -> None:
    found = figures(10, np.random.default_rng(2))
    for recipe in (FitRecipe(lambda _: PRIOR, GRID), FitRecipe(grid=GRID)):
        prior, costs = recipe.prior(found), blend(found, recipe)
        assert (costs.us >= np.array(prior.floor_us) * (1 - 1e-9)).all()
        assert min(prior.floor_us) > 0
        assert costs.fixed_ms >= prior.floor_ms > 0


def test_what_is_known_of_figures_alone_does_not_depend_on_their_unit() -> None:
    found = figures(10, np.random.default_rng(2))
    slower = [replace(figure, ms=1000 * figure.ms) for figure in found]
    own, theirs = prior_of(found), prior_of(slower)
    assert theirs.us_per_mmac == pytest.approx(1000 * own.us_per_mmac)
    assert theirs.floor_us == pytest.approx(1000 * np.array(own.floor_us))
    assert theirs.floor_ms == pytest.approx(1000 * own.floor_ms)


def test_a_single_figure_leaves_the_prior() -> None:
    found = figures(1, np.random.default_rng(3))[:1]
    costs = fit(found, np.array([found[0].ms]), FitSettings(30.0, 1.0), PRIOR)
    macs, weights = TERMS.index("us_per_mmac"), TERMS.index("us_per_weight_mb")
    assert costs.us[:, macs] == pytest.approx(PRIOR.us_per_mmac, rel=0.2)
    assert costs.us[:, weights] == pytest.approx(PRIOR.us_per_weight_mb, rel=0.2)


def test_a_cliff_hardly_moves_the_fit() -> None:
    found = figures(30, np.random.default_rng(4))
    cliff = [replace(f, ms=10 * f.ms) if f.network == "net3" else f for f in found]
    settings = FitSettings(30.0, 1.0)
    clean = fit(found, on_reference(found, PRIOR), settings, PRIOR).predict(found)
    fallen = fit(cliff, on_reference(cliff, PRIOR), settings, PRIOR).predict(found)
    assert np.median(np.abs(fallen / clean - 1)) < 0.05
