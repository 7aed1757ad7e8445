"""The table of calls is whole and means something."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("torchvision.ops")

from nas.graph.ops import KINDS  # noqa: E402
from nas.modules.tracing.aten import ALIAS, ATEN, CREATED, OPAQUE, PART, PRODUCT  # noqa: E402

NEITHER = {"getitem"}
"""Python's own."""
OF_STORAGE = {"resize_", "sym_is_contiguous"}
"""Of the core set, but of no model's calculation; PyTorch lists them once something used them."""


def core() -> list[str]:
    """Names of PyTorch's core set, which all its models are made of."""
    packets = {name: getattr(torch.ops.aten, name) for name in dir(torch.ops.aten)}
    return [
        name
        for name, packet in packets.items()
        if isinstance(packet, torch._ops.OpOverloadPacket)
        and any(torch.Tag.core in getattr(packet, o).tags for o in packet.overloads())
    ]


def test_the_core_set_is_found() -> None:
    assert {"convolution", "addmm", "view"} <= set(core())


def test_every_call_of_the_core_set_has_a_rule_or_a_reason() -> None:
    assert set(core()) - set(ATEN) <= OF_STORAGE


def test_a_rule_is_of_a_call_that_exists() -> None:
    spaces = (torch.ops.aten, torch.ops.torchvision)
    unknown = {
        call
        for call in ATEN
        # some exist in place only
        if not any(hasattr(space, name) for space in spaces for name in (call, f"{call}_"))
    }
    assert unknown <= NEITHER


def test_a_rule_names_a_kind_and_says_what_the_kind_needs() -> None:
    kinds = {*KINDS, ALIAS, PART, CREATED, PRODUCT, "transposed"}
    for call, rule in ATEN.items():
        assert rule.kind in kinds, call
        assert bool(rule.fn) == (rule.kind == "act"), call
        assert bool(rule.reason) == (rule.kind == OPAQUE), call
