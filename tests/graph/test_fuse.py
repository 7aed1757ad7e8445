"""Fusing: what is merged, and what must not be.

That the result computes the same is held against references in `tests/modules/test_parity.py`.
"""

from __future__ import annotations

import pytest

from nas.blocks.fastvit import ConditionalPosition, FastViTDown, RepMixer
from nas.blocks.ghostnetv2 import GhostNetV2
from nas.blocks.ghostnetv3 import GhostNetV3
from nas.blocks.mobileone import MobileOne
from nas.blocks.repvit import RepViT
from nas.graph.cost import macs, params
from nas.graph.fuse import fuse
from nas.graph.graph import Graph, GraphBuilder, Value
from nas.library import load_arch
from nas.space.arch import Arch, lower


def kinds(graph: Graph) -> list[str]:
    return [op.kind for op in graph.ops[1:]]


def test_no_batch_norm_is_left_in_a_fused_seed_except_before_attention(
    representative: Arch,
) -> None:
    """FastViT's is read by tokens, MobileNetV4's by several layers."""
    fused, readers = representative.fused, representative.fused.consumers()
    for op, own in zip(fused.ops, readers, strict=True):
        if op.kind == "batch_norm":
            assert len(own) > 1 or "reshape" in {fused.ops[i].kind for i in own}


BRANCHED = (
    *("efficientformerv2", "fastvit", "ghostnetv3", "iformer", "mobilenetv4-hybrid", "mobileone"),
    *("repghost", "repvit", "shvit", "swiftformer"),
)
"""Families with convolutions or layer scales that merge."""


def test_all_other_ops_of_a_network_without_branches_stay(representative: Arch) -> None:
    if not representative.name.startswith(BRANCHED):
        kept = [op.name for op in representative.graph.ops if op.kind != "batch_norm"]
        assert [op.name for op in representative.fused.ops] == kept
        assert macs(representative.fused) == representative.macs


def test_fusing_twice_changes_nothing(representative: Arch) -> None:
    assert fuse(representative.fused) == representative.fused


@pytest.mark.parametrize("k", [1, 3, 5])
def test_token_mixer_becomes_one_depthwise_convolution(k: int) -> None:
    graph = fuse(lower([RepViT(out=24, exp=48, k=k)], (24, 8, 8))[0])
    assert kinds(graph) == ["conv", "conv", "act", "conv", "add"]
    mixer = graph.ops[1]
    assert mixer.inputs == (0,)
    assert mixer.attrs == {"out": 24, "k": k, "s": 1, "groups": 24, "bias": True}
    assert params(graph) == 24 * (k * k + 1) + 2 * 24 * 48 + 48 + 24


@pytest.mark.parametrize(("k", "out", "s"), [(3, 24, 1), (3, 24, 2), (1, 48, 1)])
def test_over_parameterised_branches_become_two_convolutions(k: int, out: int, s: int) -> None:
    row = MobileOne(out=out, k=k, branches=3, s=s)
    graph = fuse(lower([row], (24, 8, 8))[0])
    assert kinds(graph) == ["conv", "act", "conv", "act"]
    assert params(graph) == 24 * (k * k + 1) + (24 + 1) * out


@pytest.mark.parametrize("s", [1, 2])
def test_ghostnetv3_becomes_ghostnetv2(s: int) -> None:
    found, expected = (
        fuse(lower([row(out=24, exp=72, k=5, se=0.25, s=s)], (24, 8, 8))[0])
        for row in (GhostNetV3, GhostNetV2)
    )
    assert kinds(found) == kinds(expected)
    assert [op.attrs for op in found.ops] == [op.attrs for op in expected.ops]


@pytest.mark.parametrize("k", [1, 3, 5])
def test_repmixer_and_its_skip_connection_become_one_depthwise_convolution(k: int) -> None:
    graph = fuse(lower([RepMixer(out=24, exp=48, k=k)], (24, 8, 8))[0])
    assert kinds(graph) == ["conv", "conv", "conv", "act", "conv", "add"]
    mixer = graph.ops[1]
    assert mixer.inputs == (0,)
    assert mixer.attrs == {"out": 24, "k": k, "s": 1, "groups": 24, "bias": True}
    feed_forward = 24 * (7 * 7 + 1) + (24 + 1) * 48 + (48 + 1) * 24
    assert params(graph) == 24 * (k * k + 1) + feed_forward


def test_position_codes_and_patch_embeddings_become_plain_convolutions() -> None:
    graph = fuse(lower([ConditionalPosition(), FastViTDown(out=48)], (24, 8, 8))[0])
    assert kinds(graph) == ["conv", "conv", "conv", "act"]
    assert [op.attrs["k"] for op in graph.ops[1:4]] == [7, 7, 1]
    assert params(graph) == 24 * (7 * 7 + 1) + 48 * (7 * 7 + 1) + (48 + 1) * 48


def test_scale_of_a_convolution_with_another_reader_stays() -> None:
    g = GraphBuilder((4, 8, 8))
    h = g.conv(g.input, 4, norm=False)
    g.add("mul", (g.layer_scale(h, 1.0), h), "product")
    assert kinds(fuse(g.graph())) == ["conv", "scale", "mul"]


