"""Features of a network for the accuracy surrogate: sums over the ops of its deployed graph.

A feature is a sum of values that depend on one op, on the resolution of the network's image, and
on whether the op belongs to a squeeze-and-excitation. So it can be tabled and added row by row, as
latency is, and a network has the same features as a table and traced from a torch module. Branches
that are merged before deployment count as the convolution they become (`nas.graph.fuse`).

The backbone is described per stage. A stage is an octave of downsampling: an op at stride 2**l
counts for stage l, and one between two stages counts for both in proportion. Tokens (..., N, C)
stand for a map of N pixels. Sizes may be columns (`nas.space.columns`).
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from nas.graph.fuse import fuse
from nas.graph.graph import Graph
from nas.graph.ops import ACTIVATIONS, Op, op_macs, op_params

STAGES = 5
"""Strides 2, 4, 8, 16 and 32; ops on the image itself count for the first."""

PER_STAGE = (
    "depth",  # convolutions that mix pixels
    "width",  # octaves of their block's width above NOMINAL_WIDTH
    "expansion",  # octaves of their output above their block's width
    "expansion_width",
    "kernel",  # 0 for 3 x 3, 1 for 5 x 5
    "kernel_width",
    "mixing",  # layers that mix channels only: 1 x 1 convolutions, linear layers, patches
    "narrow",  # octaves of the narrower of their input and output above NOMINAL_WIDTH
    "ratio",  # octaves of the wider above the narrower
    "ratio_narrow",
    "gates",  # squeeze-and-excitations
    "gates_width",  # octaves of their block's width above NOMINAL_WIDTH
)
"""A name `a_b` is the product of a and b."""

WHOLE = ("params_m", "root_macs", "activations", "smooth", "attention", "dense", "head")
"""root_macs: sum over ops of the square root of millions of MACs, as compute in one layer is worth
less than the same compute spread over several; smooth: activations that are not piecewise linear;
attention: attentions, where a product of two activations is half of one; dense: octaves of input
channels per filter of convolutions that mix pixels (0 for depthwise); head: octaves of the inputs
of layers on the pooled vector."""

FEATURES = tuple(f"{name}{stage + 1}" for name in PER_STAGE for stage in range(STAGES)) + WHOLE

NOMINAL_WIDTH = 8
"""Channels at stride 1 that double with every stage: 16, 32, ... 256, as in mobile networks."""
WIDTH_RANGE = 3.0
"""Octaves around the nominal width to which a width is clipped."""
LARGEST_KERNEL = 9
SMOOTH = ("hswish", "silu", "gelu", "mish", "elu")
COUNTED = (*ACTIVATIONS, "leaky_relu", "prelu", "elu", "mish", "selu", "celu")
"""Activations; a trace has other functions of one number too."""
ATTENTION = {"attention": 1.0, "matmul": 0.5}
MAP_RANK = 3
SHAPING = ("act", "reshape", "permute", "resample", "add", "scale", "batch_norm", "layer_norm")
"""Kinds that may stand between a global pooling and its gate at any shape."""
PASSING = ("act", "mul", "batch_norm")
"""Kinds that may stand between a depthwise convolution and the one that narrows it."""


def features(graph: Graph) -> tuple[Any, ...]:
    """One value per name of `FEATURES`: a float, or an array for a graph of columns."""
    deployed = fuse(graph)
    gates = _gates(deployed)
    factors = set().union(*gates.values())
    widths = _widths(deployed, factors)
    stages = {name: np.zeros((STAGES, *np.shape(graph.resolution))) for name in PER_STAGE}
    whole: dict[str, Any] = dict.fromkeys(WHOLE, 0.0)
    stored = _stored(deployed)
    for index, op in enumerate(deployed.ops):
        if index in stored:
            whole["params_m"] = whole["params_m"] + op_params(op) / 1e6
            continue
        for name, value in _whole(op, factor=index in factors).items():
            whole[name] = whole[name] + value
        pixels = None if index in factors else _pixels(op, gate=index in gates)
        if pixels is None:
            continue
        octaves = np.maximum(np.log2(graph.resolution / np.sqrt(pixels)), 1.0)
        knots = np.arange(1, STAGES + 1).reshape(-1, *(1,) * octaves.ndim)
        share = np.maximum(1 - np.abs(np.minimum(octaves, STAGES) - knots), 0)
        for name, value in _of_stage(op, octaves, widths.get(index, op.shape[0])).items():
            stages[name] = stages[name] + share * value
    return tuple(value for own in stages.values() for value in own) + tuple(whole.values())


def _stored(graph: Graph) -> set[int]:
    """Ops that read no image, such as a network of positions: a device stores their results."""
    found: set[int] = set()
    for index, op in enumerate(graph.ops):
        read = op.inputs and all(source in found for source in op.inputs)
        if op.kind in ("param", "constant") or read:
            found.add(index)
    return found


def _gates(graph: Graph) -> dict[int, set[int]]:
    """Squeeze-and-excitations: products with a factor computed from a globally pooled value.

    Each with the ops that computed its factor, without the pooling.
    """
    found = {}
    for index, op in enumerate(graph.ops):
        paths = [_factor(graph, source) for source in op.inputs] if op.kind == "mul" else []
        if (path := next((path for path in paths if path is not None), None)) is not None:
            found[index] = path
    return found


def _factor(graph: Graph, index: int) -> set[int] | None:
    """Ops from a global pooling to the op at `index`; None if it comes from elsewhere."""
    path: set[int] = set()
    while (op := graph.ops[index]).kind != "global_pool":
        if not op.inputs or not (op.kind in SHAPING or _is_vector(op)):
            return None
        path.add(index)
        index = op.inputs[0]
    return path


def _widths(graph: Graph, factors: set[int]) -> dict[int, Any]:
    """Channels of depthwise convolutions and gates that a 1 x 1 convolution narrows afterwards.

    They work on expanded channels; their block is as wide as what it passes on.
    """
    before: dict[int, tuple[int, ...]] = {}
    found: dict[int, Any] = {}
    for index, op in enumerate(graph.ops):
        chain = next((before[i] for i in op.inputs if i in before and i not in factors), ())
        if op.kind == "conv" and _mixes_pixels(op):
            before[index] = (index,) if op.attrs["groups"] == op.in_shapes[0][0] else ()
        elif op.kind == "conv":
            narrower = np.minimum(op.shape[0], op.in_shapes[0][0])
            found |= {own: narrower for own in chain if index not in factors}
        elif op.kind in PASSING:
            before[index] = (*chain, index) if op.kind == "mul" else chain
    return found


def _is_vector(op: Op) -> bool:
    """Whether an op computes one number per channel."""
    ones = [isinstance(size, int) and size == 1 for size in op.shape]
    return len(ones) - sum(ones) <= 1


def _pixels(op: Op, *, gate: bool) -> Any:
    """Pixels of the map that a layer or gate computes; None for vectors and other ops."""
    if _is_vector(op):
        return None
    if op.kind == "linear":
        return prod(np.asarray(size) for size in op.shape[:-1])
    if (op.kind == "conv" or gate) and len(op.shape) == MAP_RANK:
        return np.asarray(op.shape[1]) * np.asarray(op.shape[2])
    return None


def _of_stage(op: Op, octaves: Any, channels: Any) -> dict[str, Any]:
    """Values that a layer or gate adds to its stage, `octaves` of stride.

    `channels` is the width of its block.
    """

    def width(channels: Any) -> Any:
        octaves_wide = np.log2(np.asarray(channels) / NOMINAL_WIDTH) - octaves
        return np.clip(octaves_wide, -WIDTH_RANGE, WIDTH_RANGE)

    if op.kind not in ("conv", "linear"):
        return {"gates": 1.0, "gates_width": width(channels)}
    if not _mixes_pixels(op):
        at = 0 if op.kind == "conv" else -1
        ends = np.asarray(op.in_shapes[0][at]), np.asarray(op.shape[at])
        narrow = np.minimum(*ends)
        ratio, own = np.log2(np.maximum(*ends) / narrow), width(narrow)
        return {"mixing": 1.0, "narrow": own, "ratio": ratio, "ratio_narrow": ratio * own}
    high = np.asarray(op.attrs["k"])
    side = np.minimum(np.sqrt(high * np.asarray(op.attrs.get("kw", high))), LARGEST_KERNEL)
    kernel, own = (side - 3) / 2, width(channels)
    wider = np.log2(np.asarray(op.shape[0]) / np.asarray(channels))
    found = {"depth": 1.0, "width": own, "kernel": kernel, "kernel_width": kernel * own}
    return found | {"expansion": wider, "expansion_width": wider * own}


def _mixes_pixels(op: Op) -> bool:
    """Whether a layer's windows overlap; those of 1 x 1 convolutions and patches do not."""
    return bool(op.kind == "conv" and op.attrs["k"] > op.attrs["s"])


def _whole(op: Op, *, factor: bool) -> dict[str, Any]:
    """Values that an op adds to the whole network; a gate's `factor` is no head."""
    found: dict[str, Any] = {
        "params_m": op_params(op) / 1e6,
        "root_macs": np.sqrt(op_macs(op) / 1e6),
    }
    if op.kind == "act" and op.attrs["fn"] in COUNTED:
        found |= {"activations": 1.0, "smooth": float(op.attrs["fn"] in SMOOTH)}
    if op.kind in ATTENTION:
        found["attention"] = ATTENTION[op.kind]
    if op.kind == "conv" and _mixes_pixels(op):
        fan_in = np.asarray(op.in_shapes[0][0]) / op.attrs["groups"]
        found["dense"] = np.log2(fan_in)
    if op.kind in ("conv", "linear") and _is_vector(op) and not factor:
        found["head"] = np.log2(prod(np.asarray(size) for size in op.in_shapes[0]))
    return found
