"""A count that is wrong is seen, and what differs by rule is told apart from it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

torch = pytest.importorskip("torch")

from nas.modules.tracing.capture import Program, capture  # noqa: E402
from nas.modules.tracing.count_check import check_macs  # noqa: E402
from nas.modules.tracing.inputs import Input  # noqa: E402
from nas.modules.tracing.trace import CountCheck, Trace, graph_of, trace  # noqa: E402

nn = torch.nn
IMAGE = (3, 16, 16)


class Made(nn.Module):  # type: ignore[misc]
    """A function of an image and of parts."""

    def __init__(self, forward: Callable[..., torch.Tensor], *parts: nn.Module) -> None:
        super().__init__()
        self.parts, self.run = nn.ModuleList(parts), forward

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.run(x, *self.parts)


def traced(forward: Callable[..., torch.Tensor], *parts: nn.Module) -> Trace:
    return trace(Made(forward, *parts), [Input(IMAGE)])


def test_counts_that_agree_say_nothing() -> None:
    found = traced(lambda x, conv: conv(x), nn.Conv2d(3, 8, 3))
    assert found.check == CountCheck(torch_macs=216 * 14 * 14)


def test_an_op_that_is_lost_is_a_difference() -> None:
    module = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Conv2d(8, 4, 1))
    image = (torch.zeros(1, *IMAGE),)
    ops = graph_of(module, IMAGE)[0].ops[:-1]
    check = check_macs(module, image, capture(module, image), ops)
    assert check.differences == ("conv2d_1: 0 MACs, PyTorch counts 6,272",)
    wrong = [*ops, ops[-1]._replace(name="conv2d_1")]
    check = check_macs(module, image, capture(module, image), wrong)
    assert check.differences == ("conv2d_1: 42,336 MACs, PyTorch counts 6,272",)


def test_work_behind_a_tensor_that_was_written_to_is_no_constant() -> None:
    """The check finds by itself what depends on the image."""

    def forward(x: torch.Tensor, conv: nn.Module) -> torch.Tensor:
        out = torch.zeros(x.shape)
        out[:, :, 1:] = x[:, :, 1:]
        return conv(out)

    module = Made(forward, nn.Conv2d(3, 8, 3))
    image = (torch.zeros(1, *IMAGE),)
    check = check_macs(module, image, capture(module, image), [])
    assert check.differences == ("conv2d: 0 MACs, PyTorch counts 42,336",)


def test_work_outside_of_the_program_is_a_difference() -> None:
    module, empty = nn.Conv2d(3, 8, 3), Program(torch.fx.Graph(), (), {})
    image = (torch.zeros(1, *IMAGE),)
    check = check_macs(nn.Sequential(module, nn.Conv2d(8, 4, 1)), image, empty, [])
    assert check.torch_macs == 216 * 196 + 6272
    assert check.differences == ("48,608 MACs that PyTorch counts and the trace does not hold",)


def test_products_of_weights_alone_differ_by_rule() -> None:
    found = traced(lambda x, a, b: x.mT @ (a.weight @ b.weight), *square(16), *square(16))
    assert found.check.differences == ()
    assert found.check.by_rule == ("products of weights alone are computed once: -4,096 MACs",)


def square(n: int) -> list[nn.Module]:
    return [nn.Linear(n, n, bias=False)]


def test_a_product_in_place_differs_by_rule() -> None:
    found = traced(lambda x: torch.zeros(3, 16, 16).baddbmm_(x[0], x[0]))
    assert found.check.differences == ()
    assert found.check.by_rule == (
        "baddbmm has a formula in one of the counters only: +12,288 MACs",
    )


def test_parameters_that_nothing_reads_are_named_and_counted() -> None:
    found = traced(lambda x, conv, idle: conv(x), nn.Conv2d(3, 8, 3), nn.Linear(2, 3))
    assert found.check.unread == ("parts.1.weight", "parts.1.bias")
    assert [(row.name, row.params) for row in found.rows] == [("parts.0", 224), ("parts.1", 9)]


def test_a_module_that_only_the_trace_can_run_is_in_doubt() -> None:
    def forward(x: torch.Tensor, conv: nn.Module) -> torch.Tensor:
        if not torch.compiler.is_exporting():
            raise ValueError("not without export")
        return conv(x)

    check = traced(forward, nn.Conv2d(3, 8, 3)).check
    assert check.torch_macs is None
    assert check.differences == ("PyTorch's counter cannot run it: 'not without export'",)
