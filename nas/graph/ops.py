"""The table of primitive op kinds: shape, weights and multiply-adds of each.

Params, MACs, memory, latency, torch modules and exports are all folds over ops of these kinds.
Shapes are per image, channels first: (C, H, W) for maps, (..., N, C) for tokens, with
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
MAX_RANK = 4
"""Dimensions per image that every runtime handles well; the batch is one more."""
RESIDUAL, GATE = "residual", "gate"
"""Roles of an op: adds a shortcut to its branch; scales a map by its squeeze-and-excitation."""


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
    role: str = ""
    """`RESIDUAL` or `GATE`, as stated by the block; empty for all other ops and in traces."""

    @property
    def rank(self) -> int:
        """Most dimensions per image among its inputs and its output."""
        return max(map(len, (self.shape, *self.in_shapes)))


@dataclass(frozen=True, slots=True)
class Kind:
    """Rules of one op kind."""

    shape: Callable[[Attrs, tuple[Shape, ...]], Shape]
    weights: Callable[[Op], Mapping[str, Shape]] = lambda op: {}
    """Shapes of an op's trained tensors, by their names in the generated module's state."""
    macs: Callable[[Op], Any] = lambda op: 0


def _same(attrs: Attrs, ins: tuple[Shape, ...]) -> Shape:
    return ins[0]


def _elementwise(attrs: Attrs, ins: tuple[Shape, ...]) -> Shape:
    """Inputs have the same shape up to sides of 1, which are repeated."""
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
    """Padding of a k-window on every side: k // 2 times its dilation, unless attr `pad` says else.

    `pad="same"` is TensorFlow's: enough for ceil(size / s) outputs, the odd pixel at the end.
    """
    return attrs.get("pad", attrs["k"] // 2 * attrs.get("d", 1))


def same_padding(attrs: Attrs, size: int) -> tuple[int, int]:
    """Padding before and after one dimension under `pad="same"`."""
    missing = max((-(-size // attrs["s"]) - 1) * attrs["s"] + reach(attrs) - size, 0)
    return missing // 2, missing - missing // 2


def reach(attrs: Attrs) -> Any:
    """Pixels that a k-window spans: k, or more if it is dilated by `d`."""
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
    high, wide = ({**attrs, "k": k} for k in attrs.get("kernel", (attrs["k"], attrs["k"])))
    return attrs["out"], _window(high, h), _window(wide, w)


def _conv_weights(op: Op) -> dict[str, Shape]:
    a = op.attrs
    kernel = a.get("kernel", (a["k"], a.get("kw", a["k"])))
    shape = (a["out"], op.in_shapes[0][0] // a["groups"], *kernel)
    return _with_bias(op, shape)


def _with_bias(op: Op, shape: Shape) -> dict[str, Shape]:
    """The weight, and the bias if the op has one."""
    return {"weight": shape} | ({"bias": shape[:1]} if op.attrs["bias"] else {})


def _norm_weights(c: Any) -> dict[str, Shape]:
    return {"weight": (c,), "bias": (c,)}


def _conv_macs(op: Op) -> Any:
    return prod(_conv_weights(op)["weight"]) * op.shape[1] * op.shape[2]


def _pool_shape(attrs: Attrs, ins: tuple[Shape, ...]) -> Shape:
    c, h, w = ins[0]
    return c, _window(attrs, h), _window(attrs, w)


def _concat_shape(attrs: Attrs, ins: tuple[Shape, ...]) -> Shape:
    at = attrs.get("dim", 0)
    before, after = ins[0][:at], ins[0][at + 1 :]
    if any((shape[:at], shape[at + 1 :]) != (before, after) for shape in ins):
        raise ArchError(f"cannot concatenate {ins}")
    return *before, sum(shape[at] for shape in ins), *after


def _slice_shape(attrs: Attrs, ins: tuple[Shape, ...]) -> Shape:
    at = attrs.get("dim", len(ins[0]) - 1)
    return *ins[0][:at], attrs["size"], *ins[0][at + 1 :]


def _reshape_shape(attrs: Attrs, ins: tuple[Shape, ...]) -> Shape:
    if prod(attrs["shape"]) != prod(ins[0]):
        raise ArchError(f"cannot reshape {ins[0]} to {attrs['shape']}")
    return tuple(attrs["shape"])


def _attention_macs(op: Op) -> Any:
    """Products (N, D) (D, M) and (N, M) (M, E) of q (N, D), k (M, D) and v (M, E), per lead."""
    (*_, n, d), k, v = op.in_shapes[:3]
    return prod(op.shape[:-2]) * n * k[-2] * (d + v[-1])


def _matmul_shape(attrs: Attrs, ins: tuple[Shape, ...]) -> Shape:
    if "shape" in attrs:  # in a traced graph
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
    # attrs: out, k, s, groups, bias; pad: a number or "same", k // 2 by default; d: dilation, 1 by
    # default; standard: weights of each filter are standardised to mean 0 and variance 1;
    # kernel: (height, width) if they differ, of which k is the larger and kw the smaller
    "conv": Kind(_conv_shape, _conv_weights, _conv_macs),
    # on the last dimension; attrs: out, bias
    "linear": Kind(
        lambda a, i: (*i[0][:-1], a["out"]),
        lambda op: _with_bias(op, (op.attrs["out"], op.in_shapes[0][-1])),
        lambda op: prod(op.in_shapes[0]) * op.attrs["out"],
    ),
    # norms add attr `eps`, 1e-5 by default, to the variance
    "batch_norm": Kind(_same, lambda op: _norm_weights(op.shape[0])),
    "layer_norm": Kind(_same, lambda op: _norm_weights(op.shape[-1])),
    "group_norm": Kind(_same, lambda op: _norm_weights(op.shape[0])),  # attrs: groups
    "act": Kind(_same),  # attrs: fn, one of ACTIVATIONS
    "add": Kind(_elementwise),
    "sub": Kind(_elementwise),  # the first input less the second
    "mul": Kind(_elementwise),
    "div": Kind(_elementwise),
    "concat": Kind(_concat_shape),  # on channels, or attr `dim`
    "reshape": Kind(_reshape_shape),  # attrs: shape
    "permute": Kind(lambda a, i: tuple(i[0][d] for d in a["dims"])),
    "select": Kind(lambda a, i: i[0][1:]),  # attrs: index, into the first dimension
    "global_pool": Kind(lambda a, i: (i[0][0], 1, 1)),  # mean over H and W
    "avg_pool": Kind(_pool_shape),  # attrs: k, s, pad
    "max_pool": Kind(_pool_shape),
    # reads q and k (..., N, D), v (..., N, E) and an optional bias of the scores, whose sides of 1
    # are repeated; k and v that heads share have 1 there (multi-query attention, arXiv:1911.02150);
    # attrs: scale of the scores, 1 / sqrt(D) by default
    "attention": Kind(lambda a, i: (*i[0][:-1], i[2][-1]), macs=_attention_macs),
    "matmul": Kind(_matmul_shape, macs=lambda op: prod(op.shape) * op.in_shapes[0][-1]),
    "normalize": Kind(_same),  # scales the last dimension to Euclidean length 1
    "roll": Kind(_same),  # rotates the first two dimensions; attrs: shift
    "slice": Kind(_slice_shape),  # on the last dimension, or attr `dim`; attrs: start, size
    "sum": Kind(lambda a, i: (*i[0][:-1], 1)),  # over the last dimension
    # repeats each pixel, to the size given; attrs: size, of (H, W), and mode, "nearest" by default,
    # or "bilinear": interpolates between the centres of pixels
    "upsample": Kind(lambda a, i: (i[0][0], *a["size"])),
    "unfold": Kind(_unfold_shape),  # k x k neighbours of every pixel, padded k // 2; attrs: k
    # selects rows of the first dimension; attrs: shape, and index, which returns it as an array
    "gather": Kind(lambda a, i: (*a["shape"], *i[0][1:])),
    # a trained tensor, the same for all images; attrs: shape, fill (None: random). Its input, like
    # that of a constant, only tells the number of images
    "param": Kind(_given, lambda op: {"weight": op.shape}),
    # attrs: shape, and values, a function that returns them as an array
    "constant": Kind(_given),
    # multiplies (in traces, or adds) a trained tensor of `size` elements, one per channel of a map;
    # attrs: size, fill, the initial value
    "scale": Kind(_same, lambda op: {"gamma": (op.attrs["size"],)}),
    # only in traced graphs (`nas.modules.tracing.trace`), with a given shape --------------------
    "resample": Kind(_given),  # slices, pads, sums, resizes
    # recurrent layers, whose work no other kind has; attrs: macs, params
    "product": Kind(_given, lambda op: {"": (op.attrs["params"],)}, lambda op: op.attrs["macs"]),
    "opaque": Kind(_given),  # a call without a kind; its work is unknown
}


def op_params(op: Op) -> Any:
    """Trainable parameters of one op."""
    return sum(prod(shape) for shape in KINDS[op.kind].weights(op).values())


def op_macs(op: Op) -> Any:
    """Multiply-adds of one op for one image."""
    return KINDS[op.kind].macs(op)
