"""A name is a table, a library's model or the user's module; whatever it is, it can be priced."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from nas.errors import ArchError, NasError, TraceError, UnknownNameError  # noqa: E402
from nas.files.resources import named  # noqa: E402
from nas.graph.cost import macs, params  # noqa: E402
from nas.graph.graph import Graph  # noqa: E402
from nas.latency.device import Device, load_device  # noqa: E402
from nas.library import load_arch  # noqa: E402
from nas.modules.networks import TracedNetwork, load_network  # noqa: E402

DEVICES = named("device")

OWN = """
import torch
from torch import nn

print("noise")

def small():
    return nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU(), nn.Flatten(2), nn.Softmax(-1))

def broken():
    raise ValueError("on purpose\\nand more")

def ends():
    raise SystemExit(3)

def number():
    return 3

class Undecided(nn.Module):
    def forward(self, x):
        return x if x.sum() > 0 else -x
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    path = tmp_path / "own.py"
    path.write_text(OWN, encoding="utf-8")
    return path


def traced(name: str) -> TracedNetwork:
    network = load_network(name)
    assert isinstance(network, TracedNetwork)
    return network


def test_a_tables_name_is_its_table() -> None:
    assert load_network("mobilenetv2") == load_arch("mobilenetv2")


def test_a_table_stands_on_images_of_another_side() -> None:
    network = load_network("mobilenetv2@192")
    assert (network.name, network.input) == ("mobilenetv2@192", (3, 192, 192))
    assert network.params == load_arch("mobilenetv2").params
    assert load_network("mobilenetv2@224") == load_arch("mobilenetv2")


def test_a_table_that_does_not_stand_there_says_so() -> None:
    with pytest.raises(ArchError):
        load_network("swin-t@250")


def test_a_file_may_have_an_at_in_its_name(tmp_path: Path) -> None:
    load_arch("mobilenetv2").to_yaml(tmp_path / "net@192")
    assert load_network(str(tmp_path / "net@192")).input == (3, 224, 224)


def test_a_module_of_the_user_is_traced(own: Path, capfd: pytest.CaptureFixture[str]) -> None:
    network = traced(f"{own}:small@64")
    assert (network.input, network.params) == ((3, 64, 64), 224)
    assert network.source == f"traced from {own}"
    assert [row.name for row in network.rows] == ["0", "2", "3"]
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("OWN:smal", UnknownNameError, "nearest: small"),
        ("OWN:broken", TraceError, "ValueError: 'on purpose'"),
        ("OWN:number", TraceError, "expected a torch.nn.Module, found int"),
        ("OWN:Undecided", TraceError, "OWN:Undecided"),
        ("OWN:ends", TraceError, "SystemExit: '3'"),
        ("none.py:small", TraceError, "no such file"),
        ("torchvision:resnet19", UnknownNameError, "nearest: resnet18"),
        ("mobilenetv2@large", UnknownNameError, ", mobilenetv2,"),
        ("mobilenetv2@" + "9" * 5000, UnknownNameError, "unknown architecture"),
        ("tim:resnet18", UnknownNameError, "unknown architecture"),
    ],
)
def test_a_bad_name_is_one_message(
    own: Path, name: str, error: type[NasError], message: str
) -> None:
    with pytest.raises(error) as found:
        load_network(name.replace("OWN", str(own)))
    assert message.replace("OWN", str(own)) in str(found.value)
    assert "\n" not in str(found.value)


def test_torchvision_is_asked_for_the_side_of_its_weights() -> None:
    assert traced("torchvision:squeezenet1_1").input == (3, 224, 224)
    assert traced("torchvision:squeezenet1_1@96").input == (3, 96, 96)


def test_timm_branches_are_merged_before_pricing() -> None:
    pytest.importorskip("timm")
    network = traced("timm:repghostnet_050")
    assert network.source.startswith("traced from timm ")
    assert (network.params, network.unmapped) == (2_306_528, ())
    with pytest.raises(UnknownNameError, match="nearest: repghostnet_058"):
        load_network("timm:repghostnet_051")


