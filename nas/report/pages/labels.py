"""Where names stand beside points, so that they lie on nothing else.

Places are shares of the axes, and a letter's size is that of a plot on a desk.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

Place = tuple[float, float]
Corner = tuple[int, int]

CORNERS: tuple[Corner, ...] = ((1, 1), (1, -1), (-1, 1), (-1, -1))
"""Sides of a point that a name may stand at, and whether above it; best first."""
LETTER = 0.0072
"""A letter's width."""
BESIDE, ABOVE = 0.01, 0.03
"""How far a name is from its point."""
CLEAR = (0.012, 0.045)
"""What keeps two letters apart."""
SAMPLES = 7
"""Places along a name that are looked at."""


def corners(named: Sequence[tuple[Place, str]], points: Sequence[Place]) -> Iterator[Corner]:
    """For each point with a name, the corner where it meets the fewest points and names before."""
    taken = list(points)
    for point, name in named:
        ways = [_along(point, corner, len(name)) for corner in CORNERS]
        crowds = [_crowd(way, taken) for way in ways]
        best = crowds.index(min(crowds))
        taken += ways[best]
        yield CORNERS[best]


def _crowd(along: Sequence[Place], taken: Sequence[Place]) -> int:
    """How often a name meets something, or leaves the plot."""
    outside = sum(not 0 <= x <= 1 for x, _ in along)
    return outside + sum(
        abs(other[0] - x) < CLEAR[0] and abs(other[1] - y) < CLEAR[1]
        for other in taken
        for x, y in along
    )


def _along(point: Place, corner: Corner, length: int) -> list[Place]:
    side, up = corner
    step = LETTER * length / (SAMPLES - 1)
    xs = (point[0] + side * (BESIDE + step * index) for index in range(SAMPLES))
    return [(x, point[1] + ABOVE * up) for x in xs]
