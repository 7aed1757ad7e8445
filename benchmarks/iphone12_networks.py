"""The graphs of networks with published latencies on iPhone 12 and 13.

Known networks are read from `search_spaces/`. Most others are traced from timm's and torchvision's
modules (re-parameterised if they support it). The rest is built here op by op as deployed: RepNeXt
(arXiv:2406.16004), MobileViG (arXiv:2305.00335), RepViT-M0.6, and the steps from MobileNetV3-L to
RepViT (arXiv:2307.09283, section 3). The steps are our reading of the text, which names neither the
depth before the stage-ratio step nor the place of SE at that point.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from nas.blocks.mobilenet import MV2
from nas.blocks.repvit import RepViT, RepViTDown, RepViTStem, channel_mixer, token_mixer
from nas.graph.graph import Graph, GraphBuilder, Value
from nas.graph.widths import make_divisible
from nas.space.arch import lower, read_arch

ARCHS = Path(__file__).parents[1] / "search_spaces" / "archs"

CONVOLUTIONAL = frozenset({"mobilenet", "repvit", "mobileone", "repnext", "resnet", "starnet"})
"""Families of convolutions only, which make up a mobile search space."""


class Network(NamedTuple):
    """A network with published figures."""

    family: str
    graph: Callable[[int], Graph]
    """Builds the graph for a square image of a side."""


def seed(name: str) -> Callable[[int], Graph]:
    """Return a shipped architecture, at another resolution if needed."""

    def graph(side: int) -> Graph:
        arch = read_arch(ARCHS / f"{name}.yaml")
        return lower(arch.rows, (3, side, side), name)[0]

    return graph


def timm(name: str, *, backbone: bool = False) -> Callable[[int], Graph]:
    """Trace a timm model; as a backbone, without its classifier."""

    def graph(side: int) -> Graph:
        import timm as library
        from timm.utils import reparameterize_model

        from nas.modules.tracing.trace import graph_of

        options: dict[str, Any] = {"img_size": side} if name in SIZED else {}
        options |= {"num_classes": 0, "global_pool": ""} if backbone else {}
        module = reparameterize_model(library.create_model(name, **options).eval())
        return _mapped(*graph_of(module, (3, side, side)))

    return graph


def _mapped(graph: Graph, unmapped: list[str]) -> Graph:
    if unmapped:
        raise ValueError(f"calls without an op kind: {unmapped}")
    return graph


SIZED = frozenset({"efficientformerv2_s0", "efficientformerv2_s2", "efficientformerv2_l"})
"""Models whose position biases depend on the image size."""


def shufflenet(width: str) -> Callable[[int], Graph]:
    """Return torchvision's ShuffleNetV2."""

    def graph(side: int) -> Graph:
        from torchvision import models

        from nas.modules.tracing.trace import graph_of

        return graph_of(
            models.get_model(f"shufflenet_v2_x{width.replace('.', '_')}"), (3, side, side)
        )[0]

    return graph


def mobilenetv2(width: float, side: int) -> Graph:
    """Return MobileNetV2 with a width multiplier; below 1 the head keeps 1280."""
    stages = [(16, 1, 1, 1), (24, 6, 2, 2), (32, 6, 2, 3), (64, 6, 2, 4)]
    stages += [(96, 6, 1, 3), (160, 6, 2, 3), (320, 6, 1, 1)]
    g = GraphBuilder((3, side, side))
    x = g.conv(g.input, make_divisible(32 * width), k=3, s=2, act="relu6")
    for out, exp, stride, n in stages:
        for repeat in range(n):
            s = stride if repeat == 0 else 1
            row = MV2(out=make_divisible(out * width), exp=x.c * exp, s=s)
            x = row.lower(g, x)
    x = g.conv(x, make_divisible(1280 * max(1, width)), act="relu6")
    return _classified(g, x)


