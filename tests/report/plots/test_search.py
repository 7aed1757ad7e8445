"""The picture: everything named, everything inside, the same bytes for the same result."""

from __future__ import annotations

from pathlib import Path

import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread

import nas
from nas.optimize import EvolutionSettings, SearchResult
from nas.report.plots.search import draw, save_front


@pytest.fixture(scope="module")
def result() -> SearchResult:
    few = EvolutionSettings(generations=3, children=200)
    return nas.search("mobilenetv3", "iphone12-lut", budget_ms=1.0, settings=few)


def test_names_the_best_every_seed_and_the_budget(result: SearchResult) -> None:
    axes = Figure().subplots()
    draw(axes, result)
    texts = [text.get_text() for text in axes.texts]
    for name in (*(seed.arch.name for seed in result.known), f"found: {result.best.arch.name}"):
        assert name in texts
    assert any("budget 1 ms" in text for text in texts)


def test_every_named_network_is_inside_the_axes(result: SearchResult) -> None:
    axes = Figure().subplots()
    draw(axes, result)
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    for found in (*result.known, result.best):
        assert left < found.ms < right
        assert low < found.top1 < high
    for found in result.pareto:
        assert left < found.ms < right
        assert found.top1 < high


def test_writes_a_readable_png_and_a_repeatable_svg(result: SearchResult, tmp_path: Path) -> None:
    save_front(result, tmp_path)
    first = (tmp_path / "pareto.svg").read_bytes()
    save_front(result, tmp_path)
    assert (tmp_path / "pareto.svg").read_bytes() == first
    image = imread(tmp_path / "pareto.png")
    assert image.shape[:2] == (750, 1200)
    assert image.std() > 0.05
