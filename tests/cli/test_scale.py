"""`nas scale`: by phi, and by a search for a budget."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nas.library import load_arch

from .conftest import Nas


def test_phi_scales_and_prints_both(nas: Nas, tmp_path: Path) -> None:
    path = tmp_path / "b2.yaml"
    done = nas("scale", "efficientnet-b0", "--phi", "1", "--out", str(path))
    assert (done.code, done.err) == (0, "")
    assert "width 1.1, depth 1.2, side 260" in done.out
    assert load_arch(path) == load_arch("efficientnet-b2")


def test_json_holds_the_figures_and_the_multipliers(nas: Nas) -> None:
    content = json.loads(nas("scale", "efficientnet-b0", "--phi", "3", "--json").out)
    assert content["params"] == load_arch("efficientnet-b4").params
    assert (content["width"], content["depth"], content["side"]) == (1.4, 1.8, 380)


@pytest.mark.slow
def test_search_writes_the_best_within_the_budget(nas: Nas, here: Path) -> None:
    path = Path("best.yaml")
    args = ("--search", "--device", "iphone12-lut", "--budget-ms", "1.0", "--out", str(path))
    content = json.loads(nas("scale", "mobilenetv2", *args, "--json").out)
    assert content["best"]["ms"] <= 1.0
    assert content["best"]["arch_id"] == load_arch(path).arch_id
    done = nas("scale", "mobilenetv2", *args, "--force")
    assert max(len(line) for line in done.out.splitlines()) <= 80


def test_impossible_budget_ends_with_3(nas: Nas) -> None:
    done = nas("scale", "mobilenetv3-small", "--search", "--budget-macs", "1")
    assert (done.code, done.out) == (3, "")
    assert "no scaling of mobilenetv3-small is within the budget" in done.err


@pytest.mark.parametrize(
    "args",
    [(), ("--search",), ("--search", "--phi", "1"), ("--phi", "1", "--budget-macs", "1e9")],
    ids=" ".join,
)
def test_neither_or_both_ways_end_with_2(nas: Nas, args: tuple[str, ...]) -> None:
    assert nas("scale", "mobilenetv2", *args).code == 2