def mobilenetv1(side: int) -> Graph:
    """Return MobileNetV1 (arXiv:1704.04861, table 1)."""
    g = GraphBuilder((3, side, side))
    x = g.conv(g.input, 32, k=3, s=2, act="relu")
    widths = [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5]
    for out, s in [*widths, (1024, 2), (1024, 1)]:
        x = g.conv(g.depthwise(x, k=3, s=s, act="relu"), out, act="relu")
    return _classified(g, x)


def repvit(
    widths: tuple[int, ...],
    depths: tuple[int, ...],
    side: int,
    *,
    se: str = "cross",
) -> Graph:
    """Return RepViT; SE in every other block (`cross`), `every`, `none`, or not in stage 1."""
    g = GraphBuilder((3, side, side))
    x = RepViTStem(out=widths[0]).lower(g, g.input)
    for stage, (width, depth) in enumerate(zip(widths, depths, strict=True)):
        if stage:
            x = RepViTDown(out=width, exp=2 * x.c).lower(g, x)
        for block in range(depth):
            with_se = {"cross": block % 2 == 0, "every": True, "late": stage > 0, "none": False}[se]
            row = RepViT(out=width, exp=2 * width, se=0.25 if with_se else None)
            x = row.lower(g, x)
    return _classified(g, x)


M09 = (48, 96, 192, 384)
M11 = (64, 128, 256, 512)


