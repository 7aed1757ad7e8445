"""The surrogate's process fitted to networks that were all trained by one recipe.

The shipped surrogate's scaling, covariance and ceiling stay; what it learnt from published networks
and its experts do not. Benchmarks measure its code in this way where the truth is known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from nas.accuracy.inputs import inputs, law_basis
from nas.accuracy.score_process import ScoreProcess
from nas.accuracy.surrogate import Surrogate
from nas.gp import Posterior
from nas.space.columns import Floats

RUN_SD_POINTS, RUN_SD = 0.4, 0.02
"""Deviations of a figure in points and in score, as in the shipped surrogate's fit."""


def refitted(surrogate: Surrogate, x: Floats, resolution: Floats, top1: Floats) -> Surrogate:
    """The surrogate fitted to n networks alone.

    Shapes: x (n, len(FEATURES)), resolution (n,), top1 (n,) in points.
    """
    covariance = surrogate.process.covariance
    z, terms = surrogate.scaling(inputs(x, resolution), law_basis(x, resolution))
    excess = surrogate.ceiling - top1
    noise_sd = np.hypot(RUN_SD, RUN_SD_POINTS / excess)
    linear, prior = np.hstack([terms, z]), covariance.prior(terms.shape[1], z.shape[1])
    total = covariance.near(z, z) + (linear * prior) @ linear.T + np.diag(noise_sd**2)
    process = ScoreProcess(covariance, z, terms, Posterior.of(total, -np.log(excess)))
    return replace(surrogate, process=process, experts=())


def left_out_errors(refit: Surrogate, groups: Sequence[object] = ()) -> Floats:
    """Errors (n,) in score of a refitted surrogate, each network predicted without its group.

    Without groups, each network is its own.
    """
    posterior = refit.process.posterior
    return posterior.left_out([str(own) for own in groups or range(len(posterior.weights))])
