from __future__ import annotations

import pytest

from nas.space.family import family_of


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mobilenetv3-large-0.75", "mobilenet"),
        ("timm:mobilenetv4_conv_small", "mobilenet"),
        ("timm:tf_mobilenetv3_large_minimal_100", "mobilenet"),
        ("efficientnet-b0", "efficientnet"),
        ("torchvision:resnet18", "resnet"),
        ("timm:resnetv2_50", "resnet"),
        ("runs/mine/best.yaml", "best"),
        ("model.py:tiny", "tiny"),
        ("vit-b16", "vit"),
    ],
)
def test_networks_alike_are_of_one_family(name: str, expected: str) -> None:
    assert family_of(name) == expected
