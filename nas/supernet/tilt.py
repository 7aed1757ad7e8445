"""Samples of a layered space whose cost is near a given one.

An edge of cost c is taken with a probability that is that of `LayeredSpace.sample` times
exp(strength * c) times what follows it (exponential tilting). A strength of 0 samples as before;
the strength is chosen so that the mean cost is the wanted one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nas.space.columns import Floats, Ints
from nas.space.layered import LayeredSpace

SWEEPS = 20
"""Bisections of the strength."""
STRONGEST = 400.0
"""Strength times the range of costs."""


@dataclass(frozen=True, eq=False)
class Tilt:
    """Samples with tilted probabilities."""

    layered: LayeredSpace
    cumulative: Sequence[NDArray[np.float32]]
    """(S, O) per layer: cumulative probabilities of the options of each state."""

    def sample(self, n: int, rng: np.random.Generator) -> Ints:
        """(n, P) random codes."""
        codes = np.empty((n, len(self.layered.layers)), np.int64)
        state: Ints = np.zeros(n, np.int64)
        for p, (layer, sums) in enumerate(zip(self.layered.layers, self.cumulative, strict=True)):
            own = sums[state]
            drawn = rng.random((n, 1), dtype=np.float32) * own[:, -1:]
            codes[:, p] = (own <= drawn).sum(axis=1)
            state = layer.next[state, codes[:, p]].astype(np.int64)
        return codes


def tilted(layered: LayeredSpace, costs: Sequence[Floats], wanted: float) -> Tilt:
    """Samples of mean cost `wanted`, or as near as the strongest tilt comes."""
    scale = sum(float(own.max() - own.min()) for own in costs) or 1.0
    low, high = -STRONGEST / scale, STRONGEST / scale
    for _ in range(SWEEPS):
        strength = (low + high) / 2
        shares, mean = _shares(layered, costs, strength)
        low, high = (strength, high) if mean < wanted else (low, strength)
    return Tilt(layered, [np.cumsum(own, axis=1, dtype=np.float32) for own in shares])


def _shares(
    layered: LayeredSpace, costs: Sequence[Floats], strength: float
) -> tuple[list[Floats], float]:
    """Probabilities (S, O) of the options per layer, and the mean cost of a path."""
    logs = np.append(np.zeros(len(layered.ends)), -np.inf)  # -1 points to the last
    means = np.zeros(len(logs))
    shares: list[Floats] = []
    for layer, own in zip(reversed(layered.layers), reversed(costs), strict=True):
        standing = np.maximum((layer.next >= 0).sum(axis=1, keepdims=True), 1)
        weight = strength * own + logs[layer.next] - np.log(standing)
        most = weight.max(axis=1, keepdims=True)
        most[most == -np.inf] = 0.0  # a state from which no end is reached
        share = np.exp(weight - most)
        total = share.sum(axis=1, keepdims=True)
        share /= np.maximum(total, 1e-300)
        with np.errstate(divide="ignore"):
            logs = np.append(most[:, 0] + np.log(total[:, 0]), -np.inf)
        means = np.append((share * (own + means[layer.next])).sum(axis=1), 0.0)
        shares.append(share)
    return shares[::-1], float(means[0])
