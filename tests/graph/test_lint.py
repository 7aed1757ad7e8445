"""Lint: known weaknesses are found where they are, with a reason, a way out and a source."""

from __future__ import annotations

import re

import pytest

from nas.errors import UnknownNameError
from nas.graph.graph import Graph, GraphBuilder
from nas.graph.lint import RULES, Finding, lint
from nas.library import load_arch
from nas.space.arch import Arch

EVERY_RULE = [(target, rule) for target, rules in RULES.items() for rule in rules]


def found(name: str, target: str) -> dict[str, list[int]]:
    """Rule -> rows, counted from 1."""
    rows: dict[str, list[int]] = {}
    for finding in lint(load_arch(name).fused, target):
        rows.setdefault(finding.rule, []).append(finding.row + 1)
    return rows


def hostile() -> Graph:
    """One op at least for every rule, in row 1."""
    g = GraphBuilder((8, 64, 64))
    g.row = 0
    for fn in ("hswish", "silu", "gelu"):
        x = g.conv(g.input, 8, k=15, act=fn, name=fn)
    x = g.squeeze_excite(x, 4)
    g.add("concat", (x, g.depthwise(x, k=3, act="relu", name="copy")), "ghosts")
    x = g.add("group_norm", (x,), "groups", groups=4)
    g.add("unfold", (x,), "neighbours", k=3)
    x = g.add("reshape", (x,), "groups of channels", shape=(2, 4, 64, 64))
    x = g.add("permute", (x,), "shuffle", dims=(1, 0, 2, 3))
    x = g.add("reshape", (x,), "shuffled", shape=(8, 64, 64))
    x = g.add("roll", (x,), "roll", shift=(1, 1))
    x = g.add("reshape", (x,), "tokens", shape=(8, 64 * 64))
    x = g.add("permute", (x,), "last", dims=(1, 0))
    x = g.add("slice", (x,), "part", start=0, size=8)
    x = g.transformer(x, heads=2, ffn=8, act="relu", name="layer")
    keys = g.add("permute", (x,), "keys", dims=(1, 0))
    g.add("matmul", (x, g.add("matmul", (keys, x), "context")), "linear attention")
    x = g.add("reshape", (x,), "split", shape=(8, 8, 8, 8, 8))
    g.add("gather", (x,), "pick", shape=(1,), index=lambda: [0])
    return g.graph()


@pytest.mark.parametrize(
    ("target", "rule"), EVERY_RULE, ids=lambda part: getattr(part, "name", part)
)
def test_every_rule_can_find_and_has_its_source(target: str, rule: object) -> None:
    graph = hostile()
    findings = [f for f in lint(graph, target, dynamic=True) if f.rule == rule.name]  # type: ignore[attr-defined]
    names = {op.name for op in graph.ops}
    assert findings
    for finding in findings:
        assert finding.ops
        assert set(finding.ops) <= names
        assert re.search(r"arXiv:\d{4}\.\d{5}|[a-z]\.(com|org|net)/", finding.source)
        assert finding.why
        assert finding.instead


@pytest.mark.parametrize("target", RULES)
def test_rules_of_a_target_have_names_of_their_own(target: str) -> None:
    names = [rule.name for rule in RULES[target]]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("target", RULES)
def test_plain_convolutions_are_fine_everywhere(target: str) -> None:
    for name in ("mobilenetv2", "efficientnet-lite0", "resnet50"):
        assert lint(load_arch(name).fused, target) == ()


def shuffled(*dims: int) -> Graph:
    """A map of 8 channels in 2 groups, permuted."""
    g = GraphBuilder((8, 6, 6))
    g.row = 0
    x = g.add("reshape", (g.input,), "groups", shape=(2, 4, 6, 6))
    g.add("permute", (x,), "permuted", dims=dims)
    return g.graph()


def test_a_channel_shuffle_may_leave_the_neural_engine() -> None:
    findings = lint(shuffled(1, 0, 2, 3), "coreml")
    assert [f.ops for f in findings if f.rule == "channel shuffle" and f.leaves] == [("permuted",)]
    moved = lint(shuffled(2, 3, 0, 1), "coreml")
    assert {f.rule for f in moved} == {"transpose"}


def concatenated(*, depthwise: bool, of_it: bool) -> Graph:
    """A map and a convolution, of it or of what it was made from, side by side."""
    g = GraphBuilder((8, 6, 6))
    primary = g.conv(g.input, 8, act="relu", name="primary")
    read = primary if of_it else g.input
    other = g.conv(read, 8, k=3, groups=8 if depthwise else 1, act="relu", name="other")
    g.add("concat", (primary, other), "both")
    return g.graph()


