"""The graphs of networks with published latencies on devices other than iPhones.

They are tables of the project at a width, and models of timm and torchvision. Here a family is one
generation (MobileNetV2 is left out separately from V3), since some devices were measured with
MobileNets alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache, partial
from importlib import import_module

from iphone12_networks import Network, mobilenetv2

from nas import library
from nas.graph.graph import Graph
from nas.modules.networks import load_network
from nas.modules.tracing.trace import graph_of
from nas.space.scaling import scaled

Graphs = Callable[[int], Graph]
"""Builds the graph of a network for square images of a side."""


def named(name: str) -> Graphs:
    """Return a network by its name in timm, torchvision or the project."""
    return lambda side: load_network(f"{name}@{side}").graph


def wide(name: str, width: str) -> Graphs:
    """Return a table of the project at a width multiplier."""
    return lambda side: scaled(library.load_arch(name), width=float(width), side=side).graph


def of_timm(builder: str, variant: str, width: str) -> Graphs:
    """Return a timm builder at widths for which timm registers no model."""

    def graph(side: int) -> Graph:
        create = getattr(import_module("timm.models.mobilenetv3"), builder)
        return graph_of(create(variant, float(width)).eval(), (3, side, side))[0]

    return graph


def mobilenetv3(size: str, width: str) -> Graphs:
    """Return MobileNetV3 with squeeze and excitation and hard-swish."""
    return of_timm("_gen_mobilenet_v3", f"mobilenetv3_{size.lower()}_100", width)


def shufflenet(width: str) -> Graphs:
    """Return ShuffleNetV2 with PaddleClas' widths (its file shufflenet_v2.py)."""
    widths = {
        "0.25": (24, 24, 48, 96, 512),
        "0.33": (24, 32, 64, 128, 512),
        "0.5": (24, 48, 96, 192, 1024),
        "1.0": (24, 116, 232, 464, 1024),
        "1.5": (24, 176, 352, 704, 1024),
        "2.0": (24, 224, 488, 976, 2048),
    }

    def graph(side: int) -> Graph:
        from torchvision.models import ShuffleNetV2

        module = ShuffleNetV2([4, 8, 4], list(widths[width]))
        return graph_of(module.eval(), (3, side, side))[0]

    return graph


#: pattern of the published name (Paddle's `_x0_25` as ` 0.25`) -> family; graph from its groups
PATTERNS: dict[str, tuple[str, Callable[..., Graphs]]] = {
    r"MobileNetV1 ([\d.]+)": ("mobilenetv1", partial(wide, "mobilenetv1")),
    r"MobileNetV2 ([\d.]+)": (
        "mobilenetv2",
        lambda width: partial(mobilenetv2, float(width)),
    ),
    r"MobileNetV3[ _](Large|Small|large|small) ([\d.]+)(?: float)?": ("mobilenetv3", mobilenetv3),
    r"MobileNetV3 (Large|Small) minimalistic float": (
        "mobilenetv3",
        lambda size: named(f"timm:tf_mobilenetv3_{size.lower()}_minimal_100"),
    ),
    r"MobileNetV4 (Conv|Hybrid)-([SML])": (
        "mobilenetv4",
        lambda kind, size: named(
            f"timm:mobilenetv4_{kind.lower()}_" + {"S": "small", "M": "medium", "L": "large"}[size]
        ),
    ),
    r"MnasNet-A1 ([\d.]+)": ("mnasnet", partial(wide, "mnasnet-a1")),
    r"MnasNet ([\d.]+)": ("mnasnet", partial(wide, "mnasnet")),
    r"EfficientNet-lite (\d)": (
        "efficientnet",
        lambda n: lambda _: library.load_arch(f"efficientnet-lite{n}").graph,
    ),
    r"ShuffleNetV2 ([\d.]+)": ("shufflenet", shufflenet),
    r"GhostNet (\d)\.(\d)": ("ghostnet", lambda a, b: named(f"timm:ghostnet_{a}{b}0")),
    r"PPLCNet ([\d.]+)": ("lcnet", partial(of_timm, "_gen_lcnet", "lcnet_100")),
    r"MobileOne (S\d)": ("mobileone", lambda size: named(f"timm:mobileone_{size.lower()}")),
    r"FastViT (\w+)": ("fastvit", lambda size: named(f"timm:fastvit_{size.lower()}")),
    r"EfficientViT \(MIT\) (B\d)-.*": (
        "efficientvit",
        lambda size: named(f"timm:efficientvit_{size.lower()}"),
    ),
}

#: the same for networks without variants: family, name
NAMES: dict[str, tuple[str, str]] = {
    "ConvNeXt S": ("convnext", "torchvision:convnext_small"),
    "DenseNet 121": ("densenet", "torchvision:densenet121"),
    "Inception V3": ("inception", "timm:inception_v3"),
    "Inception V4": ("inception", "timm:inception_v4"),
    "Inception-ResNet V2": ("inception", "timm:inception_resnet_v2"),
    "NASNet large": ("nasnet", "timm:nasnetalarge"),
    "ResNet V2_101": ("resnet", "timm:resnetv2_101"),
    "SqueezeNet": ("squeezenet", "torchvision:squeezenet1_0"),
    # Qualcomm AI Hub
    "beit": ("vit", "timm:beit_base_patch16_224"),
    "convnext_base": ("convnext", "torchvision:convnext_base"),
    "densenet121": ("densenet", "torchvision:densenet121"),
    "dla102x": ("dla", "timm:dla102x"),
    "efficientformer": ("efficientformer", "timm:efficientformer_l1"),
    "efficientnet_b4": ("efficientnet", "timm:efficientnet_b4"),
    "efficientnet_v2_s": ("efficientnet", "torchvision:efficientnet_v2_s"),
    "efficientvit_b2_cls": ("efficientvit", "timm:efficientvit_b2"),
    "efficientvit_l2_cls": ("efficientvit", "timm:efficientvit_l2"),
    "inception_v3": ("inception", "timm:inception_v3"),
    "levit": ("levit", "timm:levit_128s"),
    "mobilenet_v2": ("mobilenet", "torchvision:mobilenet_v2"),
    "mobilenet_v3_small": ("mobilenet", "torchvision:mobilenet_v3_small"),
    "nasnet": ("nasnet", "timm:nasnetalarge"),
    "regnet_y_800mf": ("regnet", "torchvision:regnet_y_800mf"),
    "resnet18": ("resnet", "torchvision:resnet18"),
    "resnet50": ("resnet", "torchvision:resnet50"),
    "resnet101": ("resnet", "torchvision:resnet101"),
    "resnext50": ("resnext", "torchvision:resnext50_32x4d"),
    "resnext101": ("resnext", "torchvision:resnext101_32x8d"),
    "shufflenet_v2": ("shufflenet", "torchvision:shufflenet_v2_x0_5"),
    "squeezenet1_1": ("squeezenet", "torchvision:squeezenet1_1"),
    "vit": ("vit", "torchvision:vit_b_16"),
    "wideresnet50": ("resnet", "torchvision:wide_resnet50_2"),
}


@cache
def network(name: str) -> Network | None:
    """Return the network of this published name, if it has a graph."""
    if name in NAMES:
        family, known = NAMES[name]
        return Network(family, named(known))
    for pattern, (family, graph) in PATTERNS.items():
        if match := re.fullmatch(pattern, name):
            return Network(family, graph(*match.groups()))
    return None
