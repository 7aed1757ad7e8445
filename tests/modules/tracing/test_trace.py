"""A traced module is the network it was traced from, and hides nothing."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

import pytest

torch = pytest.importorskip("torch")

from nas.errors import ArchError  # noqa: E402
from nas.files.resources import data_dir  # noqa: E402
from nas.graph.cost import macs, params  # noqa: E402
from nas.graph.fuse import fuse  # noqa: E402
from nas.graph.graph import Graph  # noqa: E402
from nas.graph.ops import KINDS, Op, Shape, op_macs, op_params  # noqa: E402
from nas.latency.device import load_device  # noqa: E402
from nas.modules import build  # noqa: E402
from nas.modules.fused_weights import fused  # noqa: E402
from nas.modules.tracing.inputs import Input  # noqa: E402
from nas.modules.tracing.trace import graph_of, trace  # noqa: E402
from nas.space.arch import read_arch  # noqa: E402

nn = torch.nn
Forward = Callable[..., torch.Tensor]

INPUT = Op("input", "input", -1, (), (), (8, 12, 12), {"shape": (8, 12, 12)})
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
        # a sum outside of all modules is of no row, so it joins no kernel: RepViT's residuals
        assert device.predict(graph).ms == pytest.approx(device.predict(arch).ms, rel=0.03)


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
        return self.second(torch.fft.fft(h).real)


def test_a_call_without_a_kind_is_listed_and_kept() -> None:
    graph, unmapped = graph_of(Odd(), (3, 16, 16))
    (call,) = unmapped
    assert call.startswith("row 2: fft_fft [(8, 16, 16)] -> (8, 16, 16): a Fourier transform")
    kinds = ["input", "conv", "constant", "add", "opaque", "conv"]
    assert [op.kind for op in graph.ops] == kinds
    assert any("opaque" in flag for flag in load_device("iphone12-lut").predict(graph).flags)


def test_a_rectangular_kernel_counts_its_own_weights() -> None:
    first = graph_of(Odd(), (3, 16, 16))[0].ops[1]
    assert op_params(first) == 3 * 8 * 5


def ops_of(forward: Forward, *modules: nn.Module, shape: Shape = (8, 12, 12)) -> list[Op]:
    """Traced ops of a function of the modules and an image."""

    class Made(nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.parts = nn.ModuleList(modules)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return forward(x, *self.parts)

    graph, unmapped = graph_of(Made(), shape)
    assert unmapped == []
    return list(graph.ops[1:])


def test_a_one_dimensional_kernel_counts_its_length_once() -> None:
    (conv,) = ops_of(lambda x, conv: conv(x), nn.Conv1d(8, 16, 5, padding=2), shape=(8, 20))
    assert (op_params(conv), op_macs(conv)) == (8 * 16 * 5 + 16, 8 * 16 * 5 * 20)


def test_long_and_flat_kernels_are_of_one_class() -> None:
    pair = nn.Conv2d(8, 8, (1, 7), padding=(0, 3)), nn.Conv2d(8, 8, (7, 1), padding=(3, 0))
    made = ops_of(lambda x, flat, tall: tall(flat(x)), *pair)
    assert [(op.attrs["k"], op_macs(op)) for op in made] == [(7, 64 * 7 * 144)] * 2


def test_a_transposed_convolution_counts_every_input_pixel_times_the_kernel() -> None:
    up = nn.ConvTranspose2d(8, 4, 2, stride=2, bias=False)
    (op,) = ops_of(lambda x, up: up(x), up)
    assert op.shape == (4, 24, 24)
    assert (op_params(op), op_macs(op)) == (8 * 4 * 4, 8 * 4 * 4 * 144)


def test_a_product_with_weights_is_linear_and_others_are_not() -> None:
    weight = nn.Linear(8, 5, bias=False)
    tokens = ops_of(lambda x, w: x.flatten(2).mT @ w.weight.T, weight)
    assert (op_params(tokens[-1]), op_macs(tokens[-1])) == (40, 144 * 40)
    products = ops_of(lambda x: x @ x)
    assert (products[-1].kind, op_macs(products[-1])) == ("matmul", 8 * 12**3)


def test_einsum_counts_what_it_sums_over() -> None:
    made = ops_of(lambda x: torch.einsum("bchw,bcvw->bchv", x, x))
    assert (made[-1].kind, op_macs(made[-1])) == ("matmul", 8 * 12**3)


def test_windows_folded_into_the_batch_keep_channels_and_work() -> None:
    norm, conv = nn.BatchNorm2d(8), nn.Conv2d(8, 16, 3, padding=1, bias=False)

    def forward(x: torch.Tensor, conv: nn.Module, norm: nn.Module) -> torch.Tensor:
        windows = x.reshape(8, 4, 3, 12).transpose(0, 1)
        return conv(norm(windows))

    made = ops_of(forward, conv, norm)
    assert op_params(made[-2]) == 16
    assert made[-1].shape == (16, 12, 12)
    assert op_macs(made[-1]) == 8 * 16 * 9 * 144


def test_a_part_of_a_split_moves_itself_alone() -> None:
    made = ops_of(lambda x: x.chunk(4, 1)[0] + 1)
    assert (made[0].in_shapes, made[0].shape) == (((2, 12, 12),), (2, 12, 12))


def test_a_batch_that_was_moved_is_no_dimension() -> None:
    """Queries, keys and values as (3, B, heads, N, D), a rank that is one too many."""
    made = ops_of(lambda x: x.reshape(1, 3, 8, 12, 4).permute(1, 0, 2, 3, 4)[0])
    assert [op.shape for op in made if op.kind == "permute"] == [(3, 8, 12, 4)]


def test_what_changes_no_shape_is_no_op() -> None:
    pad = nn.functional.pad
    assert ops_of(lambda x: pad(x.view(1, 8, 12, 12)[:], (0, 0)).relu())[0].kind == "act"


def test_a_table_of_positions_is_counted_once_and_read_expanded() -> None:
    table = nn.Embedding(5, 8)
    index = torch.arange(12) % 5

    def forward(x: torch.Tensor, table: nn.Module) -> torch.Tensor:
        bias = table.weight[index.to(x.device)].T.reshape(1, 8, 1, 12)
        return (x + bias) + bias

    made = ops_of(forward, table)
    assert [op.kind for op in made] == ["param", "constant", "add", "add"]
    assert sum(op_params(op) for op in made) == 40
    assert made[2].in_shapes == ((8, 12, 12), (8, 1, 12))


class Recurrent(nn.Module):  # type: ignore[misc]
    """A call with several results."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(12, 6, batch_first=True)
        self.head = nn.Linear(6, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.lstm(x.flatten(1, 2))[0])


