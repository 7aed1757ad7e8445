"""Checkpoints: every layer finds its tensors by structure, and a damaged file runs nothing."""

from __future__ import annotations

import pickle
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import nn

import nas
from nas.blocks.swiftformer import DistilledNormLinear
from nas.errors import WeightsError, WriteError
from nas.modules import build, save_weights
from nas.modules.checkpoints.arch import network_of_checkpoint
from nas.modules.checkpoints.file import read_checkpoint
from nas.modules.checkpoints.weights import load_checkpoint, load_state
from nas.space.arch import Arch

TABLE = """
name: small
source: "made for tests"
input: [3, 16, 16]
columns: [op, k, exp, out, se, dim, layers, heads, patch, act, s]
rows:
  - [conv,      3, ~,  8,  ~,    ~,  ~, ~, ~, hswish, 2]
  - [bneck,     3, 2x, 8,  0.25, ~,  ~, ~, ~, relu,   1]
  - [mobilevit, 3, ~,  8,  ~,    16, 2, 2, 2, silu,   1]
  - [pool,      ~, ~,  ~,  ~,    ~,  ~, ~, ~, ~,      ~]
  - [linear,    ~, ~,  10, ~,    ~,  ~, ~, ~, ~,      ~]
"""
State = dict[str, torch.Tensor]


@pytest.fixture(scope="module")
def small() -> Arch:
    return Arch.from_yaml(TABLE)


@pytest.fixture
def trained(small: Arch) -> nn.Module:
    """A network in which no two tensors are equal, as if it had been trained."""
    return randomise(build(small)).eval()


@torch.no_grad()
def randomise(module: nn.Module) -> nn.Module:
    torch.manual_seed(1)
    for tensor in module.state_dict().values():
        if tensor.is_floating_point():
            tensor.copy_(torch.rand_like(tensor) * 0.2 + 0.01)
    return module


def outputs(module: nn.Module, arch: Arch) -> torch.Tensor:
    torch.manual_seed(0)
    with torch.no_grad():
        return module.eval()(torch.randn(2, *arch.input))


def test_saved_weights_come_back(small: Arch, trained: nn.Module, tmp_path: Path) -> None:
    path = tmp_path / "small.safetensors"
    nas.save_weights(trained, path)
    again = nas.build(small, weights=path).state_dict()
    assert all(torch.equal(again[name], tensor) for name, tensor in trained.state_dict().items())
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_saving_where_nothing_can_be_written_is_one_error(
    trained: nn.Module, tmp_path: Path
) -> None:
    with pytest.raises(WriteError, match="cannot be written"):
        save_weights(trained, tmp_path / "missing" / "small.safetensors")


