"""The classes of a standalone file: one for each row, and for parts within rows.

A scope is a common prefix of op names: `row3_bneck`, `row3_bneck.se`. Each scope becomes a module,
so tensors keep their names. Scopes with the same code share a class.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import accumulate, pairwise
from keyword import iskeyword
from typing import NamedTuple

import torch

from nas.deploy.export.code import call_lines, layer_code, wrapped
from nas.graph.graph import Graph
from nas.modules.layers import LAYERS

MAX_CHAIN = 3
"""A sequence of at most this many layers needs no class of its own."""
CLASSES = {"Constant", "Gather", "Param", "Path", "Scale", "Sequence", "Tensor"}
VALUES = {"F", "nn", "self", "torch"}
"""Names with other meanings in the file."""


class Body(NamedTuple):
    """The code of a scope."""

    inputs: tuple[str, ...]
    outputs: int
    parts: tuple[tuple[str, str], ...]
    """Attributes and the expressions that create them."""
    forward: tuple[str, ...]

    @property
    def is_chain(self) -> bool:
        """Whether the scope only runs its parts one after another."""
        *calls, last = (f"self.{part}(x)" for part, _ in self.parts)
        return self.forward == (*(f"x = {call}" for call in calls), f"return {last}")


class ClassWriter:
    """Writes the classes of a graph, those of inner scopes first."""

    def __init__(self, graph: Graph, comments: Mapping[str, str]) -> None:
        self.ops, self.readers = graph.ops, graph.consumers()
        self.comments = comments
        """Attribute of the network -> comment above it."""
        self.runs = _runs(graph)
        with torch.device("meta"):
            layers = {op.name: LAYERS[op.kind](op) for op in graph.ops if op.kind in LAYERS}
        self.layers = [*layers]
        self.made = {name: layer_code(layer) for name, layer in layers.items()}
        """Layer or scope -> the expression that creates its module."""

    def write(self) -> list[str]:
        """The code of all classes; the last is the network."""
        scopes: dict[Body, list[str]] = defaultdict(list)
        names: dict[Body, str] = {}
        for path in self.runs:
            body = self._body(path)
            if path and body.is_chain and len(self._within(path)) <= MAX_CHAIN:
                layers = (f"{part}={made}" for part, made in body.parts)
                self.made[path] = f"chain({', '.join(layers)})"
                continue
            if body not in names:
                names[body] = _free(_class_name(path), {*names.values(), *CLASSES})
            scopes[body].append(path)
            self.made[path] = f"{names[body]}()"
        return [self._class(name, scopes[body], body) for body, name in names.items()]

    def _class(self, name: str, paths: list[str], body: Body) -> str:
        comments = self.comments if paths == [""] else {}
        tensors = "".join(f", {tensor}: Tensor" for tensor in body.inputs)
        result = f"tuple[{', '.join(['Tensor'] * body.outputs)}]" if body.outputs > 1 else "Tensor"
        lines = [f"class {name}(nn.Module):", f'    """{_where(paths)}."""', ""]
        lines += ["    def __init__(self) -> None:", "        super().__init__()"]
        for part, made in body.parts:
            lines += [f"        # {comments[part]}"] if part in comments else []
            lines += [wrapped(f"self.{part} = {made}", 8)]
        lines += ["", wrapped(f"def forward(self{tensors}) -> {result}:", 4)]
        return "\n".join([*lines, *(wrapped(line, 8) for line in body.forward), ""])

    def _within(self, path: str) -> list[str]:
        """Names of the layers in a scope, relative to it."""
        return [n.removeprefix(_start(path)) for n in self.layers if n.startswith(_start(path))]

    def _body(self, path: str) -> Body:
        """The code of a scope; its inner scopes are in `made`."""
        parts = dict.fromkeys(name.partition(".")[0] for name in self._within(path))
        run = self.runs[path]
        inputs, outputs = self._reads(run), self._writes(run)
        values = {index: f"x{n}" if n else "x" for n, index in enumerate(inputs)}
        arguments, forward = tuple(values.values()), list[str]()
        for name, step, is_module in self._steps(path):
            read = [values[index] for index in self._reads(step)]
            live = {name for index, name in values.items() if self._lives(index, step, run)}
            written = self._writes(step)
            for index in written:
                own = name if len(written) == 1 else self.ops[index].name.rpartition(".")[2]
                values[index] = _free(own.replace(".", "_"), {*live, *VALUES}) if live else "x"
                live.add(values[index])
            result = ", ".join(values[index] for index in written)
            if is_module:
                forward.append(f"{result} = self.{name}({', '.join(read)})")
            else:
                forward += call_lines(self.ops[step.start], read, result)
        results = ", ".join(values[index] for index in outputs)
        name, _, value = forward[-1].partition(" = ")
        if name == results:
            forward.pop()
        forward.append(f"return {value if name == results else results}")
        made = tuple((part, self.made[_start(path) + part]) for part in parts)
        return Body(arguments, len(outputs), made, tuple(forward))

    def _lives(self, index: int, step: range, run: range) -> bool:
        """Whether a value is read after a step of a run, or is a result of the run."""
        return index in self._writes(run) or any(
            step.stop <= reader < run.stop for reader in self.readers[index]
        )

    def _steps(self, path: str) -> Iterator[tuple[str, range, bool]]:
        """Steps of a scope's forward pass: name, ops, and whether a module is called."""
        at, stop = self.runs[path].start, self.runs[path].stop
        while at < stop:
            inside = (p for p, run in self.runs.items() if run.start == at and p != path)
            child = min((p for p in inside if p.startswith(_start(path))), key=len, default="")
            run = self.runs[child] if child else range(at, at + 1)
            is_module = bool(child) or self.ops[at].kind in LAYERS
            yield (child or self.ops[at].name).removeprefix(_start(path)), run, is_module
            at = run.stop

    def _reads(self, run: range) -> list[int]:
        """Values from outside the run, in the order in which they are first read."""
        read = (index for op in self.ops[run.start : run.stop] for index in op.inputs)
        return list(dict.fromkeys(index for index in read if index < run.start))

    def _writes(self, run: range) -> list[int]:
        """Values that are read outside the run; the last value if there are none."""
        end = len(self.ops) - 1
        read = [i for i in run if i == end or any(r >= run.stop for r in self.readers[i])]
        return read or [run.stop - 1]


