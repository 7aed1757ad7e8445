"""The table of primitive op kinds: shape, parameters and multiply-adds of each.

The ground floor of everything: params, MACs, memory, latency, torch modules and exports are folds
over these. Shapes are per image, channels first: (C, H, W) for maps, (..., N, C) for tokens, with
windows and patches as extra leading dimensions. Every formula is plain arithmetic without
branches on sizes, so a dimension may be an int or a column of ints (`nas.space.columns`).

One MAC is one multiply-add. Norms, activations, pooling and additions count none, as in fvcore's
`conv` and `linear` entries; attention counts its two matrix products.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any, NamedTuple

from nas.errors import ArchError

Shape = tuple[Any, ...]
Attrs = Mapping[str, Any]

ACTIVATIONS = ("relu", "relu6", "hswish", "silu", "gelu", "sigmoid", "hsigmoid")
"""hswish and hsigmoid as in MobileNetV3 (eq. 1-2 of arXiv:1905.02244); gelu is the exact one."""


class Op(NamedTuple):
    """One primitive op of a graph."""

    kind: str
    name: str
    """Dotted path, unique in the graph; the submodule's name once built."""
    row: int
    """Index of the table row it comes from; -1 for the input."""
    inputs: tuple[int, ...]
    in_shapes: tuple[Shape, ...]
    shape: Shape
    attrs: Attrs


@dataclass(frozen=True, slots=True)
class Kind:
    """What the project knows of one op kind."""

    shape: Callable[[Attrs, tuple[Shape, ...]], Shape]
    params: Callable[[Op], Any] = lambda op: 0
    macs: Callable[[Op], Any] = lambda op: 0


def _same(attrs: Attrs, ins: tuple[Shape, ...]) -> Shape:
    return ins[0]


def _elementwise(attrs: Attrs, ins: tuple[Shape, ...]) -> Shape:
    """All inputs have one shape, or differ only by sides of 1, which are repeated."""
    first, *rest = ins
    for other in rest:
        if len(other) != len(first) or any(
            have != want and have != 1 and want != 1
            for have, want in zip(other, first, strict=True)
        ):
            raise ArchError(f"cannot combine shapes {first} and {other}")
        first = tuple(have if want == 1 else want for have, want in zip(other, first, strict=True))
    return first