@pytest.mark.parametrize(
    ("name", "params_m", "macs_m"),
    [("s0", 2.1, 275), ("s1", 4.8, 825), ("s2", 7.8, 1299), ("s3", 10.1, 1896), ("s4", 14.8, 2978)],
)
def test_mobileone_has_its_published_size_when_fused(
    name: str, params_m: float, macs_m: float
) -> None:
    """arXiv:2206.04040, table 3; SE is not in its count of S4's multiply-adds."""
    fused = load_arch(f"mobileone-{name}").fused
    assert round(params(fused) / 1e6, 1) == params_m
    assert macs(fused) / 1e6 == pytest.approx(macs_m, rel=1e-3)


def test_norm_of_another_value_is_no_branch() -> None:
    g = GraphBuilder((4, 8, 8))
    h = g.add("act", (g.input,), "act", fn="relu")
    g.add("add", (g.conv(g.input, 4), g.add("batch_norm", (h,), "norm")), "sum")
    assert kinds(fuse(g.graph())) == ["act", "conv", "batch_norm", "add"]


@pytest.mark.parametrize(("k", "left"), [(1, ["conv"]), (3, ["batch_norm", "conv"])])
def test_norm_folds_into_the_convolution_behind_it_unless_that_pads(
    k: int, left: list[str]
) -> None:
    g = GraphBuilder((4, 8, 8))
    g.conv(g.add("batch_norm", (g.input,), "norm"), 6, k=k, norm=False)
    assert kinds(fuse(g.graph())) == left


def joined(g: GraphBuilder) -> tuple[Value, Value]:
    """Two convs of the input, and the batch norm of both."""
    a, b = (g.conv(g.input, 4, k=k, norm=False, name=f"k{k}") for k in (3, 5))
    return a, g.add("batch_norm", (g.add("concat", (a, b), "concat"),), "norm")


def test_norm_of_joined_convolutions_folds_into_each() -> None:
    g = GraphBuilder((4, 8, 8))
    joined(g)
    graph = fuse(g.graph())
    assert kinds(graph) == ["conv", "conv", "concat"]
    assert params(graph) == 4 * (4 * 9 + 1) + 4 * (4 * 25 + 1)


def test_norm_of_joined_convolutions_stays_if_one_has_another_reader() -> None:
    g = GraphBuilder((4, 8, 8))
    a, norm = joined(g)
    g.add("concat", (a, norm), "both")
    assert kinds(fuse(g.graph())) == ["conv", "conv", "concat", "batch_norm", "concat"]


def test_linear_layers_of_one_input_merge_with_the_norm_before_them() -> None:
    g = GraphBuilder((4, 8, 8))
    h = g.add("reshape", (g.add("global_pool", (g.input,), "pool"),), "flatten", shape=(4,))
    h = g.add("batch_norm", (h,), "norm")
    g.add("add", (g.linear(h, 6, name="a"), g.linear(h, 6, name="b")), "sum")
    graph = fuse(g.graph())
    assert kinds(graph) == ["global_pool", "reshape", "linear"]
    assert params(graph) == 4 * 6 + 6


def branches(g: GraphBuilder, **of: dict[str, int]) -> Graph:
    """Sum of convs `a` and `b` of the input."""
    a, b = (g.conv(g.input, 4, norm=False, name=name, **of[name]) for name in "ab")
    g.add("add", (a, b), "sum")
    return fuse(g.graph())


def test_parallel_convolutions_of_one_stride_merge_to_the_larger() -> None:
    graph = branches(GraphBuilder((4, 8, 8)), a={"k": 1, "s": 2}, b={"k": 3, "s": 2})
    assert kinds(graph) == ["conv"]
    assert (graph.ops[1].attrs["k"], graph.ops[1].attrs["bias"]) == (3, True)


def test_parallel_convolutions_that_are_no_squares_stay() -> None:
    """As traced, 3 x 1 and 1 x 3 are alike; together they are a cross."""
    g = GraphBuilder((16, 14, 14))
    attrs = {"out": 16, "k": 3, "kw": 1, "s": 1, "groups": 1, "bias": True}
    g.add("add", tuple(g.add("conv", (g.input,), name, **attrs) for name in "ab"), "sum")
    assert kinds(fuse(g.graph())) == ["conv", "conv", "add"]


def test_parallel_convolutions_of_other_groups_stay() -> None:
    graph = branches(GraphBuilder((4, 8, 8)), a={"k": 3}, b={"k": 3, "groups": 4})
    assert kinds(graph) == ["conv", "conv", "add"]


def two(g: GraphBuilder, x: Value) -> None:
    g.add("add", (g.conv(x, 4, name="a"), g.add("act", (x,), "act", fn="relu")), "sum")


def read_twice(g: GraphBuilder, x: Value) -> None:
    h = g.conv(x, 4, norm=False)
    g.add("mul", (g.add("add", (h, x), "sum"), h), "product")


def of_other_inputs(g: GraphBuilder, x: Value) -> None:
    a = g.add("act", (x,), "act", fn="relu")
    g.add("add", (g.conv(x, 4, name="a"), g.conv(a, 4, name="b")), "sum")


@pytest.mark.parametrize("network", [two, read_twice, of_other_inputs])
def test_sum_that_is_no_convolution_of_one_value_stays(network: object) -> None:
    g = GraphBuilder((4, 8, 8))
    network(g, g.input)  # type: ignore[operator]
    assert "add" in kinds(fuse(g.graph()))


def test_norm_of_a_convolution_with_another_reader_stays() -> None:
    g = GraphBuilder((4, 8, 8))
    h = g.conv(g.input, 4, norm=False)
    g.add("add", (h, g.add("batch_norm", (h,), "norm")), "sum")
    assert kinds(fuse(g.graph())) == ["conv", "batch_norm", "add"]
