"""Sweep files are read strictly."""

from __future__ import annotations

from typing import Any

import pytest

from nas.errors import NasError
from nas.study.sweep.plan import Sweep, read_sweep


def test_cells_are_the_product(content: dict[str, Any]) -> None:
    content |= {"devices": ["pixel1-cpu", "pixel6-cpu"], "seeds": [0, 1]}
    content |= {"strategies": ["random", "model"]}
    cells = read_sweep(content, "sweep").cells()
    assert len(cells) == len({cell.name for cell in cells}) == 2 * 2 * 2 * 2
    assert cells[0].name == "small-pixel1-cpu-2.5ms-random-seed0"


def test_budgets_may_be_of_each_device(content: dict[str, Any]) -> None:
    content["devices"] = ["pixel1-cpu", "pixel6-cpu"]
    content["budgets_ms"] = {"pixel1-cpu": [1], "pixel6-cpu": [2.0, 3.0]}
    cells = read_sweep(content, "sweep").cells()
    assert [(c.device, c.budget_ms) for c in cells] == [
        ("pixel1-cpu", 1.0),
        ("pixel6-cpu", 2.0),
        ("pixel6-cpu", 3.0),
    ]


def test_strategies_compare_after_the_grace_epochs(sweep: Sweep, content: dict[str, Any]) -> None:
    assert sweep.plan().compared == 1
    assert sweep.plan().rungs(5) == [(4, 5)]
    content["scheduler"] = {"name": "none"}
    assert read_sweep(content, "sweep").plan().compared == 4


def test_limits_reach_the_search(content: dict[str, Any]) -> None:
    content["limits"] = {"max_params_m": 0.5, "confidence": 0.9}
    sweep = read_sweep(content, "sweep")
    asked = sweep.search_arguments(sweep.cells()[0])
    assert (asked["max_params"], asked["confidence"]) == (500_000, 0.9)
    assert "max_macs" not in asked


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"budget_ms": [1.0]}, "unknown key 'budget_ms'; nearest: budgets_ms"),
        ({"budgets_ms": {"pixel1-cpu": [1.0], "pixel2": [1.0]}}, "unknown device 'pixel2'"),
        ({"budgets_ms": {}}, "no budgets of device 'pixel1-cpu'"),
        (
            {"budgets_ms": [0.0]},
            "(budgets_ms.pixel1-cpu 1): expected a number from 1e-06 to 1e+06",
        ),
        ({"budgets_ms": ["fast"]}, "expected a number from 1e-06 to 1e+06, found 'fast'"),
        ({"devices": ["pixel1"]}, "unknown devices 'pixel1'; nearest: pixel1-cpu"),
        ({"devices": "pixel1-cpu"}, "(devices): expected a list, found 'pixel1-cpu'"),
        ({"strategies": ["evolve"]}, "unknown strategies 'evolve'"),
        ({"recipe": "proxi"}, "nearest: proxy"),
        ({"scheduler": {"name": "median"}}, "unknown value 'median'"),
        ({"scheduler": {"name": "hyperband", "grace_epochs": 2}}, "hyperband needs 1"),
        ({"resources": {"cpu": 1}}, "(resources): unknown key 'cpu'; nearest: cpus"),
        ({"resources": {"cpus": 0}}, "expected a number from 0.01 to 1024, found 0"),
        ({"seeds": [0, 0]}, "found small-pixel1-cpu-2.5ms-random-seed0 twice"),
        ({"name": "../x"}, "expected a plain name"),
        ({"data": {"root": "/x"}}, "(data): key 'name' is missing"),
    ],
)
def test_what_is_wrong_is_named(
    content: dict[str, Any], changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(NasError) as caught:
        read_sweep(content | changes, "sweep.yaml")
    assert said in str(caught.value)
