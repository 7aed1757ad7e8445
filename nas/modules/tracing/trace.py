"""Trace any torch module to a `Graph` through `torch.export`, to predict its cost.

The module is run once without values, in evaluation mode, with a batch of one that the shapes leave
out; re-parameterise it first where it offers that. What depends on no input (position codes, masks)
is a constant, stored and not computed. A call without a rule (`nas.modules.tracing.aten`) becomes
an `opaque` op and is listed, so a cost that cannot be known is never silently left out. A row is a
top-level submodule.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

from nas.graph.graph import Graph
from nas.graph.ops import Op, Shape
from nas.modules.tracing.aliases import Aliases
from nas.modules.tracing.aten import ALIAS, CREATED, OPAQUE, OPERANDS, PART, PRODUCT, SHAPES
from nas.modules.tracing.inputs import DEFAULT, Input
from nas.modules.tracing.multiply import MULTIPLY, multiplied, pool_attrs, shapes_of
from nas.modules.tracing.nodes import (
    call_name,
    image_shape,
    module_path,
    raw_shape,
    row_name,
    rule_of,
    tensors,
    value,
    written,
)
from nas.system.extras import require

if TYPE_CHECKING:
    from nas.modules.tracing.capture import Program


class SubmoduleRow(NamedTuple):
    """One top-level submodule."""

    name: str
    """Path of the submodule; empty for ops outside of all."""
    params: int
    """Parameters of the module; a graph's ops count what they read, with tables expanded."""


class CountCheck(NamedTuple):
    """Comparison of a trace with the module's parameters and PyTorch's MACs."""

    unread: tuple[str, ...] = ()
    """Parameters that the forward pass does not read (they are counted)."""
    torch_macs: int | None = None
    """MACs by PyTorch's counter on the same input; None if it cannot run the module."""
    by_rule: tuple[str, ...] = ()
    """Known reasons for different MACs, and by how much."""
    differences: tuple[str, ...] = ()
    """Differences without a known reason: the trace may be wrong."""


class Trace(NamedTuple):
    """A traced graph, its rows, unmapped calls, and the check of its counts."""

    graph: Graph
    rows: tuple[SubmoduleRow, ...]
    unmapped: tuple[str, ...]
    """Calls without an op kind, with row, shapes and reason."""
    check: CountCheck


def graph_of(module: Any, *input_shapes: Shape) -> tuple[Graph, list[str]]:
    """The graph of a torch module for one image, and its calls without an op kind.

    Shapes: each of input_shapes (C, H, W); one image of 3 x 224 x 224 if there are none.
    """
    *_, tracer = _traced(module, tuple(map(Input, input_shapes or (DEFAULT,))))
    return tracer.graph(), tracer.unmapped


def trace(module: Any, inputs: Sequence[Input] = (Input(DEFAULT),)) -> Trace:
    """Trace a torch module and check its counts."""
    require("train")
    from nas.modules.tracing.count_check import check_macs

    module, tensors, program, tracer = _traced(module, inputs)
    unread = tracer.count_unread(module)
    rows = tuple(map(SubmoduleRow, tracer.rows, tracer.params))
    check = check_macs(module, tensors, program, tracer.ops)
    counted, own = sum(row.params for row in rows), sum(p.numel() for p in module.parameters())
    lost = () if counted == own else (f"{counted:,} parameters, the module has {own:,}",)
    check = check._replace(unread=unread, differences=(*lost, *check.differences))
    return Trace(tracer.graph(), rows, tuple(tracer.unmapped), check)


def _traced(module: Any, inputs: Sequence[Input]) -> tuple[Any, tuple[Any, ...], Program, _Tracer]:
    """The module as it can be traced, its inputs, its calls, and their ops."""
    require("train")
    from nas.modules.tracing.capture import capture, ready

    module, tensors = ready(module, inputs)
    program = capture(module, tensors)
    tracer = _Tracer(program)
    for node in program.graph.nodes:
        tracer.take(node)
    return module, tensors, program, tracer


