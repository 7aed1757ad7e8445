"""Parts of networks are networks, and together they are the whole."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest

from nas.devices.profile.load import load_of
from nas.devices.profile.parts import Part, Point, PointSource, parts_of
from nas.library import archs_in, load_space

FUSES = ("relu", "relu6")


@pytest.fixture(scope="module")
def source() -> PointSource:
    space = load_space("mobilenetv3")
    return PointSource(space, archs_in(space), "fp32", FUSES)


@pytest.fixture(scope="module")
def points(source: PointSource) -> list[Point]:
    return list(islice(source.points(np.random.default_rng(0)), 6))


def test_two_of_three_points_are_near_a_seed_and_one_is_narrower(
    source: PointSource, points: list[Point]
) -> None:
    assert source.seeds
    seeds = [source.space.encode(seed) for seed in source.seeds]
    apart = [
        min(sum(a != b for a, b in zip(p.code, s, strict=True)) for s in seeds) for p in points
    ]
    assert max(apart[1::3] + apart[2::3]) < min(apart[::3])
    assert [point.width for point in points[:2] + points[3:5]] == [1] * 4
    assert all(point.width < 1 for point in points[2::3])


def test_a_part_runs_what_its_rows_run_in_the_network(points: list[Point]) -> None:
    for part in parts_of(points[0], np.random.default_rng(0)):
        own = load_of(part.arch.graph, "fp32", FUSES)
        np.testing.assert_allclose(own.amounts, part.load.amounts)
        np.testing.assert_allclose(own.shapes, part.load.shapes)
        assert own.kinds == part.load.kinds
        assert own.ends_mb == pytest.approx(part.load.ends_mb)


def test_rows_one_by_one_are_the_whole(points: list[Point]) -> None:
    point = points[0]
    rows = [Part(point, i, i + 1).load.summed(1.0) for i in set(point.load.rows.tolist())]
    np.testing.assert_allclose(sum(rows), point.load.summed(1.0))


def test_the_key_of_a_part_is_enough_to_find_it(source: PointSource, points: list[Point]) -> None:
    for point in points[1:3]:
        part = Part(point, 2, 5)
        again = source.part(part.key)
        assert again.arch == part.arch
        assert again.key == part.key


def test_parts_start_at_maps_and_have_weights(points: list[Point]) -> None:
    for point in points:
        parts = list(parts_of(point, np.random.default_rng(0)))
        assert all(len(part.arch.input) == 3 and part.arch.params > 0 for part in parts)
        assert len({part.start for part in parts}) == len(parts)
