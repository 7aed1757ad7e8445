"""Detect the conventions of a checkpoint from its tensor names and metadata."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from torch import nn

from nas.errors import WeightsError
from nas.graph.conventions import ORIGINS, PADDINGS, Conventions, conventions_of
from nas.graph.graph import Graph
from nas.modules.checkpoints.file import Checkpoint
from nas.modules.layers import SameConv2d, StandardConv2d

#: tensor names that only one library uses -> the library whose conventions hold
NAMES: Mapping[str, str] = {
    # EfficientNet-PyTorch and efficientnet_lite_pytorch: converted from TensorFlow
    r"(?:^|\.)_blocks\.\d+\._(?:depthwise|expand)_conv\.": "tensorflow",
    # transformers: MobileNetV1, MobileNetV2, EfficientNet, converted from TensorFlow
    r"^mobilenet_v[12]\.|(?:^|\.)conv_stem\.first_conv\.convolution\.": "tensorflow",
    r"(?:^|\.)blocks\.\d+\.(?:depthwise_conv|expansion)\.\w+\.": "tensorflow",
    # torchvision: MobileNetV3, EfficientNet
    r"(?:^|\.)features\.\d+\.(?:\d+\.)?block\.\d+\.": "torchvision",
    r"(?:^|\.)blocks\.\d+\.\d+\.conv_(?:pw|pwl|dw|exp)\.": "timm",
}
TENSORFLOW = re.compile(r"(?:^|[^a-zA-Z0-9])tf_(?:efficientnet|mobilenet|mixnet)")
"""timm's networks with converted weights; their tensor names are the same as timm's others."""


def known_conventions(saved: Checkpoint, path: Path, graph: Graph) -> Conventions | None:
    """The conventions that the file states or implies; None if it does neither.

    Raises:
        WeightsError: the metadata are not valid.
    """
    if "batch_norm_eps" in saved.metadata:
        return _from_metadata(saved.metadata, path)
    origin = origin_of(saved, path)
    return None if origin in ("", "nas") else conventions_of(origin, graph)


def origin_of(saved: Checkpoint, path: Path) -> str:
    """One of `ORIGINS`, or empty if unknown."""
    found = "nas" if saved.is_own else ""
    for pattern, origin in NAMES.items():
        if any(re.search(pattern, name) for name in saved.state):
            found = origin
            break
    if found in ("", "timm") and any(map(TENSORFLOW.search, (saved.network, path.name))):
        return "tensorflow"
    return found


def _from_metadata(metadata: Mapping[str, str], path: Path) -> Conventions:
    of, padding = metadata.get("weights_of", "nas"), metadata.get("padding", "symmetric")
    try:
        eps = float(metadata["batch_norm_eps"])
    except ValueError:
        eps = 0.0
    if not 0 < eps < 1 or of not in ORIGINS or padding not in PADDINGS:
        raise WeightsError(f"{path}: cannot read its metadata: {dict(metadata)}")
    return Conventions(of, eps, padding)


def as_metadata(conventions: Conventions | None) -> dict[str, str]:
    """Conventions as metadata of a safetensors file."""
    if conventions is None:
        return {}
    return {
        "weights_of": conventions.weights_of,
        "batch_norm_eps": repr(conventions.batch_norm_eps),
        "padding": conventions.padding,
    }


def conventions_in(module: nn.Module) -> Conventions | None:
    """Conventions of a module; None if they are PyTorch's or differ between layers."""
    eps = {
        layer.eps
        for layer in module.modules()
        if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d)
    }
    same = any(
        isinstance(layer, SameConv2d) and not isinstance(layer, StandardConv2d)
        for layer in module.modules()
    )
    if len(eps) != 1:
        return None
    found = Conventions("nas", eps.pop(), "same" if same else "symmetric")
    return None if found == Conventions() else found
