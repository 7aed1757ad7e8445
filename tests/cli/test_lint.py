"""`nas lint`: findings in a table that fits, and as JSON."""

from __future__ import annotations

import json

import pytest

from nas.graph.lint import RULES, lint
from nas.library import load_arch

from .conftest import Nas


@pytest.mark.parametrize("target", RULES)
def test_json_holds_every_finding(nas: Nas, target: str) -> None:
    done = nas("lint", "mobilevit-xxs", "--target", target, "--json")
    content = json.loads(done.out)
    findings = lint(load_arch("mobilevit-xxs").fused, target)
    assert (done.code, done.err) == (0, "")
    assert (content["name"], content["target"]) == ("mobilevit-xxs", target)
    assert [(f["rule"], f["row"], len(f["ops"])) for f in content["findings"]] == [
        (f.rule, f.row + 1, len(f.ops)) for f in findings
    ]


@pytest.mark.parametrize("name", ["mobilenetv3-large", "mobilevit-xxs", "swin-t", "transnext-tiny"])
def test_table_fits_80_columns_and_explains_each_rule_once(nas: Nas, name: str) -> None:
    done = nas("lint", name, "--target", "coreml")
    assert (done.code, done.err) == (0, "")
    assert max(len(line) for line in done.out.splitlines()) <= 80
    rules = {finding.rule for finding in lint(load_arch(name).fused, "coreml")}
    assert done.out.count("\nsource") == len(rules)


def test_row_and_op_are_those_of_the_table(nas: Nas) -> None:
    lines = nas("lint", "mobilenetv3-large", "--target", "coreml").out.splitlines()
    assert lines[3].split() == ["1", "conv", "hard-swish", "1", "row1_conv.conv.act"]
    assert lines[4].split()[:4] == ["8", "bneck", "hard-swish", "2"]


def test_a_network_without_findings_says_so(nas: Nas) -> None:
    done = nas("lint", "repvit-m0.9", "--target", "coreml")
    assert done.out == "repvit-m0.9: nothing known against it on coreml\n"


def test_a_dynamic_batch_is_a_finding_of_the_input(nas: Nas) -> None:
    done = nas("lint", "mobilenetv2", "--target", "coreml", "--dynamic-batch")
    assert "input  -   dynamic batch" in done.out


def test_unknown_target_is_one_message(nas: Nas) -> None:
    done = nas("lint", "mobilenetv2", "--target", "core-ml")
    assert done.code == 2
    assert done.out == ""
    assert done.err == "nas: unknown target 'core-ml'; nearest: coreml\n"
