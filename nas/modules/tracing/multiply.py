"""Op kinds and attributes of calls that multiply."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import prod
from typing import Any

from nas.graph.ops import Shape
from nas.modules.tracing.aten import CHANNELS, PRODUCT
from nas.modules.tracing.nodes import (
    arguments,
    call_name,
    first,
    image_shape,
    map_shape,
    raw_shape,
    rule_of,
    spatial_rank,
)
from nas.system.extras import require

MULTIPLY = frozenset({"conv", "transposed", "linear", "matmul", PRODUCT})
"""Rule kinds whose op kind `multiplied` determines."""


def multiplied(node: Any, constants: list[Any]) -> tuple[str, dict[str, Any]]:
    """Op kind and attributes of a call that multiplies; `constants` do not depend on inputs."""
    kind, shape = rule_of(node).kind, image_shape(node)
    if is_transposed(node):
        return "linear", transposed_attrs(node)
    if kind == "conv":
        return kind, conv_attrs(node)
    if kind == PRODUCT:
        return _product(node, shape)
    a, b = factors(node)
    if min(len(raw_shape(a)), len(raw_shape(b))) < 2 and kind != "linear":
        return "mul", {"shape": shape}
    if b in constants and len(raw_shape(b)) == 2 and a not in constants:
        bias = call_name(node) == "addmm" or arguments(node).get("bias") is not None
        return "linear", {"out": shape[-1], "bias": bias}
    return "matmul", {"shape": shape, "over": raw_shape(a)[-1]}


def _product(node: Any, shape: Shape) -> tuple[str, dict[str, Any]]:
    """A matrix product if all elements sum equally many products; elementwise if none sums."""
    call = call_name(node)
    macs = COUNTS.get(call, torch_macs)(node)
    if macs == 0:
        return "mul", {"shape": shape}
    if call not in COUNTS and macs % prod(shape) == 0:
        return "matmul", {"shape": shape, "over": macs // prod(shape)}
    return PRODUCT, {"shape": shape, "macs": macs}


def shapes_of(
    node: Any, kind: str, attrs: dict[str, Any], operands: list[Any]
) -> tuple[Shape, tuple[Shape, ...]]:
    """Output and input shapes of an op in the form that its kind's formulas take."""
    shape, rank = image_shape(node), spatial_rank(node)
    found = [image_shape(n) for n in operands]
    if call_name(node) == "getitem":  # part of a split: it reads as much as it writes
        found = [shape]
    elif kind in CHANNELS:
        shape, found[0] = map_shape(node, rank), map_shape(node.args[0], rank)
    elif kind == "linear" and is_transposed(node):  # every input pixel times the whole kernel
        c, *size = map_shape(node.args[0], rank)
        found[0] = (prod(size), c // attrs["groups"])
    elif kind == "linear":
        found[0] = image_shape(factors(node)[0])
    elif kind == "matmul":  # its last dimension is the one that is summed over
        found[0] = (max(prod(found[0]) // attrs["over"], 1), attrs["over"])
    elif kind == "attention":
        found = [s if len(s) > 1 else (1, *s) for s in found]
    return shape, tuple(found)


def pool_attrs(node: Any) -> dict[str, Any]:
    """Window and stride of a pool, of the first dimension."""
    given = arguments(node)
    return {"k": first(given["kernel_size"]), "s": first(given["stride"] or given["kernel_size"])}


def conv_attrs(node: Any) -> dict[str, Any]:
    """Attributes of a convolution; `kw` is set for kernels that are not square.

    `pad` and `d` are left out if they are a table's defaults, k // 2 and 1.
    """
    given = arguments(node)
    out, _, *kernel = raw_shape(given["weight"])
    k, d = max(kernel), first(given["dilation"])
    attrs = {"out": out, "k": k, "s": first(given["stride"]), "groups": given["groups"]}
    attrs["bias"] = given["bias"] is not None
    if d != 1:
        attrs["d"] = d
    if kernel != [k, k]:
        return attrs | {"kw": prod(kernel) // k}
    pad = _padding(given["padding"], d * (k - 1))
    return attrs if pad == d * (k // 2) else attrs | {"pad": pad}


def _padding(given: Any, reach: int) -> int:
    """Padding on each side; "same" is that of stride 1."""
    if isinstance(given, str):
        return (reach + 1) // 2 if given == "same" else 0
    return first(given)


def is_transposed(node: Any) -> bool:
    """Whether a call is a transposed convolution, by name or by its `transposed` flag."""
    return call_name(node).startswith("conv_transpose") or bool(arguments(node).get("transposed"))


def transposed_attrs(node: Any) -> dict[str, Any]:
    """Attributes of a transposed convolution as a linear layer from pixel to kernel."""
    given = arguments(node)
    _, out, *kernel = raw_shape(given["weight"])
    groups = given["groups"]
    return {"out": out * groups * prod(kernel), "groups": groups, "bias": False}


def factors(node: Any) -> tuple[Any, Any]:
    """The two operands of a matrix product."""
    a, b = node.args[1:3] if call_name(node) in ("addmm", "baddbmm") else node.args[:2]
    return a, b


def torch_macs(node: Any) -> int:
    """MACs of one call by PyTorch's counter, on tensors without values."""
    torch = require("train")

    def filled(argument: Any) -> Any:
        return torch.fx.map_arg(argument, lambda n: n.meta["val"])

    with torch.no_grad(), torch_counter() as counter:
        node.target(*filled(node.args), **filled(node.kwargs))
    return int(counter.get_total_flops()) // 2


@contextmanager
def torch_counter() -> Iterator[Any]:
    """PyTorch's FLOP counter, with attention as two products."""
    counter = require("train", "torch.utils.flop_counter").FlopCounterMode(display=False)
    attention = require("train", "torch.nn.attention")
    with attention.sdpa_kernel(attention.SDPBackend.MATH), counter:
        yield counter


def _recurrent_macs(node: Any) -> int:
    """MACs of a recurrent layer or cell: each step multiplies all matrices, without biases."""
    given = arguments(node)
    steps = prod(raw_shape(given.get("input", given.get("data")))[:-1])
    weights = given.get("params") or [given["w_ih"], given["w_hh"]]
    shapes = [raw_shape(weight) for weight in weights]
    return steps * sum(prod(shape) for shape in shapes if len(shape) == 2)


def _deformable_macs(node: Any) -> int:
    n, _, *size = raw_shape(node)
    return prod(raw_shape(arguments(node)["weight"])) * n * prod(size)


def _distance_macs(node: Any) -> int:
    return prod(raw_shape(node)) * raw_shape(node.args[0])[-1]


def _addbmm_macs(node: Any) -> int:
    a, b = node.args[1:3]
    return prod(raw_shape(a)) * raw_shape(b)[-1]


def _bilinear_macs(node: Any) -> int:
    """MACs of x1 W x2 for each output."""
    given = arguments(node)
    rows = prod(raw_shape(given["input1"])[:-1])
    out, one, other = raw_shape(given["weight"])
    return rows * out * other * (one + 1)


#: calls without a formula in PyTorch's counter
COUNTS: dict[str, Callable[[Any], int]] = {
    **dict.fromkeys(("lstm", "gru", "rnn_tanh", "rnn_relu"), _recurrent_macs),
    **dict.fromkeys(("lstm_cell", "gru_cell", "rnn_tanh_cell", "rnn_relu_cell"), _recurrent_macs),
    **dict.fromkeys(("cdist", "_cdist_forward"), _distance_macs),
    "deform_conv2d": _deformable_macs,
    "addbmm": _addbmm_macs,
    "bilinear": _bilinear_macs,
}
