"""Which ops the runtime makes part of the convolution before them, found by timing.

A chain of convolutions is timed with and without the op after each, beside the same convolutions
followed by as many additions, which no runtime fuses with a convolution that they do not follow.
An op that costs much less than an addition, although it reads and writes as much, moves no data of
its own: it is fused. One that computes enough to cost more than its traffic is a kernel either way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from nas.deploy.export import Deployed
from nas.devices.profile.part_timer import NETWORK_PACE, PartTimer
from nas.errors import ExportError
from nas.graph.graph import Graph, GraphBuilder, Value
from nas.graph.ops import ACTIVATIONS
from nas.modules.layers import assemble
from nas.space.arch import Arch

SHAPE = (32, 56, 56)
LENGTH = 6
FUSED = 0.35
"""Most that a fused op costs, as a share of an addition; an activation on its own moves 2/3."""

After = Callable[[GraphBuilder, Value, Value, str], Value]
"""Appends what follows a convolution: of the value before it and its output."""


def _act(fn: str) -> After:
    return lambda g, before, x, name: g.add("act", (x,), name, fn=fn)


def _add(g: GraphBuilder, before: Value, x: Value, name: str) -> Value:
    return g.add("add", (x, before), name)


def _scale(g: GraphBuilder, before: Value, x: Value, name: str) -> Value:
    return g.add("scale", (x,), name, size=x.c)


def _squeeze_excite(g: GraphBuilder, before: Value, x: Value, name: str) -> Value:
    y = g.add("global_pool", (x,), f"{name}_pool")
    for part, out, fn in (("reduce", x.c // 4, "relu"), ("expand", x.c, "hsigmoid")):
        y = g.add("conv", (y,), f"{name}_{part}", out=out, k=1, s=1, groups=1, bias=True)
        y = g.add("act", (y,), f"{name}_{fn}", fn=fn)
    return g.add("mul", (x, y), f"{name}_mul")


SQUEEZE_EXCITE = "squeeze-excite"
PROBES: Mapping[str, After] = {
    **{fn: _act(fn) for fn in ACTIVATIONS},
    "scale": _scale,
    "add": _add,
    SQUEEZE_EXCITE: _squeeze_excite,
}


def chain(after: After | None, *, last: After | None = None) -> Graph:
    """`LENGTH` convolutions, with `after` after each, or as often `last` after all of them."""
    g = GraphBuilder(SHAPE)
    before = x = g.input
    for i in range(LENGTH):
        before, x = x, g.add("conv", (x,), f"conv{i}", out=x.c, k=1, s=1, groups=1, bias=True)
        x = after(g, before, x, f"after{i}") if after else x
    if last:
        for i in range(LENGTH):
            before, x = x, last(g, before, x, f"last{i}")
    return g.graph()


def measure_fusion(bench: PartTimer) -> dict[str, float]:
    """What each op costs after a convolution, as a share of an addition on its own.

    An op that the format cannot write is left out.
    """
    graphs = {"": chain(None), "alone": chain(None, last=_add)}
    graphs |= {name: chain(after) for name, after in PROBES.items()}
    sessions = {}
    for name, graph in graphs.items():
        arch = Arch(name or "plain", "a chain of convolutions", SHAPE, ())
        try:
            sessions[name] = bench.load(Deployed(arch, graph, assemble(graph).eval()))
        except ExportError:
            if name in ("", "alone"):
                raise
    timings = bench.time_all(list(sessions.values()), NETWORK_PACE)
    ms = {name: timing.ms for name, timing in zip(sessions, timings, strict=True)}
    unit = max(ms["alone"] - ms[""], 1e-9)
    return {name: (ms[name] - ms[""]) / unit for name in PROBES if name in ms}


def fused(shares: Mapping[str, float]) -> list[str]:
    """The ops that the runtime fuses."""
    return [name for name, share in shares.items() if share < FUSED and name != SQUEEZE_EXCITE]
