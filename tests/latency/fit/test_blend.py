"""Fits blended by how well they do on networks left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from nas.latency.fit.blend import FitRecipe, blend, left_out
from nas.latency.fit.calibrate import FitSettings, LatencySample, Model
from nas.space.columns import Floats

from .conftest import PRIOR, TRUE, figures

RECIPE = FitRecipe(lambda _: PRIOR, (FitSettings(1.0, 1.0), FitSettings(30.0, 1.0)))


@pytest.mark.parametrize("recipe", [RECIPE, FitRecipe(grid=RECIPE.grid)], ids=["known", "plain"])
def test_known_costs_are_recovered_on_families_left_out(recipe: FitRecipe) -> None:
    found = figures(60, np.random.default_rng(1))
    predicted = left_out(found, lambda kept: blend(kept, recipe).predict)
    truth = np.array([0.4 + (f.work * TRUE).sum() / 1000 for f in found])
    device = np.abs(predicted / truth - 1)
    trivial = np.abs(left_out(found, recipe.fit_trivial) / truth - 1)
    assert np.median(device) < 0.06
    assert np.median(device) < np.median(trivial)


def test_a_blend_leans_to_the_settings_that_do_best_on_families_left_out() -> None:
    found = figures(40, np.random.default_rng(7), noise=0.0)
    good, bad = FitSettings(0.03, 0.01), FitSettings(1e6, 1e6)
    mixed, alone = (
        blend(found, FitRecipe(lambda _: PRIOR, grid)).us for grid in ((good, bad), (good,))
    )
    worst = blend(found, FitRecipe(lambda _: PRIOR, (bad,))).us
    assert np.abs(mixed - alone).sum() < 0.1 * np.abs(mixed - worst).sum()


def test_a_fold_never_sees_the_family_it_predicts() -> None:
    def fit(kept: Sequence[LatencySample]) -> Model:
        def ones(out: Sequence[LatencySample]) -> Floats:
            assert not {f.family for f in kept} & {f.family for f in out}
            return np.ones(len(out))

        return ones

    assert left_out(figures(10, np.random.default_rng(5)), fit).all()


def test_one_network_beside_a_family_is_enough_to_predict_the_family() -> None:
    found = figures(5, np.random.default_rng(5))
    found = [replace(f, family=str(f.network == "net0")) for f in found]
    assert (left_out(found, lambda kept: blend(kept, FitRecipe()).predict) > 0).all()


def test_networks_of_one_family_are_left_out_singly() -> None:
    def fit(kept: Sequence[LatencySample]) -> Model:
        assert len({f.network for f in kept}) == 9
        return lambda out: np.full(len(out), len({f.network for f in out}))

    found = [replace(f, family="one") for f in figures(10, np.random.default_rng(5))]
    assert (left_out(found, fit) == 1).all()
