from __future__ import annotations

import numpy as np
import pytest

from nas.gp import Posterior, squared_distances


@pytest.mark.parametrize("groups", [["a", "b", "c", "d", "e", "f"], ["a", "a", "b", "b", "b", "c"]])
def test_errors_of_groups_left_out_are_those_of_a_fit_without_them(groups: list[str]) -> None:
    rng = np.random.default_rng(0)
    x, observed = rng.normal(size=(6, 2)), rng.normal(size=6)
    near = np.exp(-squared_distances(x, x))
    noisy = near + 0.1 * np.eye(6)
    expected = np.empty(6)
    for group in set(groups):
        out = np.array(groups) == group
        others = Posterior.of(noisy[np.ix_(~out, ~out)], observed[~out])
        expected[out] = observed[out] - others.mean(near[np.ix_(out, ~out)])
    assert Posterior.of(noisy, observed).left_out(groups) == pytest.approx(expected)
