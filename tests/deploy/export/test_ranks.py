"""Ranks: what Core ML cannot hold becomes the same movement in fewer dimensions."""

from __future__ import annotations

from itertools import permutations
from math import prod

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nas.deploy.export.ranks import _moves, within_rank
from nas.errors import ExportError
from nas.graph.graph import Graph, GraphBuilder
from nas.graph.ops import MAX_RANK
from nas.library import load_arch
from nas.modules.layers import assemble
from nas.space.arch import Arch


def shuffle(shape: tuple[int, ...], dims: tuple[int, ...]) -> Graph:
    """Split a vector, permute the parts, join them."""
    g = GraphBuilder((prod(shape),), resolution=1)
    x = g.add("reshape", (g.input,), "split", shape=shape)
    x = g.add("permute", (x,), "move", dims=dims)
    g.add("reshape", (x,), "join", shape=(prod(shape),))
    return g.graph()


def heads(lead: tuple[int, ...], n: int, heads: int, dim: int) -> Graph:
    """Attention of one layer, without the linear layers."""
    nd = len(lead)
    g = GraphBuilder((*lead, n, 3 * heads * dim), resolution=1)
    x = g.add("reshape", (g.input,), "heads", shape=(*lead, n, 3, heads, dim))
    x = g.add("permute", (x,), "to_heads", dims=(nd + 1, *range(nd), nd + 2, nd, nd + 3))
    q, k, v = (g.add("select", (x,), part, index=i) for i, part in enumerate("qkv"))
    g.add("add", (g.add("mul", (q, k), "qk"), v), "sum")
    return g.graph()


def same(graph: Graph) -> None:
    rewritten = within_rank(graph)
    assert max(len(shape) for op in rewritten.ops for shape in (op.shape, *op.in_shapes)) <= 4
    batch = torch.arange(2 * prod(graph.ops[0].shape)).reshape(2, *graph.ops[0].shape)
    assert torch.equal(assemble(rewritten)(batch), assemble(graph)(batch))


@given(
    st.lists(st.integers(1, 4), min_size=5, max_size=6).flatmap(
        lambda sizes: st.tuples(st.just(tuple(sizes)), st.permutations(range(len(sizes)))).map(
            lambda pair: (pair[0], tuple(pair[1]))
        )
    )
)
def test_every_permutation_is_the_same_movement(
    case: tuple[tuple[int, ...], tuple[int, ...]],
) -> None:
    same(shuffle(*case))


@given(st.integers(1, 4), st.integers(1, 5), st.integers(1, 4), st.integers(1, 4))
def test_attention_heads_of_windows_are_the_same(w: int, n: int, h: int, dim: int) -> None:
    same(heads((w,), n, h, dim))


def test_several_permutations_between_two_reshapes_are_the_same() -> None:
    g = GraphBuilder((2 * 3 * 2 * 5 * 2,), resolution=1)
    x = g.add("reshape", (g.input,), "split", shape=(2, 3, 2, 5, 2))
    x = g.add("permute", (x,), "first", dims=(2, 4, 1, 3, 0))
    x = g.add("reshape", (x,), "again", shape=(2, 2, 15, 1, 2))
    x = g.add("permute", (x,), "second", dims=(4, 3, 1, 2, 0))
    g.add("reshape", (x,), "join", shape=(10, 12))
    same(g.graph())


def test_every_family_comes_out_within_the_rank(representative: Arch) -> None:
    graph = representative.fused
    rewritten = within_rank(graph)
    assert all(len(op.shape) <= MAX_RANK for op in rewritten.ops)
    assert len({op.name for op in rewritten.ops}) == len(rewritten.ops)
    kept = [op for op in graph.ops if op.kind not in ("reshape", "permute", "select")]
    moving = ("reshape", "permute", "select")
    assert [op.name for op in rewritten.ops if op.kind not in moving] == [op.name for op in kept]
    if all(len(op.shape) <= MAX_RANK for op in graph.ops):
        assert rewritten is graph


def test_unfolding_and_folding_take_two_transposes_each() -> None:
    for dims in ((2, 4, 1, 3, 0), (4, 2, 0, 3, 1)):  # MobileViT's
        moved = within_rank(shuffle((2, 3, 5, 7, 11), dims))
        assert sum(op.kind == "permute" for op in moved.ops) == 2


def test_windows_take_one_transpose() -> None:
    moved = within_rank(shuffle((2, 3, 5, 7, 11), (0, 2, 1, 3, 4)))
    assert sum(op.kind == "permute" for op in moved.ops) == 1


def test_two_moves_reach_every_order_of_five_blocks() -> None:
    assert max(len(_moves(order)) for order in permutations(range(5))) == 2


def test_what_computes_on_a_high_rank_is_refused_with_its_row() -> None:
    g = GraphBuilder((32,), resolution=1)
    g.row = 3
    x = g.add("reshape", (g.input,), "split", shape=(2, 2, 2, 2, 2))
    g.act(x, "relu")
    with pytest.raises(ExportError, match=r"row 4, act: act has 5 dimensions"):
        within_rank(g.graph())


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mobilevit-xxs", "swin-t"])
def test_a_network_computes_the_same(name: str) -> None:
    graph = load_arch(name).fused
    module, rewritten = assemble(graph).eval(), assemble(within_rank(graph)).eval()
    rewritten.load_state_dict(module.state_dict())
    image = torch.rand(1, *graph.ops[0].shape)
    with torch.no_grad():  # products of other strides add up in another order
        assert torch.allclose(rewritten(image), module(image), atol=1e-6)
