"""What is avoided is in no network that a search proposes, by name and by a device's own rules."""

from __future__ import annotations

import numpy as np
import pytest

from nas import library
from nas.errors import SpaceError, UnknownNameError
from nas.optimize import EvolutionSettings, search
from nas.optimize.avoid import names_to_avoid
from nas.optimize.pricing import Pricing
from nas.optimize.run import pricing_of
from nas.space.arch import Arch
from nas.space.space import Space

MIXED = """
name: mixed
source: "made for tests"
input: [3, 64, 64]
columns: [op, k, exp, out, se, act, s, n, repeat]
rows:
  - [conv, 3, ~, 16, ~, [relu, hswish], 2, 1, ~]
  - either:
      - [bneck, [3, 5], 3x, [24, 40], [~, 0.25], [relu, hswish], 2, [1, 2], independent]
      - [mbconv, 3, [3x, 6x], [24, 40], ~, ~, 2, [1, 2], independent]
  - any:
      - - [conv, 1, ~, 96, ~, hswish, 1, 1, ~]
        - [pool, ~, ~, ~, ~, ~, ~, 1, ~]
      - - [pool, ~, ~, ~, ~, ~, ~, 1, ~]
  - [linear, ~, ~, 1000, ~, ~, ~, 1, ~]
"""
FEW = EvolutionSettings(generations=3, children=100, climbs=3)


def sampled(avoid: list[str] | None, device: str = "pixel1-cpu") -> tuple[Pricing, list[Arch]]:
    """A pricing, and networks that its layered space samples, mutates and repairs."""
    pricing = pricing_of(Space.from_yaml(MIXED), device, "imagenet", avoid)
    rng, layered = np.random.default_rng(0), pricing.layered
    codes = layered.sample(60, rng)
    codes = np.concatenate([codes, layered.mutate(codes, rng, 4.0)])
    assert np.isfinite(pricing.price(codes)).all()
    return pricing, [pricing.space.decode(code) for code in codes]


def functions(archs: list[Arch]) -> set[str]:
    return {str(op.attrs["fn"]) for arch in archs for op in arch.graph.ops if "fn" in op.attrs}


def blocks(archs: list[Arch]) -> set[str]:
    return {row.op for arch in archs for row in arch.rows}


def test_an_activation_a_block_and_an_op_are_avoided() -> None:
    everything = sampled(["none"])[1]
    assert {"hswish", "silu", "relu"} <= functions(everything)
    assert {"bneck", "mbconv"} <= blocks(everything)
    assert "hswish" not in functions(sampled(["hswish"])[1])
    assert "mbconv" not in blocks(sampled(["mbconv"])[1])
    pricing, archs = sampled(["mul", "hswish"])
    assert not any(op.kind == "mul" for arch in archs for op in arch.graph.ops)
    assert pricing.exclusion is not None
    assert pricing.exclusion.found == ("mul", "hswish")


def test_a_code_with_it_has_no_price() -> None:
    pricing, _ = sampled(["hswish"])
    codes = sampled(["none"])[0].layered.sample(100, np.random.default_rng(1))
    has = ["hswish" in functions([pricing.space.decode(code)]) for code in codes]
    assert np.isnan(pricing.price(codes)).any(axis=1).tolist() == has
    assert 0 < sum(has) < len(has)


def test_core_ml_devices_avoid_what_leaves_the_neural_engine_unless_it_is_allowed() -> None:
    assert "hswish" not in functions(sampled(None, "iphone12-lut")[1])
    assert "hswish" in functions(sampled(["none"], "iphone12-lut")[1])
    assert "hswish" in functions(sampled(None, "pixel1-cpu")[1])
    pricing, archs = sampled(["bneck"], "iphone12-lut")
    assert "bneck" not in blocks(archs)
    assert pricing.exclusion is not None
    assert pricing.exclusion.found == ("bneck", "hard-swish")


def test_a_space_without_anything_else_keeps_it_and_the_prediction_says_so() -> None:
    found = search("mobilenetv3", "iphone12-lut", budget_ms=1.0, settings=FEW)
    assert found.left_out == ()
    assert "hard-swish left the Neural Engine" in found.latencies(found.best.arch)[0].flags[0]
    with pytest.raises(SpaceError, match="no network of the space is left without hswish"):
        search("mobilenetv3", "iphone12-lut", budget_ms=1.0, avoid=["hswish"])


def test_known_networks_that_have_it_are_shown_and_not_chosen() -> None:
    found = search("mobile", "iphone12-lut", budget_ms=1.0, settings=FEW)
    assert found.left_out == ("hard-swish", "high rank")
    avoided = {c.arch.name: found.avoided.found_in(c.arch) for c in found.known}
    assert avoided["mobilenetv3-large"] == ["hard-swish"]
    assert avoided["mobilevit-s"] == ["high rank"]
    assert avoided["repvit-m0.9"] == []
    assert not any(avoided[c.arch.name] for c in found.known_within)
    assert found.latencies(found.best.arch)[0].flags == ()
    assert not any(found.avoided.found_in(c.arch) for c in found.pareto)


def test_an_unknown_name_has_the_nearest_ones() -> None:
    with pytest.raises(UnknownNameError, match="unknown block, op or activation 'hswich'.*hswish"):
        sampled(["hswich"])


def test_every_name_is_a_block_an_op_or_an_activation() -> None:
    assert {"repvit", "hswish", "attention"} <= set(names_to_avoid())


def test_a_network_that_is_known_is_called_by_its_name() -> None:
    text = library.load_arch("mobilenetv3-small").to_yaml()
    space = Space.from_yaml(text.replace('name: "mobilenetv3-small"', 'name: "mine"'))
    assert space.name == "mine"
    found = search(space, "pixel1-cpu", budget_ms=100, settings=FEW)
    assert found.best.arch.name == "mobilenetv3-small"
