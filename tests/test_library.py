"""Everything shipped loads by name; published figures are cited and belong to their network."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from nas import library
from nas.files.resources import data_dir, named
from nas.space.arch import Arch

from .conftest import FAMILIES


def test_the_tests_representatives_have_every_block_and_op_of_the_tables() -> None:
    def parts(names: Iterable[str]) -> set[str]:
        archs = [library.load_arch(name) for name in names]
        blocks = {row.op for arch in archs for row in arch.rows}
        return blocks | {op.kind for arch in archs for op in arch.graph.ops}

    assert parts(FAMILIES) == parts(named("architecture"))


def test_published_figures_are_complete() -> None:
    path = data_dir("results") / "published" / "imagenet.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows
    for row in rows:
        assert list(row) == ["arch", "top1", "recipe", "source", "place"]
        assert all(row.values())
        assert 30 < float(row["top1"]) < 95


def test_every_recipe_is_explained() -> None:
    path = data_dir("results") / "published" / "imagenet.csv"
    with path.open(encoding="utf-8", newline="") as file:
        recipes = {row["recipe"] for row in csv.DictReader(file)}
    readme = (Path(__file__).parents[1] / "results" / "README.md").read_text(encoding="utf-8")
    assert not [recipe for recipe in recipes if f"`{recipe}`" not in readme]


def test_published_figures_are_those_of_the_network(seed: Arch) -> None:
    assert {figure.arch for figure in library.published(seed)} <= {seed.name}


def test_every_seed_of_the_main_job_has_a_published_figure() -> None:
    space = library.load_space("mobile")
    for arch in map(library.load_arch, named("architecture")):
        if not arch.name.endswith("-842"):  # nobody prints how accurate those are
            assert library.published(arch) or not space.contains(arch), arch.name


def test_plain_supervised_figure_comes_first() -> None:
    figures = library.published(library.load_arch("repvit-m0.9"))
    assert [f.recipe for f in figures[:2]] == ["supervised", "distilled-300"]
    assert str(figures[0]).startswith("77.4 %, Wang et al., RepViT")


def test_network_that_only_bears_a_name_has_no_published_figure(representative: Arch) -> None:
    assert library.published(replace(representative, rows=representative.rows[1:])) == ()
    assert library.published(replace(representative, name="other")) == ()


@pytest.mark.parametrize("what", ["device", "surrogate", "space"])
def test_folder_or_file_loads_like_its_name(what: str) -> None:
    load = getattr(library, f"load_{what}")
    for name, path in named(what).items():  # type: ignore[arg-type]
        assert load(name).name == load(path).name == name


def test_best_published_networks_are_of_rising_accuracy_and_none_beats_another() -> None:
    path = data_dir("results") / "published" / "best_of_size.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    figures = [tuple(float(row[k]) for k in ("params_m", "macs_m", "top1")) for row in rows]
    assert all(row["source"] for row in rows)
    assert [top1 for *_, top1 in figures] == sorted(top1 for *_, top1 in figures)
    for params, macs, top1 in figures:
        others = (own for own in figures if own != (params, macs, top1))
        assert not any(p <= params and m <= macs and t >= top1 for p, m, t in others)
    for row in rows:
        if row["network"] in named("architecture"):
            arch = library.load_arch(row["network"])
            assert float(row["params_m"]) == pytest.approx(arch.params / 1e6, abs=1e-3)
            assert float(row["macs_m"]) == pytest.approx(arch.macs / 1e6, abs=0.1)


def test_best_of_size_is_the_most_accurate_network_that_is_not_much_larger() -> None:
    found = library.best_of_size(library.load_arch("efficientnet-b0"))
    assert str(found) == "efficientnet-b0 77.7"
    assert library.best_of_size(library.load_arch("mobilenetv1-0.25")) is not None
    large = library.best_of_size(library.load_arch("convnext-b"))
    assert large is not None
    assert large.top1 > 83
