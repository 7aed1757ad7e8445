"""Paths through a layered space."""

from __future__ import annotations

import numpy as np
import pytest

from nas.graph.cost import macs
from nas.space.layered import build
from nas.space.space import Space
from nas.supernet.paths import best_path, sums
from nas.supernet.tilt import tilted


def test_the_best_path_beats_all_samples(mixed: Space) -> None:
    layered = build(mixed.table, {"macs": macs})
    costs = layered.edges("macs", lambda value: value[..., 0])
    everything = [np.arange(layer.next.shape[1]) for layer in layered.layers]
    codes = layered.sample(300, np.random.default_rng(0))
    found = sums(layered, costs, codes)
    assert found[0] == mixed.decode(codes[0]).macs
    best = best_path(layered, costs, everything)
    assert best is not None
    assert sums(layered, costs, np.array([best]))[0] >= found.max()
    only = [*everything[:2], np.array([len(everything[2]) - 1]), *everything[3:]]
    some = best_path(layered, costs, only)
    assert some is None or some[2] == only[2][0]


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
def test_tilted_samples_cost_what_is_wanted(mixed: Space, share: float) -> None:
    layered = build(mixed.table, {"macs": macs})
    costs = layered.edges("macs", lambda value: value[..., 0])
    plain = sums(layered, costs, layered.sample(2000, np.random.default_rng(0)))
    wanted = plain.min() + share * (plain.max() - plain.min())
    codes = tilted(layered, costs, wanted).sample(2000, np.random.default_rng(1))
    mixed.decode(codes[0])
    mean = sums(layered, costs, codes).mean()
    assert mean == pytest.approx(wanted, rel=0.05)  # about ten standard errors
