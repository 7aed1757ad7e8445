"""Features of a network for the accuracy surrogate: sums over its ops.

Every feature is a sum over rows of a value that depends on the row's ops and on the resolution of
the network's input, so features are tabled and added row by row, like latency. The backbone is
described per stage by its depth, widths, expansions, kernels and squeeze-and-excitations. A stage
is an octave of downsampling: an op at stride 2**l counts for stage l, and one between two stages
counts for both in proportion. Sizes may be columns (`nas.space.columns`).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import numpy as np

from nas.graph.graph import Graph
from nas.graph.ops import GATE, Op, op_macs, op_params

STAGES = 5
"""Strides 2, 4, 8, 16 and 32; ops on the image itself count for the first."""

PER_STAGE = (
    "depth",  # convolutions wider than 1 x 1
    "width",  # octaves of their row's output above NOMINAL_WIDTH
    "expansion",  # octaves of their own output above their row's
    "expansion_width",
    "kernel",  # 0 for 3 x 3, 1 for 5 x 5
    "kernel_width",
    "gates",  # squeeze-and-excitations
    "gates_width",
    "mixing",  # octaves of 1 x 1 convolutions above their row's output
)
"""A name with `_width` is the same feature times the row's width in octaves."""

WHOLE = ("params_m", "root_macs", "activations", "smooth", "attention", "dense", "head")
"""root_macs: sum over ops of the square root of millions of MACs, as compute in one layer is worth
less than the same compute spread over several; smooth: activations that are not piecewise linear;
dense: octaves of input channels per filter of convolutions wider than 1 x 1 (0 for depthwise);
head: octaves of the linear layers' inputs."""

FEATURES = tuple(f"{name}{stage + 1}" for name in PER_STAGE for stage in range(STAGES)) + WHOLE

NOMINAL_WIDTH = 8
"""Channels at stride 1 that double with every stage: 16, 32, ... 256, as in mobile networks."""
WIDTH_RANGE = 1.5
"""Octaves around the nominal width to which a row's width is clipped."""
SMOOTH = ("hswish", "silu", "gelu")


def features(graph: Graph) -> tuple[Any, ...]:
    """One value per name of `FEATURES`: a float, or an array for a graph of columns."""
    stages: list[Any] = [np.zeros((STAGES, *np.shape(graph.resolution))) for _ in PER_STAGE]
    whole: list[Any] = [0.0] * len(WHOLE)
    ops = (op for op in graph.ops if op.kind != "input")
    for _, row in groupby(ops, key=lambda op: op.row):
        _add_row(stages, whole, list(row), graph.resolution)
    return tuple(value for stage in stages for value in stage) + tuple(whole)


def _add_row(stages: list[Any], whole: list[Any], ops: Sequence[Op], resolution: Any) -> None:
    out = ops[-1].shape[0]
    for op in ops:
        for index, value in enumerate(_whole(op)):
            whole[index] = whole[index] + value
        if op.kind != "conv" and op.role != GATE:
            continue
        stage = np.maximum(np.log2(resolution / np.asarray(op.shape[1])), 1.0)
        knots = np.arange(1, STAGES + 1).reshape(-1, *(1,) * stage.ndim)
        share = np.maximum(1 - np.abs(stage - knots), 0)
        width = np.log2(np.asarray(out) / NOMINAL_WIDTH) - stage
        width = np.clip(width, -WIDTH_RANGE, WIDTH_RANGE)
        for index, value in _of_stage(op, out, width).items():
            stages[index] = stages[index] + share * value


def _of_stage(op: Op, out: Any, width: Any) -> dict[int, Any]:
    """Values that a convolution or gate adds to its stage, by index in PER_STAGE."""
    if op.role == GATE:
        return {6: 1.0, 7: width}
    fan_in = np.asarray(op.in_shapes[0][0]) / op.attrs["groups"]
    if op.attrs["k"] == 1:
        return {8: np.log2(np.maximum(op.shape[0], fan_in) / out)}
    expansion = np.log2(np.asarray(op.shape[0]) / out)
    kernel = (op.attrs["k"] - 3) / 2
    return dict(enumerate((1.0, width, expansion, expansion * width, kernel, kernel * width)))


def _whole(op: Op) -> tuple[Any, ...]:
    activation, smooth = op.kind == "act", op.kind == "act" and op.attrs["fn"] in SMOOTH
    dense: Any = 0.0
    if op.kind == "conv" and op.attrs["k"] > 1:
        dense = np.log2(np.asarray(op.in_shapes[0][0]) / op.attrs["groups"])
    vector = op.kind == "linear" and len(op.shape) == 1
    head = np.log2(op.in_shapes[0][0]) if vector else 0.0
    counts = (float(activation), float(smooth), float(op.kind == "attention"))
    return (op_params(op) / 1e6, np.sqrt(op_macs(op) / 1e6), *counts, dense, head)