@pytest.fixture(scope="module")
def graphs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Graph]:
    """Every table, and networks that were traced."""
    path = tmp_path_factory.mktemp("own") / "own.py"
    path.write_text(OWN, encoding="utf-8")
    names = [*named("architecture"), f"{path}:small", "torchvision:shufflenet_v2_x1_0"]
    return {name: load_network(name).graph for name in names}


@pytest.fixture(scope="module")
def devices() -> list[Device]:
    """All that are shipped."""
    return [load_device(name) for name in DEVICES]


@pytest.mark.parametrize("name", DEVICES)
def test_no_kernel_is_priced_0(name: str, graphs: dict[str, Graph]) -> None:
    device = load_device(name)
    for network, graph in graphs.items():
        for kernel in device.kernels(graph):
            assert device.kernel_ms(kernel) > 0, (network, kernel.op.name)


# of the 72 families of timm that were traced, these make every call and every op that any makes ---

FAMILIES = [
    *("coatnet_0_rw_224", "convit_tiny", "cspresnet50", "eca_nfnet_l0", "edgenext_xx_small"),
    *("efficientformerv2_s0", "halonet26t", "hiera_tiny_224", "hrnet_w18_small"),
    *("lambda_resnet26t", "lcnet_050", "levit_conv_128s", "maxvit_tiny_tf_224"),
    *("mobilevitv2_050", "nextvit_small", "resmlp_12_224", "starnet_s1"),
    *("swinv2_tiny_window8_256", "tnt_s_patch16_224", "volo_d1_224", "xcit_tiny_12_p16_224"),
]


@pytest.mark.slow
@pytest.mark.parametrize("model", FAMILIES)
def test_a_timm_model_is_traced_whole(model: str, devices: list[Device]) -> None:
    timm = pytest.importorskip("timm")
    from timm.utils.model import reparameterize_model

    network = traced(f"timm:{model}")
    assert network.unmapped == ()
    with torch.device("meta"):
        module = reparameterize_model(timm.create_model(model).eval())
    assert network.params == sum(p.numel() for p in module.parameters())
    for device in devices:
        assert all(device.kernel_ms(kernel) > 0 for kernel in device.kernels(network.graph))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::torch.jit.TracerWarning")
@pytest.mark.parametrize(
    "model",
    [
        *("deit_tiny_patch16_224", "efficientformer_l1", "ghostnet_100"),
        *("hrnet_w18_small", "mobilevitv2_050", "swin_tiny_patch4_window7_224"),
    ],
)
def test_macs_are_fvcores(model: str) -> None:
    timm = pytest.importorskip("timm")
    analysis = pytest.importorskip("fvcore.nn").FlopCountAnalysis
    from timm.layers import set_fused_attn

    set_fused_attn(False)  # fvcore does not know the fused one
    try:
        network, module = traced(f"timm:{model}"), timm.create_model(model).eval()
        found = analysis(module, torch.zeros(1, *network.input))
        counted = found.unsupported_ops_warnings(False).by_operator()
    finally:
        set_fused_attn(True)
    products = sum(counted[op] for op in ("conv", "linear", "matmul", "einsum", "bmm", "addmm"))
    assert macs(network.graph) == products


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "table"),
    [
        ("mobilenetv2_100", "mobilenetv2"),
        ("mobilenetv3_large_100", "mobilenetv3-large"),
        ("efficientnet_b0", "efficientnet-b0"),
        ("repvit_m0_9", "repvit-m0.9"),
        ("mobileone_s1", "mobileone-s1"),
        ("resnet50", "resnet50"),
        ("convnext_tiny", "convnext-t"),
    ],
)
def test_a_trace_is_priced_as_the_table_of_the_same_network(
    model: str, table: str, devices: list[Device]
) -> None:
    """Within 2 %; a transformer's shuffles are written in more ways than one."""
    pytest.importorskip("timm")
    network, arch = traced(f"timm:{model}"), load_arch(table)
    assert network.unmapped == ()
    assert network.params in (arch.params, params(arch.fused))  # where branches are merged
    graph = network.graph
    for device in devices:
        ms = device.predict(graph).ms
        assert ms == pytest.approx(device.predict(arch).ms, rel=0.02), device.name
