"""Names keep clear of points, of each other, and of the plot's edge."""

from __future__ import annotations

from nas.report.pages.labels import corners


def test_alone_it_stands_at_the_upper_right() -> None:
    assert list(corners([((0.5, 0.5), "net")], [(0.5, 0.5)])) == [(1, 1)]


def test_at_the_right_edge_it_stands_at_the_left() -> None:
    assert list(corners([((0.99, 0.5), "network")], [(0.99, 0.5)])) == [(-1, 1)]


def test_two_at_one_place_have_corners_of_their_own() -> None:
    place = (0.5, 0.5)
    first, second = corners([(place, "one"), (place, "two")], [place])
    assert first != second


def test_a_point_above_pushes_it_below() -> None:
    points = [(0.5, 0.5), (0.53, 0.53), (0.47, 0.53)]
    assert list(corners([(points[0], "a network")], points)) == [(1, -1)]
