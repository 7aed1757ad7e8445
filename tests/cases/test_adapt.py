"""Tables that `nas adapt` makes stand, are within the budget and compute what they say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nas.library import load_arch, load_device
from nas.modules import build, save_weights
from nas.space.arch import read_arch

from .conftest import Nas


@pytest.mark.parametrize(
    ("size", "how"), [("576", "--surrogate"), ("928", "--surrogate"), ("640", "--knapsack")]
)
@pytest.mark.slow
def test_kept_features(nas: Nas, here: Path, size: str, how: str) -> None:
    arch, device = load_arch(f"exmobilevit-{size}"), load_device("iphone12-lut")
    budget = round(0.6 * device.predict(arch).ms, 3)
    given = ["--budget-ms", f"{budget}", how, "--name", "made", "--out", "out"]
    if how == "--knapsack":
        save_weights(build(arch), "any.safetensors")
        given += ["--weights", "any.safetensors"]
    done = nas("adapt", arch.name, *given, "--json")
    assert done.code == 0, done.err
    made = read_arch(here / "out/made/best.yaml")
    assert 0.4 * budget < device.predict(made).ms <= budget
    module = build(made)
    assert sum(p.numel() for p in module.parameters()) == made.params < arch.params
    *_, last, pooled, _ = made.rows
    kept = sum(row.out for row in made.rows if row.op == "keep")
    assert pooled.out == kept + last.out
    assert json.loads(done.out)["widths"]
