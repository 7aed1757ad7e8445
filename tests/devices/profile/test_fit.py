"""The fit finds the costs of a machine that is made up, and the design measures what helps it."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest

from nas.devices.profile.design import CandidateParts, choose_points, next_parts
from nas.devices.profile.fit import (
    ProfileModel,
    Sample,
    covariance,
    first_guess,
    fit_costs,
    fit_networks,
)
from nas.devices.profile.load import Load
from nas.devices.profile.parts import Point, PointSource
from nas.latency.correction import NetworkCorrection
from nas.latency.kernels import CLASSES
from nas.latency.residual import HIGH, LOW
from nas.library import load_space
from nas.space.columns import Floats

ENDS_US = 40.0
"""Of the made-up machine, per MB handed over."""


def true_ms(load: Load) -> float:
    """Kernels cost now more, now less, as their channels grow: no sum over classes."""
    us = (load.work(1.0) * first_guess().costs.us[load.classes]).sum(1)
    us = us * (1 + 0.5 * np.sin(2 * load.shapes[:, 3]))
    return float(us.sum() + ENDS_US * sum(load.ends_mb)) / 1000


@pytest.fixture(scope="module")
def points() -> list[Point]:
    source = PointSource(load_space("mobilenetv3"), (), "fp32", ("relu",))
    return list(islice(source.points(np.random.default_rng(0)), 40))


@pytest.fixture(scope="module")
def pool(points: list[Point]) -> CandidateParts:
    return CandidateParts(points[:20], np.random.default_rng(1))


@pytest.fixture(scope="module")
def samples(pool: CandidateParts) -> list[Sample]:
    rng = np.random.default_rng(2)
    loads = [part.load for part in list(pool.parts.values())[::4]]
    return [Sample(load, true_ms(load) * rng.normal(1, 0.02), 0.02) for load in loads]


@pytest.fixture(scope="module")
def model(samples: list[Sample], pool: CandidateParts) -> ProfileModel:
    return fit_costs(samples, pool.kernels)


def errors(model: ProfileModel, points: list[Point]) -> Floats:
    loads = [point.load for point in points]
    found: Floats = np.abs(model.ms(loads) / [true_ms(load) for load in loads] - 1)
    return found


def test_networks_are_predicted_from_their_parts(model: ProfileModel, points: list[Point]) -> None:
    assert np.median(errors(model, points[20:])) < 0.04


def test_what_no_sum_over_classes_explains_the_residual_does(
    model: ProfileModel, samples: list[Sample], points: list[Point]
) -> None:
    additive = fit_costs(samples, {})
    assert model.residual.points
    assert np.median(errors(model, points[20:])) < np.median(errors(additive, points[20:]))


def test_every_cost_is_above_zero(model: ProfileModel, samples: list[Sample]) -> None:
    assert model.costs.fixed_ms > 0
    seen = sum(sample.load.summed(model.on_chip_mb) for sample in samples)
    assert np.all(model.costs.us[np.asarray(seen) > 0] > 0)
    assert 0 < LOW < 1 < HIGH


def test_whole_networks_may_cost_more_than_their_parts(
    samples: list[Sample], pool: CandidateParts
) -> None:
    slower = [
        Sample(point.load, 1.1 * true_ms(point.load), 0.02, whole=True) for point in pool.points
    ]
    model = fit_costs([*samples, *slower], pool.kernels)
    assert np.median(errors(model, list(pool.points))) < 0.04
    assert np.median(errors(model.cold, list(pool.points))) == pytest.approx(0.1, abs=0.03)


def test_the_best_part_is_the_one_that_shrinks_the_variance_most() -> None:
    rng = np.random.default_rng(0)
    parts, networks = rng.normal(size=(30, 6)), rng.normal(size=(5, 6))
    root = rng.normal(size=(6, 6))
    spread = root @ root.T + np.eye(6)

    def after(seen: list[int]) -> float:
        own = parts[seen] / 0.1
        shrunk = np.linalg.inv(np.linalg.inv(spread) + own.T @ own)
        return float(np.trace(networks @ shrunk @ networks.T))

    first = next_parts(spread, parts, networks, np.ones(30), 0.1, 3)
    for step in range(3):
        assert first[step] == min(range(30), key=lambda i: after([*first[:step], i]))


def test_a_dear_part_must_be_worth_its_time() -> None:
    parts = np.array([[1.0, 0.0], [0.9, 0.0]])
    chosen = next_parts(np.eye(2), parts, np.eye(2), np.array([10.0, 1.0]), 0.1, 1)
    assert chosen == [1]


def test_measured_parts_make_networks_surer(pool: CandidateParts) -> None:
    guess = first_guess()
    chosen = pool.choose(guess, {}, (), 12)
    assert len({part.key for part in chosen}) == 12
    done = {part.key: 0.01 for part in chosen}
    others = pool.choose(guess, done, {next(iter(pool.parts))}, 200)
    assert not done.keys() & {part.key for part in others}
    assert next(iter(pool.parts)) not in {part.key for part in others}


def test_points_are_spread_and_every_kind_has_one_of_its_own(pool: CandidateParts) -> None:
    loads = [point.load for point in pool.points]
    points = choose_points(loads, 20)
    assert sum((~own.of_kinds).sum() for own in points.values()) == 20
    for cls, own in points.items():
        inside = [load.classes == CLASSES.index(cls) for load in loads]
        kinds = {
            kind
            for load, at in zip(loads, inside, strict=True)
            for kind in np.array(load.kinds)[at].tolist()
        }
        assert {k for k, of in zip(own.kinds, own.of_kinds, strict=True) if of} == kinds
    width = sum(len(own.kinds) for own in points.values())
    assert np.all(np.linalg.eigvalsh(covariance(np.zeros((0, width)), points, 0.2)) > 0)


def test_a_kind_that_a_runtime_has_no_code_for_is_found(points: list[Point]) -> None:
    def slow(load: Load) -> float:
        dear = np.where(np.array(load.kinds) == "conv 5", 6.0, 1.0)
        return float(first_guess().kernel_us(load) @ np.where(load.classes == 3, dear, 1.0)) / 1000

    pool = CandidateParts(points[:20], np.random.default_rng(1))
    loads = [part.load for part in list(pool.parts.values())[::4]]
    model = fit_costs([Sample(load, slow(load), 0.02) for load in loads], pool.kernels)
    others = [point.load for point in points[20:]]
    error = np.abs(model.ms(others) / [slow(load) for load in others] - 1)
    assert np.median(error) < 0.05


def test_small_networks_of_a_made_up_cache_are_found_cheaper(
    samples: list[Sample], pool: CandidateParts, points: list[Point]
) -> None:
    """Below a sum of 9 ms everything stays in a cache, and takes the power 1.2 of it."""
    true = NetworkCorrection(1.0, 0.2, 9.0, 0.1)
    loads = [point.load for point in points[:32]]
    whole = [Sample(load, float(true.ms(true_ms(load))), 0.01, whole=True) for load in loads]
    found = fit_networks([*samples, *whole], pool.kernels)
    rest = [point.load for point in points[32:]]
    predicted = found.correction.ms(found.model.ms(rest))
    error = np.abs(predicted / [true.ms(true_ms(load)) for load in rest] - 1)
    assert np.median(error) < 0.06
    assert found.correction.exponent > 0
    assert found.crossed_ms.shape == (32,)
