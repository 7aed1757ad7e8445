"""Rank networks by several objectives: fronts and crowding of NSGA-II (Deb et al., 2002)."""

from __future__ import annotations

import numpy as np

from nas.space.columns import Floats, Ints


def best_first(values: Floats) -> Ints:
    """Rank (n, m) objectives, which are maximised, by front and then the least crowded first.

    With one objective the order is stable, highest first.

    Returns:
        (n,) indices.
    """
    ranks, crowding = fronts(values), np.zeros(len(values))
    if values.shape[1] == 1:
        order: Ints = np.argsort(-values[:, 0], kind="stable")
        return order
    for rank in range(ranks.max(initial=-1) + 1):
        own = np.flatnonzero(ranks == rank)
        crowding[own] = _distance(values[own])
    found: Ints = np.lexsort((-crowding, ranks))
    return found


def fronts(values: Floats) -> Ints:
    """(n,) front of each row: 0 if no row dominates it, 1 if only rows of front 0 do, ..."""
    as_good = (values[:, None] >= values[None]).all(axis=2)
    dominates = as_good & ~as_good.T
    ranks, left = np.zeros(len(values), np.int64), np.ones(len(values), bool)
    rank = 0
    while left.any():
        front = left & ~(dominates & left[:, None]).any(axis=0)
        ranks[front], rank = rank, rank + 1
        left &= ~front
    return ranks


def _distance(values: Floats) -> Floats:
    """(n,) crowding distance, summed over the objectives; infinite at the ends of each."""
    distance = np.zeros(len(values))
    for column in values.T:
        order = np.argsort(column, kind="stable")
        span = max(column[order[-1]] - column[order[0]], 1e-12)
        distance[order[[0, -1]]] = np.inf
        distance[order[1:-1]] += (column[order[2:]] - column[order[:-2]]) / span
    return distance