def test_only_a_map_beside_its_own_depthwise_convolution_is_a_ghost_module() -> None:
    (finding,) = lint(concatenated(depthwise=True, of_it=True), "coreml")
    assert (finding.rule, finding.ops, finding.leaves) == ("Ghost module", ("both",), True)
    assert lint(concatenated(depthwise=False, of_it=True), "coreml") == ()
    assert lint(concatenated(depthwise=True, of_it=False), "coreml") == ()


@pytest.mark.parametrize("name", ["ghostnet-1.0", "ghostnetv2-1.0"])
def test_ghostnets_may_leave_the_neural_engine_in_every_block(name: str) -> None:
    rows = [i + 1 for i, row in enumerate(load_arch(name).rows) if row.op.startswith("ghost")]
    assert found(name, "coreml")["Ghost module"] == rows


def test_networks_that_only_resemble_ghostnet_may_not() -> None:
    for name in ("repghost-1.0", "fasternet-t0", "edgenext-xxs", "shvit-s1"):
        assert "Ghost module" not in found(name, "coreml"), name


def test_linear_attention_may_leave_the_neural_engine() -> None:
    arch = load_arch("efficientvit-b1")
    rows = [i + 1 for i, row in enumerate(arch.rows) if row.op == "efficientvit"]
    assert found(arch.name, "coreml")["linear attention"] == rows
    for name in ("fastvit-sa12", "mobilevitv2-0.5", "swiftformer-xs", "transnext-micro"):
        assert "linear attention" not in found(name, "coreml"), name


def test_a_hexagon_dsp_leaves_attention_to_the_cpu() -> None:
    assert found("fastvit-sa12", "hexagon").keys() >= {"matrix product", "GELU"}
    assert "matrix product" in found("efficientvit-b1", "hexagon")
    assert found("mobilenetv4-hybrid-m", "hexagon").keys() == {"matrix product"}
    for name in ("mobilenetv3-large", "efficientnet-b0", "starnet-s1", "mobilenetv4-conv-m"):
        assert found(name, "hexagon") == {}, name


def test_core_ml_dislikes_hard_swish_row_by_row() -> None:
    rows = found("mobilenetv3-large", "coreml")
    assert list(rows) == ["hard-swish"]
    arch = load_arch("mobilenetv3-large")
    assert rows["hard-swish"] == [
        i + 1 for i, row in enumerate(arch.rows) if getattr(row, "act", "") == "hswish"
    ]


def test_core_ml_dislikes_folds_of_mobilevit_and_windows_of_swin() -> None:
    assert found("mobilevit-xxs", "coreml")["high rank"] == [7, 9, 11]
    assert set(found("swin-t", "coreml")) == {"high rank", "transpose", "token layout"}
    assert found("repvit-m0.9", "coreml") == {}


def test_int8_dislikes_what_efficientnet_lite_left_out() -> None:
    assert set(found("efficientnet-b0", "int8")) == {"swish", "gate"}
    assert set(found("efficientnet-lite0", "int8")) == set()
    assert set(found("mobilenetv3-small", "int8")) == {"hard-swish", "gate"}


def test_a_sigmoid_that_gates_nothing_is_no_gate() -> None:
    g = GraphBuilder((8, 4, 4))
    g.act(g.input, "sigmoid")
    assert lint(g.graph(), "int8") == ()


def test_executorch_leaves_layer_norms_to_portable_kernels() -> None:
    assert set(found("convnext-t", "executorch")) == {"norm"}


def test_only_a_dynamic_batch_is_called_one() -> None:
    graph = load_arch("mobilenetv2").fused
    (finding,) = lint(graph, "coreml", dynamic=True)
    assert (finding.rule, finding.row, finding.ops) == ("dynamic batch", -1, ("input",))
    assert lint(graph, "coreml") == ()


def test_findings_come_row_by_row(representative: Arch) -> None:
    for target in RULES:
        findings: tuple[Finding, ...] = lint(representative.fused, target)
        assert [f.row for f in findings] == sorted(f.row for f in findings)
        assert len({(f.rule, f.row) for f in findings}) == len(findings)


def test_unknown_target_names_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match=r"unknown target 'core-ml'; nearest: coreml"):
        lint(load_arch("mobilenetv2").fused, "core-ml")
