"""Chooses the parts to measure: those that narrow predictions of whole networks most per second.

Expected variance reduction of Bayesian linear regression, one part at a time with a rank-1 update
(Cohn 1996, "Neural network exploration using optimal experiment design"). It depends on
which parts were measured, not on their results.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from nas.devices.profile.fit import NOISE, ProfileModel, covariance, first_guess
from nas.devices.profile.load import Load
from nas.devices.profile.parts import Key, Part, Point, parts_of
from nas.latency.kernels import CLASSES
from nas.latency.residual import KernelPoints
from nas.space.columns import Floats

POINTS = 200
SETUP_KERNELS = 10
"""Exporting and timing a part takes as long as this many kernels, plus its own."""


class CandidateParts:
    """KernelPoints whose parts may be measured, and whose latencies are to become sure."""

    def __init__(self, points: Sequence[Point], rng: np.random.Generator) -> None:
        self.points = points
        self.kernels = choose_points([point.load for point in points])
        self.parts = {part.key: part for point in points for part in parts_of(point, rng)}
        self._alike = [point.load.similarity(self.kernels) for point in points]

    def choose(
        self, model: ProfileModel, done: Mapping[Key, float], skip: Collection[Key], n: int
    ) -> list[Part]:
        """The n best parts to measure next; `done`: relative deviation of what is measured."""
        rows = {
            point.name: _by_row(model, point, alike)
            for point, alike in zip(self.points, self._alike, strict=True)
        }

        def relative(part: Part) -> Floats:
            """(m,) change with each weight, relative to the part's milliseconds."""
            reach, ms = (rows_[part.start : part.stop].sum(0) for rows_ in rows[part.point.name])
            fixed_ms = model.costs.fixed_ms + part.load.ends_mb @ model.ends_us / 1000
            change: Floats = reach / (fixed_ms + ms)
            return change

        open_ = [part for key, part in self.parts.items() if key not in done and key not in skip]
        seen = [
            relative(self.parts[key]) / np.hypot(NOISE, sd)
            for key, sd in done.items()
            if key in self.parts
        ]
        width = self._alike[0].shape[1]
        chosen = next_parts(
            covariance(np.reshape(seen, (-1, width)), self.kernels, model.amplitude),
            np.reshape([relative(part) for part in open_], (-1, width)),
            np.array([relative(point.whole) for point in self.points]),
            np.array([SETUP_KERNELS + len(part.load.kinds) for part in open_], float),
            NOISE,
            n,
        )
        return [open_[index] for index in chosen]


def _by_row(model: ProfileModel, point: Point, alike: Floats) -> tuple[Floats, Floats]:
    """(R, m) milliseconds that each weight adds to each row, and (R,) the rows' own."""
    own = model.kernel_us(point.load) / 1000
    reach, ms = np.zeros((len(point.arch.rows), alike.shape[1])), np.zeros(len(point.arch.rows))
    np.add.at(reach, point.load.rows, own[:, None] * alike)
    np.add.at(ms, point.load.rows, own)
    return reach, ms


def choose_points(loads: Sequence[Load], n: int = POINTS) -> dict[str, KernelPoints]:
    """Choose kernels that represent all others, by pivoted Cholesky; the costliest first."""
    classes = np.concatenate([load.classes for load in loads])
    kinds = np.concatenate([load.kinds for load in loads])
    shapes = np.concatenate([load.shapes for load in loads])
    us = np.concatenate([first_guess().kernel_us(load) for load in loads])
    _, first, where = np.unique(
        np.column_stack([classes, np.unique(kinds, return_inverse=True)[1], shapes.round(6)]),
        axis=0,
        return_index=True,
        return_inverse=True,
    )
    taken = np.bincount(where.ravel(), us)
    classes, kinds, shapes = classes[first], kinds[first], shapes[first]
    left = np.ones(len(first))
    known = np.zeros((len(first), min(n, len(first))))
    chosen: list[int] = []
    for step in range(known.shape[1]):
        pivot = int(np.argmax(left * taken))
        own, point = classes == classes[pivot], KernelPoints((kinds[pivot],), shapes[pivot][None])
        column = np.zeros(len(first))
        column[own] = point.similarity(kinds[own], shapes[own])[:, 0]
        column -= known @ known[pivot]
        known[:, step] = column / np.sqrt(max(left[pivot], 1e-9))
        left = np.maximum(left - known[:, step] ** 2, 0)
        left[pivot] = 0
        chosen.append(pivot)
    picked = np.array(chosen)
    points = {}
    for index in np.unique(classes[picked]):
        own = picked[classes[picked] == index]
        whole = np.unique(kinds[classes == index])
        points[CLASSES[index]] = KernelPoints(
            (*whole.tolist(), *kinds[own].tolist()),
            np.concatenate([np.full((len(whole), shapes.shape[1]), np.nan), shapes[own]]),
        )
    return points


def next_parts(
    covariance: Floats, parts: Floats, networks: Floats, seconds: Floats, sd: float, n: int
) -> list[int]:
    """Indices of the n best parts, best first.

    Shapes: covariance (m, m) of the weights; parts (p, m) and networks (t, m): relative change of
    their milliseconds with each weight; seconds (p,) that measuring a part takes.
    """
    seen = parts @ covariance
    among = networks @ covariance
    chosen: list[int] = []
    for _ in range(min(n, len(parts))):
        own = np.einsum("pm,pm->p", seen, parts)
        gain = ((among @ parts.T) ** 2).sum(0) / (sd**2 + own) / seconds
        gain[chosen] = -np.inf
        best = int(np.argmax(gain))
        chosen.append(best)
        shrink = seen[best] / (sd**2 + own[best])
        at = parts @ seen[best], networks @ seen[best]
        seen = seen - at[0][:, None] * shrink
        among = among - at[1][:, None] * shrink
    return chosen
