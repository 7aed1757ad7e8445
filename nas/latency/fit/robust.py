"""Non-negative least squares in relative error, with Huber weights against outliers."""

from __future__ import annotations

import numpy as np

from nas.space.columns import Floats

PASSES = 4
"""Solutions in turn, each with weights from the errors of the one before."""


def robust_nnls(
    work: Floats,
    ms: Floats,
    weight: Floats,
    *,
    huber: float,
    floor: Floats | float = 0.0,
    penalty: tuple[Floats, Floats] | None = None,
) -> Floats:
    """Costs (p,), at least `floor`, for which work @ costs is close to ms in relative error.

    Shapes: work (n, p), ms (n,), weight (n,); penalty: rows (r, p) and their targets (r,), with
    which further equations are weighted already. A sample whose relative error exceeds `huber`
    counts less (Huber, Robust Estimation of a Location Parameter, 1964).
    """
    from scipy.optimize import nnls

    n, p = work.shape
    least = np.broadcast_to(floor, p)
    rows, targets = (np.empty((0, p)), np.empty(0)) if penalty is None else penalty
    robust = np.ones(n)
    for _ in range(PASSES):
        scale = weight * robust / ms
        matrix = np.vstack([work * scale[:, None], rows])
        target = np.concatenate([ms * scale, targets])
        costs: Floats = least + nnls(matrix, target - matrix @ least)[0]
        error = np.abs(work @ costs / ms - 1)
        robust = np.sqrt(np.minimum(1, huber / np.maximum(error, 1e-9)))
    return costs
