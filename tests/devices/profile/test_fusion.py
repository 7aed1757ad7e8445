"""What a runtime fuses is found by timing chains."""

from __future__ import annotations

from collections import Counter

import pytest

from nas.devices.profile.fusion import FUSED, LENGTH, PROBES, SQUEEZE_EXCITE, chain, fused
from nas.latency.files import FUSIBLE
from nas.modules.layers import assemble


def test_everything_that_a_device_may_list_is_tried() -> None:
    assert set(PROBES) == {*FUSIBLE, SQUEEZE_EXCITE}


@pytest.mark.parametrize("name", PROBES)
def test_a_chain_has_the_op_after_every_convolution(name: str) -> None:
    torch = pytest.importorskip("torch")
    graph = chain(PROBES[name])
    extra = len(graph.ops) - len(chain(None).ops)
    assert extra % LENGTH == 0
    assert extra > 0
    with torch.no_grad():
        logits = assemble(graph).eval()(torch.zeros(1, *graph.ops[0].shape))
    assert logits.shape[1:] == graph.shape


def test_additions_after_all_convolutions_follow_no_convolution_but_the_last() -> None:
    kinds = [op.kind for op in chain(None, last=PROBES["add"]).ops]
    assert Counter(kinds) == {"input": 1, "conv": LENGTH, "add": LENGTH}
    assert kinds[-LENGTH:] == ["add"] * LENGTH


def test_what_costs_less_than_moving_data_is_fused() -> None:
    shares = {"relu": -0.1, "relu6": FUSED - 0.01, "silu": FUSED + 0.01, SQUEEZE_EXCITE: 0.0}
    assert fused(shares) == ["relu", "relu6"]
