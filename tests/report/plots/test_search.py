"""The picture: everything named, everything inside, the same bytes for the same result."""

from __future__ import annotations

from pathlib import Path

import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread

import nas
from nas.optimize import EvolutionSettings, SearchResult
from nas.report.plots.search import draw, draw_trained, save_front
from nas.study.plan import Plan
from nas.study.results import StudyResult, TrainedCandidate
from nas.study.spec import StudySpec
from nas.train.figures import accuracy
from nas.train.preprocessing import Preprocessing


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


@pytest.fixture(scope="module")
def studied(result: SearchResult) -> StudyResult:
    """A study whose best is a known network, and not the surrogate's favourite."""
    large = next(c for c in result.known if c.arch.name == "mobilenetv3-large")
    trials = (
        TrainedCandidate(large, "complete", {1: 60.0, 2: 70.0}, (75.0, 77.0), ""),
        TrainedCandidate(result.best, "pruned", {1: 55.0}, (), ""),
        TrainedCandidate(result.pareto[0], "fail", {}, (), "it diverged"),
    )
    spec = StudySpec("mobilenetv3", ("iphone12-lut",), "imagenet", result.limits)
    of_images = Preprocessing("digits", "", (0.5,), (0.5,), 32)
    return StudyResult(
        trials,
        accuracy([75.0, 77.0], 100),
        Plan(2),
        Path("weights.safetensors"),
        large.arch,
        "digits",
        "proxy",
        spec,
        of_images,
    )


def test_the_star_is_the_result_and_trained_candidates_are_in_the_picture(
    result: SearchResult, studied: StudyResult
) -> None:
    axes = Figure().subplots()
    draw(axes, result, studied)
    texts = [text.get_text() for text in axes.texts]
    assert "result: mobilenetv3-large" in texts
    assert not any(text.startswith("found: ") for text in texts)
    best = studied.trials[0].candidate
    (star,) = (line for line in axes.lines if line.get_marker() == "*")
    assert (star.get_xdata()[0], star.get_ydata()[0]) == (best.ms, best.top1)
    (trained,) = (line for line in axes.lines if line.get_label() == "trained candidates")
    assert list(trained.get_xdata()) == [trial.candidate.ms for trial in studied.trials]


def test_trained_accuracy_has_its_own_axes(result: SearchResult, studied: StudyResult) -> None:
    axes = Figure().subplots()
    draw_trained(axes, result, studied)
    (trained,) = (line for line in axes.lines if line.get_label() == "trained candidates")
    assert list(trained.get_ydata()) == [70.0, 55.0]
    (star,) = (line for line in axes.lines if line.get_marker() == "*")
    assert list(star.get_ydata()) == [76.0]
    assert "trained top-1 on digits" in axes.get_ylabel()


def test_every_device_has_its_picture(tmp_path: Path) -> None:
    few = EvolutionSettings(generations=3, children=200)
    devices = ("iphone12-lut", "sd855-cpu-1t")
    found = nas.search("mobilenetv3", devices, budget_ms=(1, 8), settings=few)
    axes = Figure().subplots()
    draw(axes, found, number=1)
    assert "sd855-cpu-1t" in axes.get_xlabel()
    assert any("budget 8 ms" in text.get_text() for text in axes.texts)
    (star,) = (line for line in axes.lines if line.get_marker() == "*")
    assert star.get_xdata()[0] == found.latencies(found.best.arch)[1].ms
    save_front(found, tmp_path)
    assert imread(tmp_path / "pareto.png").shape[:2] == (750, 2400)


def test_writes_a_readable_png_and_a_repeatable_svg(result: SearchResult, tmp_path: Path) -> None:
    save_front(result, tmp_path)
    first = (tmp_path / "pareto.svg").read_bytes()
    save_front(result, tmp_path)
    assert (tmp_path / "pareto.svg").read_bytes() == first
    image = imread(tmp_path / "pareto.png")
    assert image.shape[:2] == (750, 1200)
    assert image.std() > 0.05