def _runs(graph: Graph) -> dict[str, range]:
    """Scopes with layers, inner ones first, and the longest run of ops in each.

    Ops of a scope outside this run are called from the scope around it.
    """
    members: dict[str, list[int]] = {"": list(range(1, len(graph.ops)))}
    with_layers = {""}
    for index, op in enumerate(graph.ops):
        *scopes, _ = accumulate(op.name.split("."), "{}.{}".format)
        for path in scopes:
            members.setdefault(path, []).append(index)
        if op.kind in LAYERS:
            with_layers.update(scopes)
    ends = {path: (members[path][-1], -len(path)) for path in with_layers}
    return {path: _longest(members[path]) for path in sorted(ends, key=ends.__getitem__)}


def _longest(indices: list[int]) -> range:
    """The longest run without a gap; the first of several."""
    gaps = [k for k, (a, b) in enumerate(pairwise(indices), 1) if b != a + 1]
    start, stop = max(pairwise([0, *gaps, len(indices)]), key=lambda edge: edge[1] - edge[0])
    return range(indices[start], indices[stop - 1] + 1)


def _start(path: str) -> str:
    return f"{path}." if path else ""


def _free(name: str, taken: Collection[str]) -> str:
    """The name, with underscores appended until it is free."""
    while name in taken or iskeyword(name):
        name += "_"
    return name


def _class_name(path: str) -> str:
    """`row3_fused_mbconv` as `Row3FusedMbconv`, a part of it as `Row3Se`."""
    row, *parts = path.split(".")
    words = "_".join([row.partition("_")[0], parts[-1]]) if parts else row or "network"
    return "".join(word[:1].upper() + word[1:] for word in words.split("_"))


def _where(paths: Iterable[str]) -> str:
    """The rows that have a class: `Rows 3, 4, 5`."""
    rows = dict.fromkeys(match[1] for p in paths if (match := re.match(r"row(\d+)_", p)))
    return f"Row{'s' if len(rows) > 1 else ''} {', '.join(rows)}" if rows else "All rows"
