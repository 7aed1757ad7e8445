"""Detect the conventions of a checkpoint from its tensor names and metadata."""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import nn

from nas.errors import WeightsError
from nas.graph.conventions import ORIGINS, OURS, PADDINGS, Conventions, conventions_of
from nas.graph.graph import Graph
from nas.modules.checkpoints.file import Checkpoint
from nas.modules.layers import SameConv2d

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


def known_conventions(saved: Checkpoint, graph: Graph) -> Conventions | None:
    """The conventions that the file states or implies; None if it does neither.

    Raises:
        WeightsError: the metadata are not valid.
    """
    if "batch_norm_eps" in saved.metadata:
        return _from_metadata(saved)
    origin = _origin(saved)
    return None if origin in ("", "nas") else conventions_of(origin, graph)


def _origin(saved: Checkpoint) -> str:
    """One of `ORIGINS`, or empty if unknown."""
    found = "nas" if saved.is_own else ""
    for pattern, origin in NAMES.items():
        if any(re.search(pattern, name) for name in saved.state):
            found = origin
            break
    if found in ("", "timm") and any(map(TENSORFLOW.search, (saved.network, saved.path.name))):
        return "tensorflow"
    return found


def _from_metadata(saved: Checkpoint) -> Conventions:
    metadata = saved.metadata
    of, padding = metadata.get("weights_of", "nas"), metadata.get("padding", "symmetric")
    try:
        eps = float(metadata["batch_norm_eps"])
    except ValueError:
        eps = 0.0
    if not 0 < eps < 1 or of not in ORIGINS or padding not in PADDINGS:
        raise WeightsError(f"{saved.path}: cannot read its metadata: {dict(metadata)}")
    return Conventions(of, eps, padding)


def conventions_in(module: nn.Module) -> Conventions | None:
    """Conventions of a module; None if they are PyTorch's or differ between layers."""
    layers = list(module.modules())
    eps = {layer.eps for layer in layers if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d)}
    same = any(type(layer) is SameConv2d for layer in layers)
    if len(eps) != 1:
        return None
    found = Conventions("nas", eps.pop(), "same" if same else "symmetric")
    return None if found == OURS else found
