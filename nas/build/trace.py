"""Any torch module as a `Graph`, through `torch.export`: to be priced, not to be built again.

The module is traced on meta tensors, in eval mode, with a batch of one that the shapes leave out;
re-parameterise it first where it offers that. What depends on no input (position codes, masks) is a
constant, stored and not computed. A call that is not in `nas.build.aten` becomes an `opaque` op and
is listed, so a cost that cannot be known is never silently left out. A row is a top-level
submodule.
"""

from __future__ import annotations

import warnings
from copy import deepcopy
from math import prod
from typing import Any, NamedTuple

from nas.build.aten import ACTS, ALIASES, ATEN, CHANNELS, PARTS, SHAPES
from nas.extras import require
from nas.graph import Graph
from nas.ops import Op, Shape


class Row(NamedTuple):
    """What belongs to one top-level submodule."""

    name: str
    """Its path; empty for what stands outside of all."""
    params: int
    """Of the module itself: what a graph's ops count is what they read, tables expanded."""


class Trace(NamedTuple):
    """A graph, its rows, and what could not be mapped."""

    graph: Graph
    rows: tuple[Row, ...]
    unmapped: list[str]
    """Calls that have no op kind, with their row and shapes."""


def graph_of(module: Any, input_shape: Shape = (3, 224, 224)) -> tuple[Graph, list[str]]:
    """The graph of a torch module on one image, and the calls that have no op kind.

    Shapes: input_shape (C, H, W).
    """
    found = trace(module, input_shape)
    return found.graph, found.unmapped


def trace(module: Any, input_shape: Shape = (3, 224, 224)) -> Trace:
    """The graph of a torch module on one image, with the names of its rows."""
    torch = require("train")
    module = deepcopy(module).eval().to("meta")
    image = torch.zeros(1, *input_shape, device="meta")
    with torch.no_grad(), warnings.catch_warnings():
        # of tensors that an export would have to keep; nothing is kept
        warnings.simplefilter("ignore", UserWarning)
        program = torch.export.export(module, (image,))
    tracer = _Tracer(program, input_shape)
    for node in program.graph.nodes:
        tracer.take(node)
    graph = Graph(tuple(tracer.ops), input_shape[1])
    return Trace(graph, tuple(map(Row, tracer.rows, tracer.params)), tracer.unmapped)


