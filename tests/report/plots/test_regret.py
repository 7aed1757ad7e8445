"""The picture of a comparison: every name there, none over another."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure
from matplotlib.image import imread

from nas.evaluate.bench.comparison import Comparison
from nas.evaluate.bench.run import Run
from nas.evaluate.bench.scenario import Scenario
from nas.optimize.strategies import STRATEGIES
from nas.report.plots.regret import NEAREST, SPACE, _look, apart, draw, save_curves


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    """All strategies, half of which end at the optimum."""
    rng, runs = np.random.default_rng(0), {}
    for index, name in enumerate(STRATEGIES):
        reached = 70 - max(0, index - 5) / 10
        found = [np.minimum(reached, rng.normal(66, 2, 60).cumsum() / 20 + 55) for _ in range(4)]
        runs[name] = [Run(name, s, own, np.ones(60), 1.0, 0, 0) for s, own in enumerate(found)]
    return Comparison(Scenario("accel-nasbench"), 97.7, 70.0, False, runs)


@given(st.lists(st.floats(0, 1), max_size=20).map(sorted))
def test_names_stand_apart_in_order_and_inside(wanted: list[float]) -> None:
    found = apart(wanted)
    assert len(found) == len(wanted)
    assert all(b - a >= SPACE - 1e-9 for a, b in zip(found, found[1:], strict=False))
    assert all(-1e-9 <= place <= 1 + 1e-9 for place in found)


def test_names_that_do_not_touch_stay() -> None:
    assert apart([0.1, 0.5, 0.9]) == [0.1, 0.5, 0.9]
    assert apart([0.5, 0.5]) == pytest.approx([0.5 - SPACE / 2, 0.5 + SPACE / 2])


def test_no_two_lines_look_alike() -> None:
    assert len({_look(name) for name in STRATEGIES}) == len(STRATEGIES)


def test_all_names_the_optimum_and_the_case_are_there(comparison: Comparison) -> None:
    axes = Figure().subplots()
    draw(axes, comparison)
    assert {text.get_text() for text in axes.texts} == {*STRATEGIES}
    (line,) = axes.get_legend().get_texts()
    assert line.get_text() == "best known: 70.00 %, or nearer than 0.01"
    assert (
        axes.get_title(loc="left")
        == "accel-nasbench, 50 % of it within 97.7 ms on pixel1-cpu, 4 runs"
    )
    assert axes.get_ylim()[0] < NEAREST


def test_a_single_run_of_a_single_network(tmp_path: Path) -> None:
    runs = {"random": [Run("random", 0, np.array([60.0]), np.ones(1), 1.0, 0, 0)]}
    path = tmp_path / "one.png"
    save_curves(Comparison(Scenario("accel-nasbench", None), np.inf, 60.0, True, runs), path)
    assert path.stat().st_size > 5000


def test_writes_a_readable_png(comparison: Comparison, tmp_path: Path) -> None:
    save_curves(comparison, tmp_path / "curves.png")
    image = imread(tmp_path / "curves.png")
    assert image.shape[:2] == (750, 1200)
    assert image.std() > 0.05
