"""Cheap estimators of accuracy, and the sample of networks that they score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nas.errors import RecipeError, TrainingError
from nas.space.arch import Arch
from nas.space.space import Space

LONG = "long"
SHARE = 0.25
"""Share of the training images, for the estimator that uses a part of them."""
MUTATIONS = 4
"""Mutations of a known network, for every other network of the sample."""


@dataclass(frozen=True, slots=True)
class Estimator:
    """One way to score a network; higher is better."""

    name: str
    epochs: int = 0
    """Epochs of training; 0 does not train."""
    side: float = 1.0
    """Input side, as a share of the network's own."""
    share: float = 1.0
    """Share of the training images."""
    inherit: bool = False
    """Whether weights are inherited from the nearest network of the long training."""


def estimators(epochs: Sequence[int], long: int, zero_cost: Sequence[str]) -> list[Estimator]:
    """Return all estimators: without training, with short training, and with cheaper images.

    Raises:
        RecipeError: a training has no epoch.
    """
    from nas.evaluate.proxies import SIZES

    short = sorted(n for n in epochs if n < long)
    if short and short[0] < 1:
        raise RecipeError(f"--epochs: expected numbers from 1, found {short[0]}")
    found = [Estimator(name) for name in (*SIZES, *zero_cost, "surrogate")]
    found += [Estimator(f"{n} epochs", n) for n in short]
    if short:
        last = short[-1]
        found += [
            Estimator(f"{last} epochs, half the side", last, side=0.5),
            Estimator(f"{last} epochs, {SHARE:.0%} of the images", last, share=SHARE),
            Estimator(f"{short[0]} epochs, inherited", short[0], inherit=True),
        ]
    return [Estimator(LONG, long), *found]


def sample(space: Space, seeds: Sequence[Arch], n: int, seed: int, most_mmacs: float) -> list[Arch]:
    """N points of at most so many mega-MACs: a random one, then a mutated seed, and so on.

    The seeds are points of the space.

    Raises:
        TrainingError: the space has too few such networks.
    """
    rng = np.random.default_rng(seed)
    found: dict[str, Arch] = {}
    known = [arch for arch in seeds if arch.macs <= most_mmacs * 1e6]
    for turn in range(1000 * n):
        if len(found) == n:
            return list(found.values())
        arch = space.sample(rng)
        if turn % 2 and known:
            codes = np.array([space.encode(known[int(rng.integers(len(known)))])])
            arch = space.decode(space.layered.mutate(codes, rng, genes=MUTATIONS)[0])
        if arch.macs <= most_mmacs * 1e6:
            found.setdefault(arch.arch_id, arch)
    raise TrainingError(f"{space.name} has too few networks below {most_mmacs:g} million MACs")