class _Tracer:
    """Ops so far, and for each node of the exported program the op that made its value."""

    def __init__(self, program: Any, input_shape: Shape) -> None:
        signature = program.graph_signature
        self.images = set(signature.user_inputs)
        self.trained = set(signature.inputs_to_parameters)
        self.ops = [Op("input", "input", -1, (), (), tuple(input_shape), {"shape": input_shape})]
        self.index: dict[Any, int] = {}
        """Nodes that depend on the input; all others are weights and constants."""
        self.stored: dict[Any, int] = {}
        """Constants that are read as they are."""
        self.rows: dict[str, int] = {}
        self.params: list[int] = []
        """Of each row."""
        self.counted: set[Any] = set()
        """Trained tensors that are in `params`; one may be used twice."""
        self.unmapped: list[str] = []

    def take(self, node: Any) -> None:
        if node.op == "placeholder" and node.name in self.images:
            self.index[node] = 0
        sources = [source for source in node.all_input_nodes if source in self.index]
        if node.op != "call_function" or not sources or _value(node) is None:
            return
        call = _call(node)
        tuple_of_one_op = call == "getitem" and _call(sources[0]) not in PARTS
        idle = call in SHAPES and _shape(node) == _shape(sources[0])
        if call in ALIASES | PARTS or tuple_of_one_op or idle:
            self.index[node] = self.index[sources[0]]
        else:
            self._append(node, call, sources)

    def _append(self, node: Any, call: str, sources: list[Any]) -> None:
        others = [n for n in node.all_input_nodes if n not in self.index]
        constants = [n for n in others if _value(n) is not None]
        kind, attrs = self._kind(node, call, constants)
        row = self._row(node, kind, self.ops[self.index[sources[0]]])
        for leaf in self._leaves(constants) - self.counted:
            self.params[row] += prod(_raw(leaf))
            self.counted.add(leaf)
        if kind == "opaque":
            shapes = f"{[_shape(source) for source in sources]} -> {_shape(node)}"
            self.unmapped.append(f"row {row + 1}: {call} {shapes}")
        inputs = [self.index[source] for source in sources]
        in_shapes = [_shape(source) for source in sources]
        if call == "getitem":  # a part of a split reads as much as it writes
            in_shapes = [_shape(node)]
        elif kind in ("add", "mul", "concat", "attention", "matmul"):
            inputs += [self._constant(n, row) for n in constants]
            in_shapes += [_shape(n) for n in constants]
        shape = _shape(node)
        if kind in CHANNELS:
            shape, in_shapes[0] = _map(node), _map(sources[0])
        if kind == "matmul":  # its last dimension is the one that is summed over
            in_shapes[0] = (prod(in_shapes[0]) // attrs["over"], attrs["over"])
        if call.startswith("conv_transpose"):  # every input pixel times the whole kernel
            c, *size = _map(sources[0])
            in_shapes[0] = (prod(size), c // attrs["groups"])
        self.index[node] = len(self.ops)
        self.ops.append(Op(kind, node.name, row, tuple(inputs), tuple(in_shapes), shape, attrs))

    def _kind(self, node: Any, call: str, constants: list[Any]) -> tuple[str, dict[str, Any]]:
        """Op kind and attributes of one call."""
        if call in ACTS:
            return "act", {"fn": ACTS[call]}
        shape, kind = _shape(node), ATEN.get(call, "opaque")
        kind = call if kind == "same name" else kind
        if kind == "conv":
            return kind, _conv_attrs(node)
        if kind == "transposed":
            return "linear", _transposed_attrs(node)
        if kind == "linear" or (call in ("matmul", "mm") and _multiplies_weights(node, constants)):
            return "linear", {"out": shape[-1], "bias": len(constants) > 1}
        if kind == "matmul":
            over = _over(node)
            return "opaque" if over is None else kind, {"shape": shape, "over": over}
        if kind in ("add", "mul") and constants and self._per_channel(constants):
            return "scale", {"size": sum(prod(_shape(n)) for n in constants)}
        if kind in ("layer_norm", "group_norm") and not self._leaves(constants):
            return "normalize", {}
        if kind in ("avg_pool", "max_pool"):
            k = node.args[1]
            return kind, {"k": _first(k), "s": _first((node.args[2:3] or [k])[0] or k)}
        if kind == "global_pool" and shape[1:] not in ((1, 1), ()):
            kind = "resample"
        return kind, {"shape": shape}

    def _per_channel(self, constants: list[Any]) -> bool:
        """All are trained vectors, whatever sides of 1 they have."""
        shapes = [_shape(n) for n in constants]
        vectors = all(prod(shape) == max(shape, default=1) for shape in shapes)
        return vectors and all(self._leaves([n]) for n in constants)

    def _constant(self, node: Any, row: int) -> int:
        """The op that stores a constant, behind those of the trained tensors it is made of."""
        for leaf in [*sorted(self._leaves([node]), key=str), node]:
            if leaf not in self.stored:
                kind = "param" if leaf.name in self.trained else "constant"
                self.stored[leaf] = len(self.ops)
                attrs = {"shape": _shape(leaf), "fill": None}
                self.ops.append(Op(kind, leaf.name, row, (), (), _shape(leaf), attrs))
        return self.stored[node]

    def _leaves(self, nodes: list[Any]) -> set[Any]:
        """Trained tensors that constants are made of."""
        found = set()
        todo = list(nodes)
        while todo:
            node = todo.pop()
            if node.name in self.trained:
                found.add(node)
            todo += node.all_input_nodes
        return found

    def _row(self, node: Any, kind: str, source: Op) -> int:
        """Rows are numbered by first use; a list of stages counts its members.

        Norms and activations are of the row of the layer before them, whose kernel they join.
        """
        if kind in ("batch_norm", "act") and source.kind in ("conv", "linear", "batch_norm"):
            return source.row
        stack = [path for path, _ in node.meta.get("nn_module_stack", {}).values() if path]
        top = stack[-1].split(".")[:2] if stack else []
        name = ".".join(top if len(top) == 2 and top[1].isdigit() else top[:1])
        if name not in self.rows:
            self.rows[name] = len(self.rows)
            self.params.append(0)
        return self.rows[name]


def _call(node: Any) -> str:
    """Name of a node's call without overload and in-place underscore."""
    name = getattr(node.target, "__name__", str(node.target)).split(".")[0]
    return name if name.startswith("_") else name.rstrip("_")


def _value(node: Any) -> Any:
    """What a node yields; the first tensor of several; None where that is no tensor."""
    value = node.meta.get("val")
    if isinstance(value, list | tuple):
        value = next((item for item in value if hasattr(item, "shape")), None)
    return value if hasattr(value, "shape") else None


def _raw(node: Any) -> Shape:
    return tuple(int(size) for size in _value(node).shape)


def _shape(node: Any) -> Shape:
    """Shape of a node's value for one image; the batch is first, or has been moved behind it."""
    shape = _raw(node)
    if len(shape) > 1 and shape[0] == 1:
        return shape[1:]
    if len(shape) > 4 and 1 in shape[1:-2]:
        at = shape.index(1, 1)
        return shape[:at] + shape[at + 1 :]
    return shape


def _map(node: Any) -> Shape:
    """(C, H, W) of a value of any rank; windows folded into the batch count as height."""
    n, c, *sizes = _raw(node)
    return (c, n * prod(sizes[:-1]), sizes[-1]) if sizes else (c, n)


def _conv_attrs(node: Any) -> dict[str, Any]:
    """`kw` is the other side of a kernel that is no square (of all others, in three dimensions)."""
    out, _, *kernel = _raw(node.args[1])
    defaults: list[Any] = [None, None, None, [1], [0], [1], 1]
    args = [*node.args, *defaults[len(node.args) :]]
    k = max(kernel)
    attrs = {"out": out, "k": k, "s": _first(args[3]), "groups": args[6]}
    attrs["bias"] = args[2] is not None
    return attrs if kernel == [k, k] else attrs | {"kw": prod(kernel) // k}


def _transposed_attrs(node: Any) -> dict[str, Any]:
    _, out, *kernel = _raw(node.args[1])
    groups = node.args[6] if len(node.args) > 6 else 1
    return {"out": out * groups * prod(kernel), "groups": groups, "bias": False}


def _multiplies_weights(node: Any, constants: list[Any]) -> bool:
    """A product with one matrix that is the same for all images."""
    return node.args[1] in constants and len(_raw(node.args[1])) == 2


def _over(node: Any) -> int | None:
    """How many products each element of a matrix product sums; None where that is unclear."""
    if _call(node) != "einsum":
        return int(_raw(node.args[0])[-1])
    equation, operands = node.args[0].replace(" ", ""), node.args[1]
    read, _, written = equation.partition("->")
    letters = read.split(",")
    if "." in equation or not written or len(operands) != 2:
        return None
    sizes = dict(zip(letters[0], _raw(operands[0]), strict=True))
    return prod(int(size) for letter, size in sizes.items() if letter not in written)


def _first(value: Any) -> int:
    return int(value[0] if isinstance(value, list | tuple) else value)