def padding(attrs: Attrs) -> Any:
    """Of a k-window on every side: k // 2 (times its dilation), or attr `pad` where it differs.

    `pad="same"` is TensorFlow's: as much as ceil(size / s) outputs need, the odd one at the end.
    """
    return attrs.get("pad", attrs["k"] // 2 * attrs.get("d", 1))


def same_padding(attrs: Attrs, size: int) -> tuple[int, int]:
    """Before and after, of one dimension under `pad="same"`."""
    missing = max((-(-size // attrs["s"]) - 1) * attrs["s"] + reach(attrs) - size, 0)
    return missing // 2, missing - missing // 2


def reach(attrs: Attrs) -> Any:
    """Pixels from one end of a k-window to the other: k, or more where it is dilated by `d`."""
    return attrs.get("d", 1) * (attrs["k"] - 1) + 1


def _window(attrs: Attrs, size: Any) -> Any:
    """Output size of a k-window with stride s."""
    if attrs.get("pad") == "same":
        return (size + attrs["s"] - 1) // attrs["s"]
    return (size + 2 * padding(attrs) - reach(attrs)) // attrs["s"] + 1


def _conv_shape(attrs: Attrs, ins: tuple[Shape, ...]) -> Shape:
    c, h, w = ins[0]
    if c % attrs["groups"] or attrs["out"] % attrs["groups"]:
        raise ArchError(f"{c} -> {attrs['out']} channels do not divide in {attrs['groups']} groups")
    return attrs["out"], _window(attrs, h), _window(attrs, w)


def _conv_weights(op: Op) -> Any:
    a = op.attrs
    return a["out"] * (op.in_shapes[0][0] // a["groups"]) * a["k"] * a.get("kw", a["k"])


def _pool_shape(attrs: Attrs, ins: tuple[Shape, ...]) -> Shape:
    c, h, w = ins[0]
    return c, _window(attrs, h), _window(attrs, w)


def _concat_shape(attrs: Attrs, ins: tuple[Shape, ...]) -> Shape:
    at = attrs.get("dim", 0)
    before, after = ins[0][:at], ins[0][at + 1 :]
    if any((shape[:at], shape[at + 1 :]) != (before, after) for shape in ins):
        raise ArchError(f"cannot concatenate {ins}")
    return *before, sum(shape[at] for shape in ins), *after


def _reshape_shape(attrs: Attrs, ins: tuple[Shape, ...]) -> Shape:
    if prod(attrs["shape"]) != prod(ins[0]):
        raise ArchError(f"cannot reshape {ins[0]} to {attrs['shape']}")
    return tuple(attrs["shape"])


def _attention_macs(op: Op) -> Any:
    """Products (N, D) (D, M) and (N, M) (M, E) of q (N, D), k (M, D), v (M, E), for all leads."""
    (*_, n, d), k, v = op.in_shapes[:3]
    return prod(op.shape[:-2]) * n * k[-2] * (d + v[-1])


def _matmul_shape(attrs: Attrs, ins: tuple[Shape, ...]) -> Shape:
    if "shape" in attrs:  # of a traced graph
        return _given(attrs, ins)
    (*lead, n, d), (*others, m, e) = ins
    if d != m:
        raise ArchError(f"cannot multiply {ins[0]} by {ins[1]}")
    return *_elementwise(attrs, (tuple(lead), tuple(others))), n, e


def _unfold_shape(attrs: Attrs, ins: tuple[Shape, ...]) -> Shape:
    c, h, w = ins[0]
    return c * attrs["k"] ** 2, h * w


def _given(attrs: Attrs, ins: tuple[Shape, ...]) -> Shape:
    return tuple(attrs["shape"])


KINDS: dict[str, Kind] = {
    "input": Kind(_given),
    # a conv pads k // 2 on every side, or attr `pad`: a number or "same"; attrs: out, k, s, groups,
    # bias; d: dilation, 1 where it is missing; standard: each filter's weights are brought to mean
    # 0 and variance 1
    "conv": Kind(
        _conv_shape,
        params=lambda op: _conv_weights(op) + op.attrs["out"] * op.attrs["bias"],
        macs=lambda op: _conv_weights(op) * op.shape[1] * op.shape[2],
    ),
    # on the last dimension; attrs: out, bias
    "linear": Kind(
        lambda a, i: (*i[0][:-1], a["out"]),
        params=lambda op: (op.in_shapes[0][-1] + op.attrs["bias"]) * op.attrs["out"],
        macs=lambda op: prod(op.in_shapes[0]) * op.attrs["out"],
    ),
    # norms add 1e-5 to the variance, or attr `eps`
    "batch_norm": Kind(_same, params=lambda op: 2 * op.shape[0]),
    "layer_norm": Kind(_same, params=lambda op: 2 * op.shape[-1]),
    "group_norm": Kind(_same, params=lambda op: 2 * op.shape[0]),  # attrs: groups
    "act": Kind(_same),  # attrs: fn, one of ACTIVATIONS
    "add": Kind(_elementwise),
    "mul": Kind(_elementwise),
    "concat": Kind(_concat_shape),  # on channels, or attr `dim`
    "reshape": Kind(_reshape_shape),  # attrs: shape
    "permute": Kind(lambda a, i: tuple(i[0][d] for d in a["dims"])),
    "select": Kind(lambda a, i: i[0][1:]),  # attrs: index, into the first dimension
    "global_pool": Kind(lambda a, i: (i[0][0], 1, 1)),  # mean over H and W
    "avg_pool": Kind(_pool_shape),  # attrs: k, s
    "max_pool": Kind(_pool_shape),
    # of q, k, v (..., N, D), and maybe a bias of the scores, with sides of 1 that are repeated;
    # attrs: scale of the scores, 1 / sqrt(D) where it is missing
    "attention": Kind(lambda a, i: i[0], macs=_attention_macs),
    "matmul": Kind(_matmul_shape, macs=lambda op: prod(op.shape) * op.in_shapes[0][-1]),
    "normalize": Kind(_same),  # to Euclidean length 1, on the last dimension
    "roll": Kind(_same),  # attrs: shift, of the first two dimensions, around the edge
    "slice": Kind(lambda a, i: (*i[0][:-1], a["size"])),  # of the last dimension; attrs: start
    "unfold": Kind(_unfold_shape),  # k x k neighbours of every pixel, padded k // 2; attrs: k
    # rows of the first dimension; attrs: shape, and index, a function that returns it as an array
    "gather": Kind(lambda a, i: (*a["shape"], *i[0][1:])),
    # a trained tensor, the same for all images; attrs: shape, fill (None: random). An input, here
    # and below, only says how many images there are
    "param": Kind(_given, params=lambda op: prod(op.shape)),
    # attrs: shape, and values, a function that returns them as an array
    "constant": Kind(_given),
    # times (when traced, or plus) a trained tensor of `size`, one per channel of a map
    "scale": Kind(_same, params=lambda op: op.attrs["size"]),
    # in traced graphs only (`nas.modules.tracing.trace`); their shape is given ----------------
    "resample": Kind(_given),  # slices, pads, sums, resizes
    # multiply-adds and parameters that no other kind has: recurrent layers; attrs: macs, params
    "product": Kind(_given, params=lambda op: op.attrs["params"], macs=lambda op: op.attrs["macs"]),
    "opaque": Kind(_given),  # a call without a kind; its work is unknown
}


def op_params(op: Op) -> Any:
    """Trainable parameters of one op."""
    return KINDS[op.kind].params(op)


def op_macs(op: Op) -> Any:
    """Multiply-adds of one op for one image."""
    return KINDS[op.kind].macs(op)
