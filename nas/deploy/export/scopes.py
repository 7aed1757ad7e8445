"""The scopes of a graph as bodies of classes: which parts they make, and what `forward` does.

A scope is what op names have before a dot: `row3_bneck`, `row3_bneck.se`. Its `forward` is the
longest stretch of ops that belong to it; the others are called from around it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate, chain, count, islice, pairwise
from keyword import iskeyword

import torch

from nas.deploy.export.calls import Line, called, made_by
from nas.deploy.export.code import Call, Expr, Slot, slots, under
from nas.graph.graph import Graph
from nas.modules.layers import LAYERS

PASSING = ("x", "h")
"""Values that the next line reads and none after it."""
OTHERS = ("y", "z")
"""Further inputs."""
TAKEN = {*PASSING, *OTHERS, "self", "torch", "nn", "F"}

Step = tuple[str, range, bool]
"""Of a forward: its own name, its ops, and whether it is a module that is called."""


@dataclass(frozen=True, slots=True)
class Body:
    """What a class is made of. Two are equal that differ in numbers alone."""

    base: str
    """Its name, as far as it has one already."""
    inputs: tuple[str, ...]
    outputs: int
    parts: tuple[Line, ...]
    """Attributes, and the calls that make them."""
    forward: tuple[Line, ...]
    """Names, or "return", and their values."""
    steps: tuple[str, ...]
    """What `forward` does, by the ops' own names."""

    def slots(self) -> list[Slot]:
        """Those of the parts, then those of `forward`."""
        return [slot for _, expr in (*self.parts, *self.forward) for slot in slots(expr)]

    def part_slots(self) -> Iterator[Slot]:
        """Those of the parts alone."""
        return (slot for _, expr in self.parts for slot in slots(expr))

    def is_chain(self) -> bool:
        """Its parts run one after the other, and that is all."""
        steps = [("x", Call(f"self.{name}", (("", "x"),))) for name, _ in self.parts]
        chained = (*steps[:-1], *(("return", call) for _, call in steps[-1:]))
        return self.inputs == ("x",) and self.forward == chained


