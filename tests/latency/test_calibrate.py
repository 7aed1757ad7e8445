"""The fit on networks whose costs are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from nas.latency.calibrate import (
    Figure,
    Floats,
    Prior,
    Recipe,
    Settings,
    blend,
    device_fold,
    fit,
    harness_factors,
    left_out,
    on_reference,
    predict,
    prior_of,
    trivial_fold,
)
from nas.latency.kernels import CLASSES
from nas.latency.table import TERMS

FLOOR = (0.3, 0.02, 10.0, 1.0, 1.0)
PRIOR = Prior(0.04, 30.0, {"other": 1.0}, frozenset({"lab"}), FLOOR, 0.05)
RECIPE = Recipe(lambda _: PRIOR, (Settings(1.0, 1.0), Settings(30.0, 1.0)))
TRUE = np.tile([0.5, 0.04, 30.0, 0.5, 20.0], (len(CLASSES), 1))
TRUE[CLASSES.index("attention")] *= 4


def networks(n: int, rng: np.random.Generator) -> list[Floats]:
    """Work of networks: (classes, terms), each with its own mix of classes."""
    size = rng.uniform(0.5, 4, (n, 1, 1)) * rng.dirichlet(np.ones(len(CLASSES)), n)[:, :, None]
    return list(size * [100, 500, 10, 40, 5] * rng.uniform(0.5, 1.5, (n, len(CLASSES), len(TERMS))))


def figures(n: int, rng: np.random.Generator, noise: float = 0.02) -> list[Figure]:
    """Two figures of each network: `lab`, and `other`, which is 20 % slower."""
    found = []
    for index, work in enumerate(networks(n, rng)):
        ms = 0.4 + (work * TRUE).sum() / 1000
        for harness, factor in (("lab", 1.0), ("other", 1.2)):
            seen = float(ms * factor * rng.lognormal(0, noise))
            found.append(Figure(f"net{index}", f"family{index % 5}", work, seen, harness, 1.0))
    return found


def test_factor_of_a_harness_is_found() -> None:
    factors = harness_factors(figures(20, np.random.default_rng(0)), PRIOR)
    assert factors["lab"] == 1
    assert factors["other"] == pytest.approx(1.2, rel=0.03)


def test_a_harness_without_a_shared_network_keeps_its_prior() -> None:
    found = figures(10, np.random.default_rng(0))
    alone = [f for f in found if (f.harness == "lab") == (f.network != "net0")]
    assert harness_factors(alone, PRIOR)["other"] == pytest.approx(1.0)


@pytest.mark.parametrize("recipe", [RECIPE, Recipe(grid=RECIPE.grid)], ids=["known", "plain"])
def test_known_costs_are_recovered_on_families_left_out(recipe: Recipe) -> None:
    found = figures(60, np.random.default_rng(1))
    predicted = left_out(found, device_fold(recipe))
    truth = np.array([0.4 + (f.work * TRUE).sum() / 1000 for f in found])
    device = np.abs(predicted / truth - 1)
    trivial = np.abs(left_out(found, trivial_fold(recipe)) / truth - 1)
    assert np.median(device) < 0.06
    assert np.median(device) < np.median(trivial)


def test_every_cost_stays_above_its_floor() -> None:
    found = figures(10, np.random.default_rng(2))
    for recipe in (RECIPE, Recipe(grid=RECIPE.grid)):
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
    costs = fit(found, np.array([found[0].ms]), Settings(30.0, 1.0), PRIOR)
    macs, weights = TERMS.index("us_per_mmac"), TERMS.index("us_per_weight_mb")
    assert costs.us[:, macs] == pytest.approx(PRIOR.us_per_mmac, rel=0.2)
    assert costs.us[:, weights] == pytest.approx(PRIOR.us_per_weight_mb, rel=0.2)


def test_a_cliff_hardly_moves_the_fit() -> None:
    found = figures(30, np.random.default_rng(4))
    cliff = [replace(f, ms=10 * f.ms) if f.network == "net3" else f for f in found]
    settings = Settings(30.0, 1.0)
    clean = predict(fit(found, on_reference(found, PRIOR), settings, PRIOR), found)
    fallen = predict(fit(cliff, on_reference(cliff, PRIOR), settings, PRIOR), found)
    assert np.median(np.abs(fallen / clean - 1)) < 0.05


def test_a_blend_leans_to_the_settings_that_do_best_on_families_left_out() -> None:
    found = figures(40, np.random.default_rng(7), noise=0.0)
    good, bad = Settings(0.03, 0.01), Settings(1e6, 1e6)
    mixed, alone = (
        blend(found, Recipe(lambda _: PRIOR, grid)).us for grid in ((good, bad), (good,))
    )
    worst = blend(found, Recipe(lambda _: PRIOR, (bad,))).us
    assert np.abs(mixed - alone).sum() < 0.1 * np.abs(mixed - worst).sum()


def test_a_fold_never_sees_the_family_it_predicts() -> None:
    def fold(kept: list[Figure], out: list[Figure]) -> Floats:
        assert not {f.family for f in kept} & {f.family for f in out}
        return np.ones(len(out))

    assert left_out(figures(10, np.random.default_rng(5)), fold).all()


def test_networks_of_one_family_are_left_out_singly() -> None:
    def fold(kept: list[Figure], out: list[Figure]) -> Floats:
        assert len({f.network for f in kept}) == 9
        assert len({f.network for f in out}) == 1
        return np.ones(len(out))

    found = [replace(f, family="one") for f in figures(10, np.random.default_rng(5))]
    assert left_out(found, fold).all()