class _Tracer:
    """Turns the nodes of an exported program into ops, one after another."""

    def __init__(self, program: Program) -> None:
        self.images = program.images
        self.trained = program.trained
        self.ops: list[Op] = []
        self.index: dict[Any, int] = {}
        """Node -> its op, for nodes that depend on the input; others are weights and constants."""
        self.memory = Aliases(program.trained)
        self.stored: dict[Any, int] = {}
        """Constant -> the op that stores it."""
        self.rows: dict[str, int] = {}
        self.params: list[int] = []
        """Parameters of each row."""
        self.counted: set[int] = set()
        """Identities of parameters already counted in `params`."""
        self.read: set[int] = set()
        """Identities of parameters that a call reads."""
        self.unmapped: list[str] = []

    def take(self, node: Any) -> None:
        if node.op == "placeholder" and node.name in self.images:
            self._input(node)
        if node.op == "placeholder" and node.name in self.trained and node.users:
            self.read.add(id(self.trained[node.name]))
        if node.op == "output":  # a constant may be a result
            self._count(node, self._constants(node))
        if node.op != "call_function":
            return
        self.memory.take(node)
        sources = [source for source in tensors(node) if source in self.index]
        kind = rule_of(node).kind
        if not sources or value(node) is None or (kind == CREATED and not written(node)):
            return
        call = call_name(node)
        tuple_of_one_op = call == "getitem" and rule_of(sources[0]).kind != PART
        idle = call in SHAPES and image_shape(node) == image_shape(sources[0])
        if kind in (ALIAS, PART, CREATED) or tuple_of_one_op or idle:
            self.index[node] = self.index[sources[0]]
        else:
            self._append(node, sources)
        for shared in self.memory.changed(node):
            self.index[shared] = self.index[node]

    def graph(self) -> Graph:
        """The graph of all ops so far; its resolution is the first image's height."""
        shape = self.ops[0].shape
        return Graph(tuple(self.ops), shape[-2] if len(shape) > 1 else shape[0])

    def _input(self, node: Any) -> None:
        shape = raw_shape(node)[1:]
        self.index[node] = len(self.ops)
        name = f"input{len(self.ops) or ''}"
        self.ops.append(Op("input", name, -1, (), (), shape, {"shape": shape}))

    def _append(self, node: Any, sources: list[Any]) -> None:
        constants = self._constants(node)
        kind, attrs = self._kind(node, constants)
        row = self._row(node, kind, self.ops[self.index[sources[0]]])
        self._count(node, constants, row)
        if kind == OPAQUE:
            shapes = f"{[image_shape(source) for source in sources]} -> {image_shape(node)}"
            call = f"{call_name(node)} {shapes}: {rule_of(node).reason}"
            self.unmapped.append(f"row {row + 1}: {call}")
        operands = tensors(node) if kind in OPERANDS else sources
        inputs = [self.index[n] if n in self.index else self._constant(n, row) for n in operands]
        shape, in_shapes = shapes_of(node, kind, attrs, operands)
        self.index[node] = len(self.ops)
        self.ops.append(Op(kind, node.name, row, tuple(inputs), in_shapes, shape, attrs))

    def _kind(self, node: Any, constants: list[Any]) -> tuple[str, dict[str, Any]]:
        """Op kind and attributes of one call."""
        rule, shape = rule_of(node), image_shape(node)
        if rule.kind == "act":
            return "act", {"fn": rule.fn}
        if rule.kind in MULTIPLY:
            kind, attrs = multiplied(node, constants)
            if kind == PRODUCT:
                attrs["params"] = sum(prod(raw_shape(leaf)) for leaf in self._leaves(constants))
            return kind, attrs
        if rule.kind in ("add", "mul") and constants and self._per_channel(constants):
            return "scale", {"size": sum(prod(image_shape(n)) for n in constants)}
        if rule.kind in ("layer_norm", "group_norm") and not self._leaves(constants):
            return "normalize", {}
        if rule.kind in ("avg_pool", "max_pool"):
            return rule.kind, pool_attrs(node)
        if rule.kind == "global_pool" and shape[1:] not in ((1, 1), ()):
            return "resample", {"shape": shape}
        return rule.kind, {"shape": shape}

    def _per_channel(self, constants: list[Any]) -> bool:
        """Whether all are trained vectors, apart from sizes of 1."""
        shapes = [image_shape(n) for n in constants]
        vectors = all(prod(shape) == max(shape, default=1) for shape in shapes)
        return vectors and all(self._leaves([n]) for n in constants)

    def _constants(self, node: Any) -> list[Any]:
        return [n for n in tensors(node) if n not in self.index]

    def _constant(self, node: Any, row: int) -> int:
        """Add ops that store a constant and the trained tensors it is computed from."""
        for leaf in [*sorted(self._leaves([node]), key=str), node]:
            if leaf not in self.stored:
                kind = "param" if leaf.name in self.trained else "constant"
                self.stored[leaf] = len(self.ops)
                attrs = {"shape": image_shape(leaf), "fill": None}
                self.ops.append(Op(kind, leaf.name, row, (), (), image_shape(leaf), attrs))
        return self.stored[node]

    def _leaves(self, nodes: list[Any]) -> set[Any]:
        """Trained tensors that constants are computed from."""
        return self.memory.leaves(nodes, self.index)

    def _count(self, node: Any, constants: list[Any], row: int | None = None) -> None:
        """Count trained tensors, when first read, for this row or the node's own."""
        for leaf in self._leaves(constants):
            if (parameter := id(self.trained[leaf.name])) not in self.counted:
                row = self._row(node, node.op, self.ops[-1]) if row is None else row
                self.params[row] += prod(raw_shape(leaf))
                self.counted.add(parameter)

    def count_unread(self, module: Any) -> tuple[str, ...]:
        """Count parameters that no call reads for their rows; return their names."""
        unread = {n: p for n, p in module.named_parameters() if id(p) not in self.read}
        for name, parameter in unread.items():
            self.params[self._named(row_name(name.rpartition(".")[0]))] += parameter.numel()
        return tuple(unread)

    def _row(self, node: Any, kind: str, source: Op) -> int:
        """The row of a node; rows are numbered in the order of first use.

        Norms and activations belong to the row of the layer before them, as they join its kernel.
        """
        if kind in ("batch_norm", "act") and source.kind in ("conv", "linear", "batch_norm"):
            return source.row
        return self._named(row_name(module_path(node)))

    def _named(self, name: str) -> int:
        if name not in self.rows:
            self.rows[name] = len(self.rows)
            self.params.append(0)
        return self.rows[name]