def test_a_call_with_several_results_is_not_lost() -> None:
    found = trace(Recurrent(), [Input((8, 12, 12))])
    assert [op.kind for op in found.graph.ops][-2:] == ["product", "linear"]
    assert op_macs(found.graph.ops[-2]) == 96 * (12 + 6) * 4 * 6
    assert sum(row.params for row in found.rows) == sum(p.numel() for p in Recurrent().parameters())


def test_norm_and_activation_are_of_the_row_of_the_layer_they_join() -> None:
    stem = {"conv": nn.Conv2d(3, 8, 3), "norm": nn.BatchNorm2d(8), "act": nn.ReLU()}
    found = trace(nn.Sequential(OrderedDict(stem)), [Input((3, 16, 16))])
    assert found.rows == (("conv", 8 * 28 + 16),)


def test_rows_are_the_top_level_submodules() -> None:
    graph, _ = graph_of(Odd(), (3, 16, 16))
    assert len({op.row for op in graph.ops if op.kind == "conv"}) == 2


def test_tracing_leaves_the_module_as_it_was() -> None:
    module = Odd().train()
    graph_of(module, (3, 16, 16))
    assert module.training
    assert module.first.weight.device.type == "cpu"


def dilated() -> nn.Module:
    return nn.Sequential(
        OrderedDict(
            first=nn.Conv2d(3, 8, 3, 2, padding=1),
            same=nn.Conv2d(8, 8, 3, padding=2, dilation=2),
            norm=nn.BatchNorm2d(8),
            valid=nn.Conv2d(8, 8, 3, padding=0, dilation=3),
        )
    ).eval()


def test_a_dilated_convolution_keeps_its_dilation() -> None:
    _, _, same, _, valid = graph_of(dilated(), (3, 32, 32))[0].ops
    assert (same.attrs["d"], same.shape, "pad" in same.attrs) == (2, (8, 16, 16), False)
    assert (valid.attrs["d"], valid.shape, valid.attrs["pad"]) == (3, (8, 10, 10), 0)
    for op in (same, valid):
        assert KINDS["conv"].shape(op.attrs, op.in_shapes) == op.shape


def test_a_trace_of_dilated_convolutions_is_built_again() -> None:
    module = dilated()
    graph = graph_of(module, (3, 32, 32))[0]
    again = build(graph).eval()
    again.load_state_dict(dict(zip(again.state_dict(), module.state_dict().values(), strict=True)))
    image = torch.rand(2, 3, 32, 32)
    assert torch.allclose(again(image), module(image), atol=1e-5)
    merged = fused(graph, again)
    assert torch.allclose(merged(image), module(image), atol=1e-5)


@pytest.mark.parametrize("conv", [nn.Conv2d(3, 8, (3, 5)), nn.Conv2d(3, 8, 3, (2, 1))])
def test_a_convolution_that_is_not_square_is_not_built_as_another(conv: nn.Module) -> None:
    with pytest.raises(ArchError, match="not square"):
        build(graph_of(conv, (3, 16, 16))[0])


def test_branches_of_other_dilations_are_not_merged() -> None:
    pair = [nn.Conv2d(8, 8, 3, padding=d, dilation=d) for d in (1, 2)]
    made = ops_of(lambda x, a, b: a(x) + b(x), *pair)
    assert [op.kind for op in fuse(Graph(tuple([INPUT, *made]), 12)).ops].count("conv") == 2


def test_a_maximum_of_branches_is_no_sum() -> None:
    pair = [nn.Conv2d(8, 8, 3, padding=1) for _ in range(2)]
    made = ops_of(lambda x, a, b: torch.maximum(a(x), b(x)), *pair)
    assert [op.kind for op in fuse(Graph(tuple([INPUT, *made]), 12)).ops].count("conv") == 2
