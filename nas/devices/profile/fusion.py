"""Finds by timing which ops a runtime fuses into the convolution before them.

It times a chain of convolutions with and without the op after each one, and the same convolutions
followed by as many additions. No runtime fuses an addition into a convolution that it does not
follow. An op that costs much less than such an addition, although it reads and writes as much,
moves no data and is therefore fused. An op that computes a lot is a kernel in either case.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from nas.deploy.export import Deployed
from nas.devices.profile.part_timer import NETWORK_PACE, PartTimer
from nas.errors import ExportError
from nas.graph.graph import Graph, GraphBuilder, Value
from nas.graph.ops import ACTIVATIONS
from nas.modules.layers import assemble
from nas.space.arch import Arch
from nas.system.progress import OnProgress, ignore, part_of

SHAPE = (32, 56, 56)
LENGTH = 6
FUSED = 0.35
"""Highest cost of a fused op as a share of an addition; a separate activation moves 2/3."""

EXPORTS = 0.7
"""Share of the time that the exports take; the timings take the rest."""

After = Callable[[GraphBuilder, Value, Value, str], Value]
"""Appends ops to a convolution, given its input and its output."""


def _act(fn: str) -> After:
    return lambda g, before, x, name: g.add("act", (x,), name, fn=fn)


def _add(g: GraphBuilder, before: Value, x: Value, name: str) -> Value:
    return g.add("add", (x, before), name)


def _scale(g: GraphBuilder, before: Value, x: Value, name: str) -> Value:
    return g.layer_scale(x, name=name)


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
    """Return `LENGTH` convolutions with `after` after each, or `LENGTH` times `last` at the end."""
    g = GraphBuilder(SHAPE)
    before = x = g.input
    for i in range(LENGTH):
        before, x = x, g.add("conv", (x,), f"conv{i}", out=x.c, k=1, s=1, groups=1, bias=True)
        x = after(g, before, x, f"after{i}") if after else x
    if last:
        for i in range(LENGTH):
            before, x = x, last(g, before, x, f"last{i}")
    return g.graph()


def measure_fusion(bench: PartTimer, on_progress: OnProgress = ignore) -> dict[str, float]:
    """Measure each op's cost after a convolution, as a share of a separate addition.

    Ops that cannot be exported are left out.
    """
    graphs = {"": chain(None), "alone": chain(None, last=_add)}
    graphs |= {name: chain(after) for name, after in PROBES.items()}
    sessions = {}
    for number, (name, graph) in enumerate(graphs.items()):
        on_progress(
            f"converting chains of convolutions, {number} of {len(graphs)}",
            EXPORTS * number / len(graphs),
        )
        arch = Arch(name or "plain", "a chain of convolutions", SHAPE, ())
        try:
            sessions[name] = bench.load(Deployed(arch, graph, assemble(graph).eval()))
        except ExportError:
            if name in ("", "alone"):
                raise
    timing = part_of(on_progress, EXPORTS, 1.0)
    timings = bench.time_all(
        list(sessions.values()), NETWORK_PACE, partial(timing, "timing which ops are fused")
    )
    ms = {name: timing.ms for name, timing in zip(sessions, timings, strict=True)}
    unit = max(ms["alone"] - ms[""], 1e-9)
    return {name: (ms[name] - ms[""]) / unit for name in PROBES if name in ms}


def fused(shares: Mapping[str, float]) -> list[str]:
    """Return the ops that the runtime fuses."""
    return [name for name, share in shares.items() if share < FUSED and name != SQUEEZE_EXCITE]
