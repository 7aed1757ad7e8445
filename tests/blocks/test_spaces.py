"""Every op in a search space: what the space counts, samples and decodes is what can be built."""

from __future__ import annotations

from dataclasses import fields
from functools import cache
from itertools import product

import numpy as np
import pytest
import torch

from nas.blocks import BLOCKS, FIELDS
from nas.errors import ArchError, SpaceError
from nas.graph.cost import peak_activation_elements
from nas.modules import build
from nas.optimize.pricing import MACS, MS, PARAMS
from nas.optimize.run import pricing_of
from nas.space.arch import Arch
from nas.space.columns import Ints
from nas.space.space import Space

CHOICES = {
    "k": "[3, 5]",
    "k_start": "[~, 3]",
    "k_mid": "[~, 3, 5]",
    "exp": "[2x, 24]",
    "out": "[16, 24]",
    "se": "[~, 0.25]",
    "act": "[relu, hswish]",
    "s": "[1, 2, 4]",
    "patch": "[2, 4]",
    "window": "[2, 3]",
    "dim": "[16, 32]",
    "ffn": "[2x, 48]",
    "layers": "[1, 2]",
    "layer_scale": "[~, 1e-5]",
    "kv_stride": "[1, 2]",
    "kernels": "[1, 3]",
    "exp_groups": "[1, 2]",
    "out_groups": "[1, 2]",
    "branches": "[1, 2]",
    "attention_stride": "[1, 2]",
    "splits": "[2, 3]",
    "heads": "[2, 3]",
}
"""By column, of which some fit nowhere."""
OWN = {"bit_stem": {"out": "[32, 48]"}, "bit": {"out": "[128, 192]"}}
SUMS = "[17, 24, 32, 40, 48, 136, 144]"
"""Widths of a vector of `pool_kept`."""
VECTORS = ("pool", "pool_kept", "vit")
"""Ops that make a vector of a map."""


@cache
def space(op: str) -> Space:
    """The op with choices in every column, between a row that keeps channels and one that adds."""
    columns = ["op", *FIELDS]

    def row(name: str, **cells: str) -> str:
        return f"  - [{', '.join([name, *(cells.get(column, '~') for column in columns[1:])])}]\n"

    own = {field.name: CHOICES[field.name] for field in fields(BLOCKS[op])} | OWN.get(op, {})
    pooled = row("pool_kept", out=SUMS)
    rows = row("conv", k="3", out="[16, 32]", act="relu", s="2") + row("keep", out="[8, 16]")
    if BLOCKS[op].reads_vector:
        rows += pooled + row(op, **own)
    elif op in VECTORS:
        rows += row(op, **own | ({"out": SUMS} if op == "pool_kept" else {}))
    else:
        rows += row(op, **own) + pooled
    head = f'name: {op}\nsource: "made for tests"\ninput: [[3, 16, 16], [3, 20, 20]]\n'
    text = f"{head}columns: [{', '.join(columns)}]\nrows:\n{rows}{row('linear', out='10')}"
    return Space.from_yaml(text)


def built(space: Space, code: Ints) -> Arch | None:
    """The network of a code, lowered; None where it cannot stand."""
    try:
        arch = space.decode(code)
        assert arch.graph.shape == (10,)
    except (SpaceError, ArchError):
        return None
    return arch


def stands(space: Space, code: Ints) -> bool:
    state = 0
    for layer, gene in zip(space.layered.layers, code, strict=True):
        state = layer.next[state, gene]
        if state < 0:
            return False
    return True


every_op = pytest.mark.parametrize("op", BLOCKS)


@every_op
def test_what_is_sampled_is_built_as_it_is_priced(op: str) -> None:
    own = space(op)
    pricing = pricing_of(own, "pixel1-cpu", "imagenet")
    codes = own.layered.sample(4, np.random.default_rng(0))
    prices, peaks = pricing.price(codes), pricing.peak_elements(codes)
    for code, price, peak in zip(codes, prices, peaks, strict=True):
        arch = built(own, code)
        assert arch is not None
        assert own.decode(own.encode(arch)) == arch
        module = build(arch).eval()
        assert price[PARAMS] == arch.params == sum(p.numel() for p in module.parameters())
        assert price[MACS] == arch.macs
        assert price[MS] == pytest.approx(pricing.device.predict(arch).ms)
        assert peak == peak_activation_elements(arch.fused)
        assert module(torch.zeros(1, *arch.input)).shape == (1, 10)


@every_op
def test_a_code_stands_in_the_space_where_its_network_does(op: str) -> None:
    own, rng = space(op), np.random.default_rng(1)
    codes = rng.integers(own.layered.n_options, size=(150, len(own.layered.n_options)))
    found = [built(own, code) is not None for code in codes]
    assert found == [stands(own, code) for code in codes]


@pytest.mark.parametrize("op", ["keep", "pool_kept"])
def test_the_count_is_that_of_the_networks_that_stand(op: str) -> None:
    own = space(op)
    codes = list(product(*map(range, own.layered.n_options)))
    assert 0 < own.size() == sum(built(own, np.array(code)) is not None for code in codes)
    assert own.size() < len(codes)