class Reader:
    """Reads scopes of a graph as bodies, those inside before those around them."""

    def __init__(self, graph: Graph) -> None:
        self.ops = graph.ops
        self.runs = _runs(graph)
        self.readers = graph.consumers()
        with torch.device("meta"):
            layers = {op.name: LAYERS[op.kind](op) for op in graph.ops if op.kind in LAYERS}
        self.made = {name: made_by(layer) for name, layer in layers.items()}
        """The call that makes a layer, or the module of a scope."""
        self.names = tuple(layers)
        self.starts: dict[int, list[str]] = defaultdict(list)
        for path in sorted(self.runs, key=len):
            self.starts[self.runs[path].start].append(path)

    def height(self, path: str) -> int:
        """Levels of scopes inside."""
        inside = (name.removeprefix(_within(path)).count(".") for name in self._layers(path))
        return max(inside, default=0)

    def layers_under(self, path: str) -> int:
        """How many layers there are in a scope, however deep."""
        return len(self._layers(path))

    def _layers(self, path: str) -> list[str]:
        return [name for name in self.names if name.startswith(_within(path))]

    def body(self, path: str) -> Body:
        """What the scope's class does; its parts must be made."""
        run = self.runs[path]
        inputs, outputs = self._reads(run), self._writes(run)
        arguments = _inputs(len(inputs)) if path else ("image",)
        steps = list(self._steps(path))
        forward = self._forward(steps, dict(zip(inputs, arguments, strict=True)), outputs)
        base = camel(re.sub(r"^row\d+_|\d+$", "", path.rpartition(".")[2])) if path else "Network"
        names = tuple(name.partition(".")[0] for name, _, _ in steps)
        return Body(base, arguments, len(outputs), self._parts(path), tuple(forward), names)

    def _parts(self, path: str) -> tuple[Line, ...]:
        within, parts = _within(path), {}
        for name in self._layers(path):
            part = name.removeprefix(within).partition(".")[0]
            if part not in parts:
                parts[part] = under(part, self.made[within + part])
        return tuple(parts.items())

    def _steps(self, path: str) -> Iterator[Step]:
        """All that is done in a scope."""
        within, (i, stop) = _within(path), (self.runs[path].start, self.runs[path].stop)
        while i < stop:
            inside = (p for p in self.starts[i] if p != path and p.startswith(within))
            child = next(inside, "")
            run = self.runs[child] if child else range(i, i + 1)
            name = (child or self.ops[i].name).removeprefix(within)
            yield name, run, bool(child) or self.ops[i].kind in LAYERS
            i = run.stop

    def _forward(self, steps: list[Step], names: dict[int, str], outputs: list[int]) -> list[Line]:
        """One line or more for each step; `names` are those of the inputs."""
        last = dict.fromkeys(outputs, len(steps))
        for number, (_, run, _) in reversed([*enumerate(steps)]):
            last = dict.fromkeys(self._reads(run), number) | last
        lines: list[Line] = []
        for number, (name, run, is_module) in enumerate(steps):
            args = [names[index] for index in self._reads(run)]
            own = identifier(name, names.values())
            value: Expr = Call(f"self.{name}", tuple(("", arg) for arg in args))
            if not is_module:
                *before, (_, value) = called(self.ops[run.start], args, own)
                lines += before
            results = self._writes(run)
            if number == len(steps) - 1 and results == outputs:
                return [*lines, ("return", value)]
            live = {names[index] for index in names if last.get(index, -1) > number}
            free = [passing for passing in PASSING if passing not in live]
            follows = last.get(results[0]) == number + 1 < len(steps)
            if len(results) > 1:
                for index in results:
                    part = self.ops[index].name.rpartition(".")[2]
                    names[index] = identifier(f"{name}.{part}", names.values())
            elif follows and free and len(self._reads(steps[number + 1][1])) <= len(PASSING):
                names[results[0]] = free[0]
            else:
                names[results[0]] = own
            lines.append((", ".join(names[index] for index in results), value))
        return [*lines, ("return", ", ".join(names[index] for index in outputs))]

    def _reads(self, run: range) -> list[int]:
        """Values from outside, in the order in which they are first read."""
        read = (index for op in self.ops[run.start : run.stop] for index in op.inputs)
        return list(dict.fromkeys(index for index in read if index < run.start))

    def _writes(self, run: range) -> list[int]:
        """Values that are read outside; the last one if there is none."""
        end = len(self.ops) - 1
        read = [i for i in run if i == end or any(r >= run.stop for r in self.readers[i])]
        return read or [run.stop - 1]


def _runs(graph: Graph) -> dict[str, range]:
    """Scopes with layers, and the longest stretch of ops in each."""
    members: dict[str, list[int]] = {"": list(range(1, len(graph.ops)))}
    with_layers = {""}
    for index, op in enumerate(graph.ops):
        *scopes, _ = accumulate(op.name.split("."), "{}.{}".format)
        for path in scopes:
            members.setdefault(path, []).append(index)
        if op.kind in LAYERS:
            with_layers.update(scopes)
    return {path: _longest(at) for path, at in members.items() if path in with_layers}


def _longest(indices: list[int]) -> range:
    """The longest stretch without a gap; the first of several."""
    gaps = [k for k, (a, b) in enumerate(pairwise(indices), 1) if b != a + 1]
    edges = [0, *gaps, len(indices)]
    start, stop = max(pairwise(edges), key=lambda edge: edge[1] - edge[0])
    return range(indices[start], indices[stop - 1] + 1)


def identifier(name: str, taken: Iterable[str]) -> str:
    """A dotted name as one that is free."""
    name = name.replace(".", "_")
    taken = {*TAKEN, *taken}
    others = (f"{name}_{number}" for number in count(2))
    return next(n for n in chain((name,), others) if n not in taken and not iskeyword(n))


def _inputs(n: int) -> tuple[str, ...]:
    return tuple(islice(chain((PASSING[0], *OTHERS), (f"x{i}" for i in count(4))), n))


def _within(path: str) -> str:
    return f"{path}." if path else ""


def camel(name: str) -> str:
    """`fused_mbconv` as the name of a class."""
    return "".join(word[:1].upper() + word[1:] for word in name.split("_"))
