"""Any torch module as a `Graph`, through `torch.export`: to be priced, not to be built again.

The module is traced on meta tensors, in eval mode, with a batch of one that the shapes leave out;
re-parameterise it first where it offers that. What depends on no input (position codes, masks) is a
constant and no op. A call that the table below lacks becomes an `opaque` op and is listed, so a
cost that cannot be known is never silently left out. A row is a top-level submodule.
"""

from __future__ import annotations

from copy import deepcopy
from math import prod
from typing import Any

from nas.extras import require
from nas.graph import Graph
from nas.ops import Op, Shape

#: aten call (overload and in-place underscore left out) -> op kind
ATEN: dict[str, str] = {
    **dict.fromkeys(("conv1d", "conv2d"), "conv"),
    **dict.fromkeys(("linear", "matmul", "batch_norm", "layer_norm", "group_norm"), "same name"),
    "scaled_dot_product_attention": "attention",
    **dict.fromkeys(("add", "sub"), "add"),
    **dict.fromkeys(("mul", "div", "pow"), "mul"),
    **dict.fromkeys(("cat", "stack"), "concat"),
    **dict.fromkeys(
        ("reshape", "view", "flatten", "unflatten", "unsqueeze", "squeeze", "expand", "expand_as"),
        "reshape",
    ),
    **dict.fromkeys(("permute", "transpose", "roll", "pixel_shuffle"), "permute"),
    **dict.fromkeys(("select", "slice", "getitem", "pad", "constant_pad_nd"), "resample"),
    **dict.fromkeys(("sum", "linalg_vector_norm", "amax", "upsample_bilinear2d"), "resample"),
    **dict.fromkeys(("upsample_nearest2d", "upsample_bicubic2d"), "resample"),
    **dict.fromkeys(("adaptive_avg_pool2d", "mean"), "global_pool"),
    **dict.fromkeys(("avg_pool1d", "avg_pool2d"), "avg_pool"),
    "max_pool2d": "max_pool",
}

#: aten call -> activation
ACTS: dict[str, str] = {
    "hardswish": "hswish",
    "hardsigmoid": "hsigmoid",
    "hardtanh": "relu6",
    **{name: name for name in ("relu", "silu", "gelu", "sigmoid", "softmax", "tanh", "exp")},
    **{name: name for name in ("leaky_relu", "elu", "clamp", "clamp_min", "mish", "_softmax")},
}

#: calls that cost nothing: the value is their first input, or a tuple of its parts
ALIASES = frozenset({"dropout", "alias", "contiguous", "clone", "to", "detach", "feature_dropout"})
PARTS = frozenset({"split", "split_with_sizes", "chunk", "unbind"})


def graph_of(module: Any, input_shape: Shape = (3, 224, 224)) -> tuple[Graph, list[str]]:
    """The graph of a torch module on one image, and the calls that have no op kind.

    Shapes: input_shape (C, H, W).
    """
    torch = require("train")
    module = deepcopy(module).eval().to("meta")
    image = torch.zeros(1, *input_shape, device="meta")
    with torch.no_grad():
        program = torch.export.export(module, (image,))
    tracer = _Tracer(program, input_shape)
    for node in program.graph.nodes:
        tracer.take(node)
    return Graph(tuple(tracer.ops), input_shape[1]), tracer.unmapped


class _Tracer:
    """Ops so far, and for each node of the exported program the op that made its value."""

    def __init__(self, program: Any, input_shape: Shape) -> None:
        self.images = set(program.graph_signature.user_inputs)
        self.ops = [Op("input", "input", -1, (), (), tuple(input_shape), {"shape": input_shape})]
        self.index: dict[Any, int] = {}
        """Nodes that depend on the input; all others are weights and constants."""
        self.rows: dict[str, int] = {}
        self.unmapped: list[str] = []

    def take(self, node: Any) -> None:
        if node.op == "placeholder" and node.name in self.images:
            self.index[node] = 0
        sources = [source for source in node.all_input_nodes if source in self.index]
        if node.op != "call_function" or not sources:
            return
        call = getattr(node.target, "__name__", str(node.target)).split(".")[0]
        call = call if call.startswith("_") else call.rstrip("_")
        if call in ALIASES | PARTS:
            self.index[node] = self.index[sources[0]]
        elif "val" in node.meta and hasattr(node.meta["val"], "shape"):
            self._append(node, call, sources)

    def _append(self, node: Any, call: str, sources: list[Any]) -> None:
        shape = _shape(node)
        weights = [n for n in node.all_input_nodes if n not in self.index]
        kind, attrs = _kind(node, call, shape, weights)
        if kind == "opaque":
            self.unmapped.append(f"{call} {[_shape(source) for source in sources]} -> {shape}")
        inputs = tuple(self.index[source] for source in sources)
        # a part of a split reads as much as it writes
        in_shapes = (shape,) if call == "getitem" else tuple(_shape(source) for source in sources)
        op = Op(kind, node.name, self._row(node), inputs, in_shapes, shape, attrs)
        self.index[node] = len(self.ops)
        self.ops.append(op)

    def _row(self, node: Any) -> int:
        """Rows are numbered by first use; a list of stages counts its members."""
        stack = [path for path, _ in node.meta.get("nn_module_stack", {}).values() if path]
        top = stack[-1].split(".")[:2] if stack else []
        key = ".".join(top if len(top) == 2 and top[1].isdigit() else top[:1])
        return self.rows.setdefault(key, len(self.rows))


def _shape(node: Any) -> Shape:
    """Shape of a node's value for one image."""
    shape = tuple(int(size) for size in node.meta["val"].shape)
    return shape[1:] if len(shape) > 1 and shape[0] == 1 else shape


def _kind(node: Any, call: str, shape: Shape, weights: list[Any]) -> tuple[str, dict[str, Any]]:
    """Op kind and attributes of one call."""
    if call in ACTS:
        return "act", {"fn": ACTS[call].lstrip("_")}
    kind = ATEN.get(call, "opaque")
    kind = call if kind == "same name" else kind
    if kind == "conv":
        return kind, _conv_attrs(node)
    if kind == "linear":
        return kind, {"out": shape[-1], "bias": len(weights) > 1}
    if kind in ("add", "mul", "matmul") and weights:
        size = sum(prod(weight.meta["val"].shape) for weight in weights)
        return ("scale", {"size": size}) if kind != "matmul" else (kind, {"shape": shape})
    if kind in ("avg_pool", "max_pool"):
        k, s = (node.args[i] if len(node.args) > i else node.args[1] for i in (1, 2))
        return kind, {"k": _first(k), "s": _first(s)}
    if kind == "global_pool" and shape[1:] not in ((1, 1), ()):
        kind = "resample"
    return kind, {"shape": shape}


def _conv_attrs(node: Any) -> dict[str, Any]:
    out, _, *kernel = (int(size) for size in node.args[1].meta["val"].shape)
    defaults: list[Any] = [None, None, None, [1], [0], [1], 1]
    args = [*node.args, *defaults[len(node.args) :]]
    attrs = {"out": out, "k": kernel[0], "s": _first(args[3]), "groups": args[6]}
    attrs["bias"] = args[2] is not None
    return attrs if kernel[0] == kernel[-1] else attrs | {"kw": kernel[-1]}


def _first(value: Any) -> int:
    return int(value[0] if isinstance(value, list | tuple) else value)
