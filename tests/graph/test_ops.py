"""Shapes, parameters and multiply-adds of each op kind."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nas.errors import ArchError
from nas.graph.graph import Graph, GraphBuilder
from nas.graph.ops import KINDS, op_macs, op_params
from nas.modules import build
from nas.modules.layers import CALLS, LAYERS

C, H, W = 6, 5, 7
#: kind -> attrs, input shapes, and by hand: output shape, parameters, multiply-adds
CASES: dict[str, tuple[dict[str, Any], tuple[tuple[int, ...], ...], tuple[int, ...], int, int]] = {
    "conv": (
        {"out": 4, "k": 3, "s": 2, "groups": 2, "bias": True},
        ((C, H, W),),
        (4, 3, 4),
        4 * 3 * 9 + 4,
        4 * 3 * 9 * 3 * 4,
    ),
    "linear": ({"out": 10, "bias": True}, ((2, 3, C),), (2, 3, 10), C * 10 + 10, 2 * 3 * C * 10),
    "batch_norm": ({}, ((C, H, W),), (C, H, W), 2 * C, 0),
    "layer_norm": ({}, ((2, 3, C),), (2, 3, C), 2 * C, 0),
    "act": ({"fn": "gelu"}, ((C, H, W),), (C, H, W), 0, 0),
    "add": ({}, ((C, H, W), (C, H, W)), (C, H, W), 0, 0),
    "sub": ({}, ((C, H, W), (C, H, W)), (C, H, W), 0, 0),
    "mul": ({}, ((C, H, W), (C, 1, 1)), (C, H, W), 0, 0),
    "div": ({}, ((C, H, W), (1, H, W)), (C, H, W), 0, 0),
    "concat": ({}, ((C, H, W), (2, H, W), (1, H, W)), (C + 3, H, W), 0, 0),
    "reshape": ({"shape": (C * H, W)}, ((C, H, W),), (C * H, W), 0, 0),
    "permute": ({"dims": (1, 2, 0)}, ((C, H, W),), (H, W, C), 0, 0),
    "select": ({"index": 2}, ((3, H, W),), (H, W), 0, 0),
    "global_pool": ({}, ((C, H, W),), (C, 1, 1), 0, 0),
    "avg_pool": ({"k": 3, "s": 2}, ((C, H, W),), (C, 3, 4), 0, 0),
    "max_pool": ({"k": 2, "s": 2}, ((C, H, W),), (C, 3, 4), 0, 0),
    "attention": ({}, ((2, 4, 5, 3),) * 3, (2, 4, 5, 3), 0, 2 * 2 * 4 * 5 * 5 * 3),
    "matmul": ({}, ((2, 5, 3), (2, 3, 4)), (2, 5, 4), 0, 2 * 5 * 4 * 3),
    "normalize": ({}, ((2, 3, C),), (2, 3, C), 0, 0),
    "roll": ({"shift": (-1, 2)}, ((H, W, C),), (H, W, C), 0, 0),
    "slice": ({"start": 1, "size": 2}, ((2, 3, C),), (2, 3, 2), 0, 0),
    "sum": ({}, ((2, 3, C),), (2, 3, 1), 0, 0),
    "upsample": ({"size": (7, 9)}, ((C, H, W),), (C, 7, 9), 0, 0),
    "unfold": ({"k": 3}, ((C, H, W),), (C * 9, H * W), 0, 0),
    "gather": ({"shape": (2,), "index": lambda: np.arange(2)}, ((3, C),), (2, C), 0, 0),
    "param": ({"shape": (3, 4), "fill": None}, ((C, H, W),), (3, 4), 12, 0),
    "constant": ({"shape": (3, 4), "values": lambda: np.zeros((3, 4))}, (), (3, 4), 0, 0),
    "group_norm": ({"groups": 3}, ((C, H, W),), (C, H, W), 2 * C, 0),
    "scale": ({"size": C, "fill": 1e-6}, ((C, H, W),), (C, H, W), C, 0),
    "resample": ({"shape": (C, H, 2)}, ((C, H, W),), (C, H, 2), 0, 0),
    "product": ({"shape": (C, 1), "macs": 30, "params": 7}, ((C, H, W),), (C, 1), 7, 30),
    "opaque": ({"shape": (C, 1)}, ((C, H, W),), (C, 1), 0, 0),
}

every_kind = pytest.mark.parametrize("kind", CASES)
built = pytest.mark.parametrize("kind", sorted({*LAYERS, *CALLS}))


def one_op(kind: str, attrs: dict[str, Any], shapes: tuple[tuple[int, ...], ...]) -> Graph:
    """The op on inputs of any shapes, each made by a linear layer of one input vector."""
    g = GraphBuilder((1, 1, 1))
    vector = g.add("reshape", (g.input,), "flat", shape=(1,))
    inputs = []
    for index, shape in enumerate(shapes):
        part = g.linear(vector, prod(shape), name=f"part{index}")
        inputs.append(g.add("reshape", (part,), f"input{index}", shape=shape))
    g.add(kind, tuple(inputs), "op", **attrs)
    return g.graph()


def test_every_kind_is_tested() -> None:
    assert set(CASES) | {"input"} == set(KINDS)


@every_kind
def test_shape_params_and_macs_are_those_by_hand(kind: str) -> None:
    attrs, shapes, shape, params, macs = CASES[kind]
    op = one_op(kind, attrs, shapes).ops[-1]
    assert (op.shape, op_params(op), op_macs(op)) == (shape, params, macs)


@built
def test_shape_is_the_one_that_torch_computes(kind: str) -> None:
    attrs, shapes, *_ = CASES[kind]
    graph = one_op(kind, attrs, shapes)
    output = build(graph).eval()(torch.randn(2, *graph.ops[0].shape))
    assert output.shape == (1 if kind == "constant" else 2, *graph.shape)


@given(
    size=st.tuples(st.integers(1, 20), st.integers(1, 20)),
    k=st.integers(1, 8),
    s=st.integers(1, 4),
    pool=st.booleans(),
)
def test_windows_have_the_size_that_torch_computes(
    size: tuple[int, int], k: int, s: int, pool: bool
) -> None:
    g = GraphBuilder((1, *size))
    attrs = {"k": k, "s": s}
    more = {} if pool else {"out": 1, "groups": 1, "bias": False}
    g.add("avg_pool" if pool else "conv", (g.input,), "op", **attrs, **more)
    if all(side >= 1 for side in g.graph().shape):
        assert build(g.graph())(torch.zeros(1, 1, *size)).shape[1:] == g.graph().shape


@pytest.mark.parametrize(
    ("kind", "attrs", "shapes", "reason"),
    [
        ("conv", {"out": 4, "k": 1, "s": 1, "groups": 4, "bias": True}, ((6, 5, 5),), "4 groups"),
        ("conv", {"out": 4, "k": 1, "s": 1, "groups": 3, "bias": True}, ((6, 5, 5),), "3 groups"),
        ("add", {}, ((6, 5, 5), (6, 5, 4)), "cannot combine"),
        ("mul", {}, ((6, 2, 1), (6, 5, 5)), "cannot combine"),
        ("add", {}, ((6, 5), (6, 5, 5)), "cannot combine"),
        ("matmul", {}, ((2, 5, 3), (2, 4, 3)), "cannot multiply"),
        ("concat", {}, ((6, 5, 5), (6, 5, 4)), "cannot concatenate"),
        ("reshape", {"shape": (7, 5)}, ((6, 6, 1),), "cannot reshape"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(
    kind: str, attrs: dict[str, Any], shapes: tuple[tuple[int, ...], ...], reason: str
) -> None:
    with pytest.raises(ArchError, match=reason):
        KINDS[kind].shape(attrs, shapes)
