"""What every benchmark promises, and golden values of those that are shipped."""

from __future__ import annotations

import numpy as np
import pytest

from nas.errors import UnknownNameError
from nas.evaluate.bench.benchmark import BENCHMARKS, Benchmark, load_benchmark
from nas.files.resources import data_dir, named
from nas.files.yaml import read

FITTED = [name for name in BENCHMARKS if name != "nas-bench-macro"]


@pytest.fixture(scope="module", params=FITTED)
def truth(request: pytest.FixtureRequest) -> Benchmark:
    return load_benchmark(request.param)


def test_a_benchmark_bears_the_name_of_its_space() -> None:
    assert set(BENCHMARKS) <= set(named("space"))


def test_benchmarks_are_neither_devices_nor_surrogates() -> None:
    assert not {"benchmarks", *BENCHMARKS} & {*named("device"), *named("surrogate")}


def test_an_unknown_name_is_told_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="nearest: accel-nasbench"):
        load_benchmark("accel-nasbnech")


def test_accuracies_are_points_one_a_code(truth: Benchmark) -> None:
    codes = truth.space.layered.sample(500, np.random.default_rng(0))
    found = truth.evaluate(codes)
    assert found.shape == (500,)
    assert found.dtype == np.float64
    assert (found > 40).all() & (found < 80).all()
    assert len(np.unique(found)) == 500
    assert truth.evaluate(codes[:0]).shape == (0,)


def test_many_at_once_are_one_at_a_time(truth: Benchmark) -> None:
    codes = truth.space.layered.sample(200, np.random.default_rng(1))
    assert [truth.evaluate(code[None])[0] for code in codes] == truth.evaluate(codes).tolist()


def test_it_says_where_it_is_from(truth: Benchmark) -> None:
    assert "arXiv:" in truth.source
    assert len(truth.content_hash) == 12
    assert truth.best is None


@pytest.mark.parametrize(("name", "tau"), [("accel-nasbench", 0.91), ("ofa-mobilenetv3", 0.95)])
def test_networks_left_out_are_ranked_better_than_by_size(name: str, tau: float) -> None:
    held_out = read(data_dir("predictors") / "benchmarks" / name / "truth.yaml")["held_out"]
    assert held_out["tau"] >= tau > max(held_out["tau_params"], held_out["tau_macs"])


#: code of a network of the fit -> accuracy by the trees, and in the data
GOLDEN: dict[str, dict[tuple[int, ...], tuple[float, float]]] = {
    "accel-nasbench": {
        (0, 0, 8, 18, 32, 34, 22, 12, 12, 0, 0, 0): (59.46667, 59.368),
        (0, 0, 8, 18, 30, 14, 34, 20, 6, 0, 0, 0): (62.71097, 62.756),
        (0, 0, 20, 28, 10, 2, 24, 34, 20, 0, 0, 0): (62.83195, 62.732),
    },
    "ofa-mobilenetv3": {
        (0, 0, 0, 4, 2, 9, 9, 3, 6, 0, 9, 4, 1, 9, 9, 2, 6, 6, 6, 4, 1, 4, 9, 0, 0, 0, 0): (
            75.41402,
            75.458,
        ),
        (0, 0, 0, 0, 0, 9, 9, 1, 1, 9, 9, 1, 4, 2, 9, 7, 4, 1, 9, 7, 4, 0, 2, 0, 0, 0, 0): (
            75.35522,
            75.352,
        ),
        (0, 0, 0, 7, 1, 7, 9, 1, 0, 9, 9, 6, 8, 4, 9, 7, 4, 9, 9, 5, 1, 9, 9, 0, 0, 0, 0): (
            73.885,
            73.926,
        ),
    },
}


def test_golden(truth: Benchmark) -> None:
    golden = GOLDEN[truth.name]
    by_trees, in_data = zip(*golden.values(), strict=True)
    found = truth.evaluate(np.array([*golden]))
    assert found == pytest.approx(by_trees, abs=1e-6)
    assert found == pytest.approx(in_data, abs=0.15)