def test_a_full_disk_is_one_error(trained: nn.Module, tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    try:
        with pytest.raises(WriteError, match=r"full\.safetensors cannot be written"):
            save_weights(trained, tmp_path / "full.safetensors")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not [*tmp_path.iterdir()]


REFERENCES = {
    "mobilenetv2": "mobilenetv2_100",
    "mobilenetv3-small": "mobilenetv3_small_100",
    "efficientnet-b0": "efficientnet_b0",
    "mobilevit-xxs": "mobilevit_xxs",
    "repvit-m0.9": "repvit_m0_9",
    "convnext-t": "convnext_tiny",
    "mobileone-s1": "mobileone_s1",
    "resnet50": "resnet50",
    "fastvit-sa12": "fastvit_sa12",
    "iformer-t": "iformer_t",
}


@pytest.mark.parametrize(
    ("name", "suffix"),
    [*((name, "safetensors") for name in REFERENCES), ("mobilenetv3-small", "pth")],
)
def test_checkpoint_of_timm_gives_its_logits(name: str, suffix: str, tmp_path: Path) -> None:
    """The format sorts the names, so no order of layers is left in the file."""
    options = {"distillation": False} if name.startswith("repvit") else {}
    reference = randomise(timm.create_model(REFERENCES[name], **options)).double()
    path = tmp_path / f"weights.{suffix}"
    write(reference.state_dict(), path)
    arch = nas.load_arch(name)
    small = Arch(arch.name, arch.source, (3, 64, 64), arch.rows)
    module = build(small, weights=path).double()
    load_checkpoint(module, read_checkpoint(path))  # not through float
    images = torch.randn(2, 3, 64, 64, dtype=torch.double)
    with torch.no_grad():
        torch.testing.assert_close(module.eval()(images), reference.eval()(images))


#: network -> patterns of timm's names, and what its authors call that
AUTHORS = {
    "convnext-atto": {
        r"^stem\.": "downsample_layers.0.",
        r"^stages\.(\d)\.downsample\.": r"downsample_layers.\1.",
        r"\.blocks\.": ".",
        r"\.conv_dw\.": ".dwconv.",
        r"\.mlp\.fc": ".pwconv",
        r"^head\.(norm|fc)\.": r"\1.",
    },
    "iformer-t": {
        r"^stem\.conv1\.": "downsample_layers.0.0.",
        r"^stem\.conv2\.": "downsample_layers.0.2.conv_exp_bn1.",
        r"^stem\.conv3\.": "downsample_layers.0.2.conv_pwl_bn2.",
        r"^stages\.(\d)\.downsample\.": r"downsample_layers.\1.0.",
        r"\.blocks\.(\d+)\.": r".\1.block.",
        r"\.mixer\.module\.": ".token_channel_mixer.m.",
        r"\.cpe\.module\.": ".cpe.m.",
        r"^head\.head\.": "classifier.classifier.",
    },
}


@pytest.mark.parametrize("name", AUTHORS)
@pytest.mark.parametrize("ordered", [True, False])
def test_authors_who_list_downsampling_apart_get_their_logits(name: str, ordered: bool) -> None:
    reference = randomise(timm.create_model(name.replace("-", "_"))).double()
    state = reference.state_dict()
    for pattern, theirs in AUTHORS[name].items():
        state = {re.sub(pattern, theirs, own): tensor for own, tensor in state.items()}
    apart = sorted(state, key=lambda own: not own.startswith("downsample_layers"))
    module = build(replace(nas.load_arch(name), input=(3, 64, 64))).double()
    load_state(module, {own: state[own] for own in apart}, ordered=ordered)
    images = torch.randn(2, 3, 64, 64, dtype=torch.double)
    with torch.no_grad():
        torch.testing.assert_close(module.eval()(images), reference.eval()(images))


def write(state: State, path: Path) -> None:
    if path.suffix == ".safetensors":
        save_file({name: tensor.contiguous() for name, tensor in state.items()}, path)
    else:
        torch.save(state, path)


def transposed(state: State) -> None:
    state["row5_linear.linear.linear.weight"] = state["row5_linear.linear.linear.weight"].T


def without_bias(state: State) -> None:
    del state["row5_linear.linear.linear.bias"]


def without_a_layer(state: State) -> None:
    for name in [name for name in state if "ffn1" in name and "layer1" in name]:
        del state[name]


def with_a_layer(state: State) -> None:
    state["head.weight"] = torch.zeros(3, 8)


def swapped(state: State) -> None:
    """The first convolution beside the classifier: all layers have partners, in no order."""
    for name in [name for name in state if name.startswith("row1_conv.conv.conv")]:
        state[f"row5_linear.first.{name}"] = state.pop(name)


BROKEN: dict[str, tuple[Callable[[State], None], str]] = {
    "shape": (
        transposed,
        r"row5_linear\.linear\.linear\.weight \(8x10\) does not fit; the network has"
        r" row5_linear\.linear\.linear\.weight \(10x8\)",
    ),
    "bias": (
        without_bias,
        r"does not fit; the network has row5_linear\.linear\.linear\.bias \(10\)",
    ),
    "missing": (without_a_layer, r"nothing fits the network's row3_mobilevit\.layer1\.ffn1"),
    "extra": (with_a_layer, r"head\.weight \(3x8\) has no counterpart in the network"),
    "order": (swapped, r"no layer of the checkpoint matches the network's row"),
}


@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
@pytest.mark.parametrize("fault", BROKEN)
def test_first_tensor_that_does_not_fit_is_named_and_nothing_is_copied(
    small: Arch, trained: nn.Module, tmp_path: Path, fault: str, suffix: str
) -> None:
    damage, message = BROKEN[fault]
    state = dict(trained.state_dict())
    damage(state)
    path = tmp_path / f"broken.{suffix}"
    write(state, path)
    module = build(small)
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    with pytest.raises(WeightsError, match=rf"broken\.{suffix}: .*{message}"):
        load_checkpoint(module, read_checkpoint(path))
    assert all(torch.equal(before[name], tensor) for name, tensor in module.state_dict().items())


@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
@pytest.mark.parametrize("kept", [0, 1, 100, 5000])
def test_truncated_file_is_one_error(
    small: Arch, trained: nn.Module, tmp_path: Path, kept: int, suffix: str
) -> None:
    path = tmp_path / f"cut.{suffix}"
    write(trained.state_dict(), path)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(WeightsError, match=r"cut\..*holds no weights that can be read"):
        build(small, weights=path)


def test_random_damage_is_one_error_or_a_network(
    small: Arch, trained: nn.Module, tmp_path: Path
) -> None:
    generator = torch.Generator().manual_seed(0)
    for suffix in ("pth", "safetensors"):
        path = tmp_path / f"damaged.{suffix}"
        write(trained.state_dict(), path)
        whole = bytearray(path.read_bytes())
        for _ in range(100):
            broken = bytearray(whole)
            for place in torch.randint(len(whole) // 4, (4,), generator=generator).tolist():
                broken[place] ^= 0xFF
            path.write_bytes(broken)
            try:
                build(small, weights=path)
            except WeightsError as error:
                assert str(path) in str(error)


class Payload:
    """Creates a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("suffix", ["pth", "pt", "bin", "pkl", "safetensors"])
@pytest.mark.parametrize("wrapped", [False, True], ids=["bare", "beside tensors"])
def test_nothing_is_ever_unpickled(
    small: Arch, trained: nn.Module, tmp_path: Path, suffix: str, wrapped: bool
) -> None:
    trap, path = tmp_path / "trap", tmp_path / f"evil.{suffix}"
    payload: object = Payload(trap)
    if wrapped:
        torch.save({**trained.state_dict(), "payload": payload}, path)
    else:
        path.write_bytes(pickle.dumps(payload))
    with pytest.raises(WeightsError, match="holds no weights"):
        build(small, weights=path)
    assert not trap.exists()
    pickle.loads(pickle.dumps(payload))  # the trap works
    assert trap.exists()


@pytest.mark.parametrize(
    "content", [[], {}, {"epoch": 3}, {"weights": {"a": 1}}, {1: torch.ones(1)}]
)
def test_file_without_named_tensors_is_refused(
    small: Arch, tmp_path: Path, content: object
) -> None:
    torch.save(content, tmp_path / "odd.pth")
    with pytest.raises(WeightsError, match=r"odd\.pth: expected"):
        build(small, weights=tmp_path / "odd.pth")


def test_text_is_refused_without_the_advice_to_allow_any_object(
    small: Arch, tmp_path: Path
) -> None:
    (tmp_path / "net.yaml").write_text("name: small\n")
    with pytest.raises(WeightsError, match=r"net\.yaml: holds no .* expected tensors alone"):
        build(small, weights=tmp_path / "net.yaml")


def test_missing_file_is_one_error(small: Arch, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="none.safetensors"):
        build(small, weights=tmp_path / "none.safetensors")


def test_endless_search_is_cut_short() -> None:
    """Equal layers under a thousand names, and one that stands nowhere."""
    target = nn.Sequential(*(nn.Linear(2, 2) for _ in range(30)), nn.Linear(2, 3), nn.Linear(3, 2))
    state = {
        f"a{i}.{name}": t
        for i, layer in enumerate(target)
        for name, t in layer.state_dict().items()
    }
    pair = {
        f"z.{i}.{name}": state.pop(f"a{31 - i}.{name}")
        for i in (0, 1)
        for name in ("weight", "bias")
    }
    with pytest.raises(WeightsError):
        load_state(target, state | pair)


def test_name_nested_without_end_is_refused() -> None:
    target = nn.Sequential(nn.Linear(2, 2, bias=False))
    with pytest.raises(WeightsError, match="deeper"):
        load_state(target, {"a." * 5000 + "weight": torch.ones(2, 2)})


def test_classes_follow_from_a_checkpoint_with_two_classifiers(small: Arch, tmp_path: Path) -> None:
    *body, _ = small.rows
    two, seven = (replace(small, rows=(*body, DistilledNormLinear(n))) for n in (2, 7))
    write(build(seven).state_dict(), tmp_path / "seven.pth")
    found = network_of_checkpoint(two, tmp_path / "seven.pth")
    assert found.arch.graph.shape == (7,)
