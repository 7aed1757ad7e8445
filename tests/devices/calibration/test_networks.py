"""Families are told from names; an unknown network by its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from nas.devices.calibration.networks import family, measured
from nas.devices.measurements import read_measurements
from nas.errors import DocumentError


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
    assert family(name) == expected


def test_an_unknown_network_is_named_by_its_first_line(tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    path.write_text("network,ms\nmobilenetv2@192,1\nmobilenet_v2,1\nmobilenet_v2@192,1\n")
    with pytest.raises(
        DocumentError, match=r"line 3 \(network\): unknown architecture 'mobilenet_"
    ):
        measured(read_measurements(path))