def repnext(widths: tuple[int, ...], depths: tuple[int, ...], side: int) -> Graph:
    """Return RepNeXt as deployed: identity, 3 x 3, 7 x 7, 1 x 11 on a quarter of channels each."""
    g = GraphBuilder((3, side, side))
    x = RepViTStem(out=widths[0]).lower(g, g.input)
    for stage, (width, depth) in enumerate(zip(widths, depths, strict=True)):
        if stage:
            copies = (_dw(g, x, k=3, s=2), _dw(g, x, k=7, s=2))
            x = channel_mixer(g, g.add("concat", copies, "copies"), 2 * width, "gelu")
        for _ in range(depth):
            quarter = (width // 4, *x.shape[1:])
            parts = [g.add("resample", (x,), "quarter", shape=quarter) for _ in range(4)]
            wide = _dw(g, _dw(g, parts[3], k=11, kw=1), k=1, kw=11)
            mixed = (parts[0], _dw(g, parts[1], k=3), _dw(g, parts[2], k=7), wide)
            x = channel_mixer(g, g.add("concat", mixed, "chunks"), 2 * width, "gelu")
    return _classified(g, x)


def _dw(g: GraphBuilder, x: Value, *, k: int, kw: int | None = None, s: int = 1) -> Value:
    """Add a depthwise k x kw convolution with a bias."""
    size = {"k": k, "kw": k if kw is None else kw}
    return g.add("conv", (x,), "dw", out=x.c, groups=x.c, s=s, bias=True, **size)


def mobilevig(local: tuple[int, ...], widths: tuple[int, ...], blocks: int, side: int) -> Graph:
    """Return MobileViG: inverted residuals, then graph convolutions over rolled maps."""
    *maps, graph_width, emb = widths
    g = GraphBuilder((3, side, side))
    x = g.conv(g.input, maps[0] // 2, k=3, s=2, act="gelu")
    x = g.conv(x, maps[0], k=3, s=2, act="gelu")
    for stage, (width, depth) in enumerate(zip(maps, local, strict=True)):
        x = g.conv(x, width, k=3, s=2) if stage else x
        for _ in range(depth):
            row = MV2(out=width, exp=4 * width, act="gelu")
            x = row.lower(g, x)
    x = g.conv(x, graph_width, k=3, s=2)
    for _ in range(blocks):
        h = g.conv(x, graph_width)
        far = h
        for _ in range(2 * len(range(2, h.shape[1], 2))):
            rolled = g.add("permute", (h,), "roll", dims=(0, 1, 2))
            far = g.add("add", (far, g.add("add", (h, rolled), "difference")), "maximum")
        h = g.conv(g.add("concat", (h, far), "relative"), 2 * graph_width, act="gelu")
        x = g.residual(x, g.conv(h, graph_width))
        x = channel_mixer(g, x, 4 * graph_width, "gelu")
    x = g.add("global_pool", (x,), "pool")
    x = g.conv(x, emb, act="gelu")
    heads = (g.conv(x, 1000, norm=False, bias=True), g.conv(x, 1000, norm=False, bias=True))
    g.add("add", heads, "mean")
    return g.graph()


def roadmap(step: str, side: int) -> Graph:
    """Return a step from MobileNetV3-L to RepViT: `blocks` (1), `deep` (5), `plain` (6)."""
    g = GraphBuilder((3, side, side))
    wide = step in ("wide", "deep", "plain")
    widths = M09 if wide else (24, 40, 80, 112, 160)
    if step in ("deep", "plain"):
        x = RepViTStem(out=48).lower(g, g.input)
        stages = [(48, 2, 1, False, 3), (96, 3, 2, True, 5), (192, 6, 2, True, 3)]
        stages += [(384, 3, 2, True, 5)]
    else:
        x = g.conv(g.input, 16, k=3, s=2, act="gelu")
        x = _separated(g, x, 16, 1, 3, False, 1)
        third = [(widths[2], 6, 2, True, 3)] if wide else [(80, 4, 2, False, 3)]
        third += [] if wide else [(112, 2, 1, True, 3)]
        stages = [(widths[0], 2, 2, False, 3), (widths[1], 3, 2, True, 5), *third]
        stages += [(widths[-1], 3, 2, True, 5)]
    for out, n, stride, se, k in stages:
        for repeat in range(n):
            s = stride if repeat == 0 else 1
            if s == 2 and step in ("deep", "plain"):
                x = RepViTDown(out=out, exp=2 * x.c).lower(g, x)
            else:
                exp = 2 if step != "blocks" else 6 if out in (112, 160) else 3
                x = _separated(g, x, out, s, k, se, exp)
    if step == "plain":
        return _classified(g, x)
    x = g.add("global_pool", (g.conv(x, 960, act="gelu"),), "pool")
    x = g.add("reshape", (x,), "flatten", shape=(960,))
    g.linear(g.linear(x, 1280, act="gelu"), 1000)
    return g.graph()


def _separated(g: GraphBuilder, x: Value, out: int, s: int, k: int, se: bool, exp: int) -> Value:
    """Add MobileNetV3's block with the depthwise convolution and SE before the expansion."""
    if s == 1 and out == x.c:
        return channel_mixer(g, token_mixer(g, x, k, 0.25 if se else None), exp * out, "gelu")
    h = g.depthwise(x, k=k, s=s)
    h = g.squeeze_excite(h, make_divisible(h.c * 0.25)) if se else h
    return channel_mixer(g, g.conv(h, out), exp * out, "gelu")


def _classified(g: GraphBuilder, x: Value) -> Graph:
    pooled = g.add("global_pool", (x,), "pool")
    g.linear(g.add("reshape", (pooled,), "flatten", shape=(x.c,)), 1000)
    return g.graph()


#: family -> published name -> timm's name
TIMM: dict[str, dict[str, str]] = {
    "mobilenet": {
        "MobileNetV3 Large 0.75": "mobilenetv3_large_075",
        "MNASNet A1": "semnasnet_100",
        "MixNet S": "mixnet_s",
        "MobileNetV4 Conv-S": "mobilenetv4_conv_small",
        "MobileNetV4 Conv-M": "mobilenetv4_conv_medium",
        "MobileNetV4 Conv-L": "mobilenetv4_conv_large",
        "MobileNetV4 Hybrid-M": "mobilenetv4_hybrid_medium",
    }
    | {f"EfficientNet B{n}": f"efficientnet_b{n}" for n in (2, 3, 4, 5)},
    "repvit": {
        "RepViT M1.5": "repvit_m1_5",
        "RepViT M2.3": "repvit_m2_3",
        "RepViT old M2": "repvit_m2",
        "RepViT old M3": "repvit_m3",
    },
    "mobileone": {f"MobileOne S{n}": f"mobileone_s{n}" for n in range(5)},
    "resnet": {f"ResNet {n}": f"resnet{n}" for n in (50, 101, 152)},
    "starnet": {f"StarNet S{n}": f"starnet_s{n}" for n in range(1, 5)},
    "ghostnet": {f"GhostNetV3 1.{n}": f"ghostnetv3_1{n}0" for n in (0, 3, 6)},
    "efficientformer": {f"EfficientFormer L{n}": f"efficientformer_l{n}" for n in (1, 3, 7)}
    | {f"EfficientFormerV2 {n}": f"efficientformerv2_{n.lower()}" for n in ("S0", "S2", "L")},
    "fastvit": {
        f"FastViT {n}": f"fastvit_{n.lower()}"
        for n in ("T8", "T12", "S12", "SA12", "SA24", "SA36", "MA36")
    }
    | {f"MobileCLIP S{n}": f"fastvit_mci{n}" for n in (0, 1, 2)},
    "swiftformer": {f"SwiftFormer {n}": f"swiftformer_{n.lower()}" for n in ("XS", "L1", "L3")},
    "poolformer": {
        f"PoolFormer {n}": f"poolformer_{n.lower()}" for n in ("S12", "S24", "S36", "M36", "M48")
    },
    "convnext": {f"ConvNeXt {n[0].upper()}": f"convnext_{n}" for n in ("tiny", "small", "base")},
    "fasternet": {f"FasterNet T{n}": f"fasternet_t{n}" for n in (0, 1)},
    "lowformer": {f"LowFormer B{n}": f"lowformer_b{n.replace('.', '')}" for n in ("0", "1", "1.5")},
    "mobilevit": {f"MobileViTv2 {n}.{m}": f"mobilevitv2_{n}{m}0" for n, m in ((0, 5), (1, 0))},
    "shvit": {f"SHViT S{n}": f"shvit_s{n}" for n in (1, 2, 4)},
    "iformer": {f"iFormer {n}": f"iformer_{n.lower()}" for n in ("T", "S", "M", "L", "L2")},
    "nextvit": {f"Next-ViT {n[0].upper()}": f"nextvit_{n}" for n in ("small", "base", "large")},
    "vit": {"DeiT S": "deit_small_patch16_224", "DeiT B": "deit_base_patch16_224"},
    "efficientvit": {f"EfficientViT B{n}": f"efficientvit_b{n}" for n in (1, 2, 3)},
    "regnet": {"RegNetY 8G?": "regnety_080", "RegNetY 16G?": "regnety_160"},
}

#: the same for backbones, measured at 512 pixels without their classifier
BACKBONES: dict[str, dict[str, str]] = {
    "mobilenet": {"EfficientNet B0": "efficientnet_b0"},
    "repvit": {f"RepViT M{a}.{b}": f"repvit_m{a}_{b}" for a, b in ((1, 1), (1, 5), (2, 3))},
    "resnet": {"ResNet 18": "resnet18", "ResNet 50": "resnet50"},
    "poolformer": {"PoolFormer S12": "poolformer_s12", "PoolFormer S24": "poolformer_s24"},
    "efficientformer": {
        "EfficientFormerV2 S2": "efficientformerv2_s2",
        "EfficientFormerV2 L": "efficientformerv2_l",
    },
    "fastvit": {"FastViT SA12": "fastvit_sa12", "FastViT SA24": "fastvit_sa24"},
    "iformer": {"iFormer M": "iformer_m", "iFormer L": "iformer_l"},
    "convnext": {"ConvNeXt T": "convnext_tiny"},
}

#: family -> published name -> graph, for networks built or read here
BUILT: dict[str, dict[str, Callable[[int], Graph]]] = {
    "mobilenet": {
        "MobileNetV1 1.0": mobilenetv1,
        "MobileNetV2 0.5": partial(mobilenetv2, 0.5),
        "MobileNetV2 1.0": seed("mobilenetv2"),
        "MobileNetV2 1.5": partial(mobilenetv2, 1.5),
        "MobileNetV2 2.0": partial(mobilenetv2, 2.0),
        "MobileNetV3 Large": seed("mobilenetv3-large"),
        "EfficientNet B0": seed("efficientnet-b0"),
        "EfficientNetV2 S": seed("efficientnetv2-s"),
    },
    "repvit": {
        "RepViT M0.6": partial(repvit, (40, 80, 160, 320), (2, 2, 8, 1)),
        "RepViT M0.9": seed("repvit-m0.9"),
        "RepViT M0.9 SE per block": partial(repvit, M09, (2, 2, 14, 2), se="every"),
        "RepViT M1.1": seed("repvit-m1.1"),
        "RepViT M1.5 w/o SE": partial(repvit, M11, (4, 4, 24, 4), se="none"),
        "RepViT step1": partial(roadmap, "blocks"),
        "RepViT step2": partial(roadmap, "narrow"),
        "RepViT step3": partial(roadmap, "wide"),
        "RepViT step5": partial(roadmap, "deep"),
        "RepViT step6": partial(roadmap, "plain"),
        "RepViT step8": partial(repvit, M09, (2, 2, 14, 2), se="late"),
    },
    "repnext": {
        "RepNeXt M0": partial(repnext, (40, 80, 160, 320), (2, 2, 9, 1)),
        "RepNeXt M1": partial(repnext, M09, (3, 3, 15, 2)),
        "RepNeXt M3": partial(repnext, M11, (3, 3, 13, 2)),
        "RepNeXt M5": partial(repnext, (80, 160, 320, 640), (7, 7, 35, 2)),
    },
    "mobilevig": {
        "MobileViG Ti": partial(mobilevig, (2, 2, 6), (42, 84, 168, 256, 512), 2),
        "MobileViG S": partial(mobilevig, (3, 3, 9), (42, 84, 176, 256, 512), 3),
        "MobileViG M": partial(mobilevig, (3, 3, 9), (42, 84, 224, 400, 768), 3),
        "MobileViG B": partial(mobilevig, (5, 5, 15), (42, 84, 240, 464, 768), 5),
    },
    "mobilevit": {f"MobileViT {n}": seed(f"mobilevit-{n.lower()}") for n in ("XXS", "S")},
    "shufflenet": {f"ShuffleNetV2 {width}": shufflenet(width) for width in ("1.0", "1.5", "2.0")},
}


def _networks() -> dict[str, Network]:
    found = {name: Network(f, graph) for f, own in BUILT.items() for name, graph in own.items()}
    for family, names in TIMM.items():
        found |= {name: Network(family, timm(model)) for name, model in names.items()}
    for family, names in BACKBONES.items():
        for name, model in names.items():
            found[f"{name} backbone"] = Network(family, timm(model, backbone=True))
    return found


#: published "MODEL VARIANT" -> network
NETWORKS = _networks()

#: the same for iPhone 14, whose source has further networks
NETWORKS14 = NETWORKS | {
    "MobileNetV2 1.4": Network("mobilenet", partial(mobilenetv2, 1.4)),
    "MobileViT XS": Network("mobilevit", seed("mobilevit-xs")),
    "SwiftFormer S": Network("swiftformer", timm("swiftformer_s")),
    "DeiT T": Network("vit", timm("deit_tiny_patch16_224")),
    **{
        f"MobileViTv2 {width}": Network("mobilevit", timm(f"mobilevitv2_{width[0]}{width[2]}0"))
        for width in ("1.0", "1.5", "2.0")
    },
}
