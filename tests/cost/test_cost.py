"""Parameters, multiply-adds and peak memory as folds over ops."""

from __future__ import annotations

from math import prod

from hypothesis import given
from hypothesis import strategies as st

from nas.blocks.mobilenet import Bneck
from nas.graph.cost import macs, params, peak_activation_elements
from nas.graph.graph import Graph, GraphBuilder
from nas.graph.ops import op_macs, op_params
from nas.space.arch import Arch, lower


def test_costs_add_up_over_rows(representative: Arch) -> None:
    rows = [
        [op for op in representative.graph.ops if op.row == row]
        for row in range(len(representative.rows))
    ]
    assert representative.params == sum(op_params(op) for ops in rows for op in ops)
    assert representative.macs == sum(op_macs(op) for ops in rows for op in ops)


@given(
    exp=st.integers(1, 64), out=st.integers(1, 64), c=st.integers(1, 32), k=st.sampled_from([3, 5])
)
def test_wider_never_costs_less(exp: int, out: int, c: int, k: int) -> None:
    def cost(exp: int, out: int) -> tuple[int, int]:
        graph, _ = lower([Bneck(out, exp, k, se=0.25)], (c, 8, 8))
        return params(graph), macs(graph)

    if exp != c:  # an expansion to the input's own width is left out
        assert cost(exp + c + 1, out) > cost(exp, out)
    assert cost(exp, out + 1) > cost(exp, out)


def test_peak_memory_of_a_chain_is_its_largest_pair() -> None:
    g = GraphBuilder((2, 4, 4))  # 32 elements
    h = g.conv(g.input, 8, norm=False, name="a")  # 128
    h = g.conv(h, 4, s=2, norm=False, name="b")  # 16
    assert peak_activation_elements(g.graph()) == 128 + 32


def test_peak_memory_keeps_what_a_residual_waits_for() -> None:
    g = GraphBuilder((2, 4, 4))
    h = g.conv(g.input, 8, norm=False, name="a")
    h = g.conv(h, 2, norm=False, name="b")
    g.residual(g.input, h)
    assert peak_activation_elements(g.graph()) == 32 + 128 + 32


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Concatenations of random earlier values; the last op reads all that nothing has read."""
    g = GraphBuilder((1, 1, 1))
    values = [g.input]
    for index in range(draw(st.integers(0, 8))):
        parts = draw(st.lists(st.sampled_from(values), min_size=1, max_size=3))
        values.append(g.add("concat", tuple(parts), f"op{index}"))
    unread = [values[i] for i, readers in enumerate(g.graph().consumers()) if not readers]
    g.add("concat", tuple(unread), "last")
    return g.graph()


@given(graph=graphs())
def test_peak_memory_is_that_of_brute_force(graph: Graph) -> None:
    ops = graph.ops

    def alive(value: int, step: int) -> bool:
        needed = value == step or any(value in op.inputs for op in ops[step:])
        return value <= step and needed

    peaks = [
        sum(prod(ops[value].shape) for value in range(len(ops)) if alive(value, step))
        for step in range(len(ops))
    ]
    assert peak_activation_elements(graph) == max(peaks)
