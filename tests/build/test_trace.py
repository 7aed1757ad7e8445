"""A traced module is the network it was traced from, and hides nothing."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from nas.arch import read_arch  # noqa: E402
from nas.build import build  # noqa: E402
from nas.build.trace import graph_of  # noqa: E402
from nas.cost import macs, params  # noqa: E402
from nas.folders import data_dir  # noqa: E402
from nas.latency.device import load_device  # noqa: E402
from nas.ops import op_params  # noqa: E402

ARCHS = data_dir("search_spaces") / "archs"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mobilenetv3-small", "mobilevit-xxs", "repvit-m0.9"])
def test_a_seed_survives_being_built_and_traced(name: str) -> None:
    arch = read_arch(ARCHS / f"{name}.yaml")
    graph, unmapped = graph_of(build(arch), arch.input)
    assert unmapped == []
    assert (params(graph), macs(graph)) == (arch.params, arch.macs)
    device = load_device("iphone12-lut")
    if name != "mobilevit-xxs":  # its shuffles are folded to fewer dimensions once built
        assert device.predict(graph).ms == pytest.approx(device.predict(arch).ms, rel=0.02)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "name"),
    [("mobilenetv3_large_100", "mobilenetv3-large"), ("mobilevit_s", "mobilevit-s")],
)
def test_a_timm_model_has_the_params_and_macs_of_its_seed(model: str, name: str) -> None:
    timm = pytest.importorskip("timm")
    arch = read_arch(ARCHS / f"{name}.yaml")
    graph, unmapped = graph_of(timm.create_model(model), arch.input)
    assert unmapped == []
    assert (params(graph), macs(graph)) == (arch.params, arch.macs)


class Odd(torch.nn.Module):  # type: ignore[misc]
    """Calls without an op kind, a constant, a rectangular convolution, and two rows."""

    def __init__(self) -> None:
        super().__init__()
        self.first = torch.nn.Conv2d(3, 8, (1, 5), padding=(0, 2), bias=False)
        self.second = torch.nn.Conv2d(8, 4, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.first(x) + torch.linspace(0, 1, 16, device=x.device)
        return self.second(torch.cumsum(h, 1))


def test_a_call_without_a_kind_is_listed_and_kept() -> None:
    graph, unmapped = graph_of(Odd(), (3, 16, 16))
    assert [line.split()[0] for line in unmapped] == ["cumsum"]
    assert [op.kind for op in graph.ops] == ["input", "conv", "scale", "opaque", "conv"]
    assert any("opaque" in flag for flag in load_device("iphone12-lut").predict(graph).flags)


def test_a_rectangular_kernel_counts_its_own_weights() -> None:
    first = graph_of(Odd(), (3, 16, 16))[0].ops[1]
    assert op_params(first) == 3 * 8 * 5


def test_rows_are_the_top_level_submodules() -> None:
    graph, _ = graph_of(Odd(), (3, 16, 16))
    assert len({op.row for op in graph.ops if op.kind == "conv"}) == 2


def test_tracing_leaves_the_module_as_it_was() -> None:
    module = Odd().train()
    graph_of(module, (3, 16, 16))
    assert module.training
    assert module.first.weight.device.type == "cpu"
