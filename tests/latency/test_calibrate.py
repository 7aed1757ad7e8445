"""The fit on networks whose costs are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from nas.latency.calibrate import (
    FLOOR,
    Figure,
    Floats,
    Prior,
    Settings,
    choose,
    conformal,
    device_fold,
    fit,
    harness_factors,
    left_out,
    on_reference,
    predict,
    trivial_fold,
)
from nas.latency.kernels import CLASSES
from nas.latency.table import TERMS

PRIOR = Prior(0.04, 30.0, {"other": 1.0}, frozenset({"lab"}))
GRID = (Settings(1.0, 1.0), Settings(1.0, 30.0))
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
            family = f"family{index % 5}"
            found.append(Figure(f"net{index}", family, {1.0: work}, seen, harness, 1.0))
    return found


def test_factor_of_a_harness_is_found() -> None:
    factors = harness_factors(figures(20, np.random.default_rng(0)), PRIOR)
    assert factors["lab"] == 1
    assert factors["other"] == pytest.approx(1.2, rel=0.03)


def test_a_harness_without_a_shared_network_keeps_its_prior() -> None:
    found = figures(10, np.random.default_rng(0))
    alone = [f for f in found if (f.harness == "lab") == (f.network != "net0")]
    assert harness_factors(alone, PRIOR)["other"] == pytest.approx(1.0)


def test_known_costs_are_recovered_on_families_left_out() -> None:
    found = figures(60, np.random.default_rng(1))
    predicted = left_out(found, device_fold(PRIOR, GRID))
    truth = np.array([0.4 + (f.work[1.0] * TRUE).sum() / 1000 for f in found])
    device = np.abs(predicted / truth - 1)
    trivial = np.abs(left_out(found, trivial_fold(PRIOR)) / truth - 1)
    assert np.median(device) < 0.06
    assert np.median(device) < np.median(trivial)


def test_every_cost_stays_above_its_floor() -> None:
    found = figures(10, np.random.default_rng(2))
    costs = fit(found, on_reference(found, PRIOR), choose(found, PRIOR, GRID), PRIOR)
    assert (costs.us >= FLOOR - 1e-12).all()
    assert costs.fixed_ms > 0


def test_a_single_figure_leaves_the_prior() -> None:
    found = figures(1, np.random.default_rng(3))[:1]
    costs = fit(found, np.array([found[0].ms]), Settings(1.0, 30.0), PRIOR)
    macs, weights = TERMS.index("us_per_mmac"), TERMS.index("us_per_weight_mb")
    assert costs.us[:, macs] == pytest.approx(PRIOR.us_per_mmac, rel=0.2)
    assert costs.us[:, weights] == pytest.approx(PRIOR.us_per_weight_mb, rel=0.2)


def test_a_cliff_hardly_moves_the_fit() -> None:
    found = figures(30, np.random.default_rng(4))
    cliff = [replace(f, ms=10 * f.ms) if f.network == "net3" else f for f in found]
    settings = Settings(1.0, 30.0)
    clean = predict(fit(found, on_reference(found, PRIOR), settings, PRIOR), found)
    fallen = predict(fit(cliff, on_reference(cliff, PRIOR), settings, PRIOR), found)
    assert np.median(np.abs(fallen / clean - 1)) < 0.05


def test_a_fold_never_sees_the_family_it_predicts() -> None:
    def fold(kept: list[Figure], out: list[Figure]) -> Floats:
        assert not {f.family for f in kept} & {f.family for f in out}
        return np.ones(len(out))

    assert left_out(figures(10, np.random.default_rng(5)), fold).all()


def test_an_interval_covers_what_it_claims() -> None:
    rng = np.random.default_rng(6)
    covered = []
    for _ in range(200):
        low, high = conformal(rng.lognormal(0, 0.1, 60), 0.9)
        covered.append(np.mean([low <= r <= high for r in rng.lognormal(0, 0.1, 200)]))
    assert 0.88 < np.mean(covered) < 0.93
