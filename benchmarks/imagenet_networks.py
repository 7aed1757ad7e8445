"""Networks with a known ImageNet top-1, written as rows: the data of the accuracy surrogate.

Each family is its paper's table at width 1.0, one stage per line, with rules to scale it. Sources:
MobileNetV2 arXiv:1801.04381, MobileNetV3 arXiv:1905.02244, MnasNet arXiv:1807.11626, Single-Path
NAS arXiv:1904.02877, FBNet arXiv:1812.03443, EfficientNet arXiv:1905.11946 (and its Lite variant),
EfficientNetV2 arXiv:2104.00298, TinyNet arXiv:2010.14819, RepViT arXiv:2307.09283. Widths and
depths round as in the reference code. The fit drops a network whose parameters do not match.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil

from nas.blocks import Row
from nas.blocks.conv import Conv, Linear, NormLinear, Pool
from nas.blocks.efficientnet import FusedMBConv, MBConv
from nas.blocks.mobilenet import MV2, Bneck
from nas.blocks.repvit import RepViT, RepViTDown, RepViTStem
from nas.graph.widths import make_divisible
from nas.space.arch import Arch

#: op, repeats, k, s, expansion, width, squeeze-and-excitation; one stage (or part) per line
STAGES = {
    "mobilenetv2": """
        mv2 1 3 1 1 16 0
        mv2 2 3 2 6 24 0
        mv2 3 3 2 6 32 0
        mv2 4 3 2 6 64 0
        mv2 3 3 1 6 96 0
        mv2 3 3 2 6 160 0
        mv2 1 3 1 6 320 0""",
    "mobilenetv3-large": """
        bneck-relu 1 3 1 1 16 0
        bneck-relu 1 3 2 4 24 0
        bneck-relu 1 3 1 3 24 0
        bneck-relu 3 5 2 3 40 1
        bneck 1 3 2 6 80 0
        bneck 1 3 1 2.5 80 0
        bneck 2 3 1 2.3 80 0
        bneck 2 3 1 6 112 1
        bneck 3 5 2 6 160 1""",
    "mobilenetv3-small": """
        bneck-relu 1 3 2 1 16 1
        bneck-relu 1 3 2 4.5 24 0
        bneck-relu 1 3 1 3.67 24 0
        bneck 1 5 2 4 40 1
        bneck 2 5 1 6 40 1
        bneck 2 5 1 3 48 1
        bneck 3 5 2 6 96 1""",
    "mobilenetv3-large-minimal": """
        bneck 1 3 1 1 16 0
        bneck 1 3 2 4 24 0
        bneck 1 3 1 3 24 0
        bneck 3 3 2 3 40 0
        bneck 1 3 2 6 80 0
        bneck 1 3 1 2.5 80 0
        bneck 2 3 1 2.3 80 0
        bneck 2 3 1 6 112 0
        bneck 3 3 2 6 160 0""",
    "mobilenetv3-small-minimal": """
        bneck 1 3 2 1 16 0
        bneck 1 3 2 4.5 24 0
        bneck 1 3 1 3.67 24 0
        bneck 1 3 2 4 40 0
        bneck 2 3 1 6 40 0
        bneck 2 3 1 3 48 0
        bneck 3 3 2 6 96 0""",
    "mnasnet-a1": """
        mbconv 1 3 1 1 16 0
        mbconv 2 3 2 6 24 0
        mbconv 3 5 2 3 40 1
        mbconv 4 3 2 6 80 0
        mbconv 2 3 1 6 112 1
        mbconv 3 5 2 6 160 1
        mbconv 1 3 1 6 320 0""",
    "mnasnet-b1": """
        mbconv 1 3 1 1 16 0
        mbconv 3 3 2 3 24 0
        mbconv 3 5 2 3 40 0
        mbconv 3 5 2 6 80 0
        mbconv 2 3 1 6 96 0
        mbconv 4 5 2 6 192 0
        mbconv 1 3 1 6 320 0""",
    "mnasnet-small": """
        mbconv 1 3 1 1 8 0
        mbconv 1 3 2 3 16 0
        mbconv 2 3 2 6 16 0
        mbconv 4 5 2 6 32 1
        mbconv 3 3 1 6 32 1
        mbconv 3 5 2 6 88 1
        mbconv 1 3 1 6 144 0""",
    "single-path-nas": """
        mbconv 1 3 1 1 16 0
        mbconv 3 3 2 3 24 0
        mbconv 1 5 2 6 40 0
        mbconv 3 3 1 3 40 0
        mbconv 1 5 2 6 80 0
        mbconv 3 3 1 3 80 0
        mbconv 1 5 1 6 96 0
        mbconv 3 5 1 3 96 0
        mbconv 4 5 2 6 192 0
        mbconv 1 3 1 6 320 0""",
    "fbnet-c": """
        mbconv 1 3 1 1 16 0
        mbconv 1 3 2 6 24 0
        mbconv 2 3 1 1 24 0
        mbconv 1 5 2 6 32 0
        mbconv 1 5 1 3 32 0
        mbconv 1 5 1 6 32 0
        mbconv 1 3 1 6 32 0
        mbconv 1 5 2 6 64 0
        mbconv 1 5 1 3 64 0
        mbconv 2 5 1 6 64 0
        mbconv 3 5 1 6 112 0
        mbconv 1 5 1 3 112 0
        mbconv 4 5 2 6 184 0
        mbconv 1 3 1 6 352 0""",
    "efficientnet": """
        mbconv 1 3 1 1 16 1
        mbconv 2 3 2 6 24 1
        mbconv 2 5 2 6 40 1
        mbconv 3 3 2 6 80 1
        mbconv 3 5 1 6 112 1
        mbconv 4 5 2 6 192 1
        mbconv 1 3 1 6 320 1""",
    "efficientnetv2-b": """
        fused 1 3 1 1 16 0
        fused 2 3 2 4 32 0
        fused 2 3 2 4 48 0
        mbconv 3 3 2 4 96 1
        mbconv 5 3 1 6 112 1
        mbconv 8 3 2 6 192 1""",
    "efficientnetv2-s": """
        fused 2 3 1 1 24 0
        fused 4 3 2 4 48 0
        fused 4 3 2 4 64 0
        mbconv 6 3 2 4 128 1
        mbconv 9 3 1 6 160 1
        mbconv 15 3 2 6 256 1""",
}


@dataclass(frozen=True, slots=True)
class Family:
    """Rules that turn a table of stages into a network."""

    stages: str
    act: str
    stem: int = 32
    head: int = 1280
    """Width of the 1 x 1 convolution after the stages."""
    hidden: int = 0
    """Width of a hidden linear layer after pooling, at every multiplier; 0 for none."""
    head_grows: bool = True
    """The head follows width multipliers above 1."""
    head_shrinks: bool = False
    """The head follows width multipliers below 1."""
    fixed_stem: float = 0.0
    """The stem keeps its width at multipliers below this value."""
    fixed_ends: bool = False
    """The first and the last stage keep their repeats."""
    rounding: Callable[[float], float] = ceil
    """Rounds scaled repeats to whole ones."""
    keep: float = 0.9
    """Rounding keeps at least this share of a scaled width."""
    se: float | None = 0.25

    def scaled(self, name: str, *, width: float, depth: float, side: int) -> Arch:
        """Build the network at a width and depth multiplier, for side x side images."""

        def wide(channels: float, times: float = width) -> int:
            return int(make_divisible(channels * times, keep=self.keep))

        c = self.stem if width < self.fixed_stem else wide(self.stem)
        rows: list[Row] = [Conv(out=c, k=3, act=self.act, s=2)]
        stages = [line.split() for line in STAGES[self.stages].strip().splitlines()]
        for index, (op, *cells) in enumerate(stages):
            n, k, s, expansion, out, se = map(float, cells)
            ends = self.fixed_ends and index in (0, len(stages) - 1)
            for repeat in range(max(1, int(n if ends else self.rounding(n * depth)))):
                ratio = self.se if se else None
                stride = int(s) if repeat == 0 else 1
                rows.append(_block(op, c * expansion, wide(out), int(k), ratio, self.act, stride))
                c = wide(out)
        grow = max(width, 1.0) if self.head_grows else 1.0
        shrink = min(width, 1.0) if self.head_shrinks else 1.0
        rows += [Conv(out=wide(self.head, grow * shrink), k=1, act=self.act), Pool()]
        rows += [Linear(out=self.hidden, act=self.act)] if self.hidden else []
        return Arch(name, "", (3, side, side), (*rows, Linear(out=1000)))


def _block(op: str, exp: float, out: int, k: int, se: float | None, act: str, s: int) -> Row:
    if op == "mv2":
        return MV2(out=out, exp=int(exp), k=k, act=act, s=s)
    if op == "fused":
        return FusedMBConv(out=out, exp=int(exp), k=k, act=act, s=s)
    if op == "mbconv":
        return MBConv(out=out, exp=int(exp), k=k, se=se, act=act, s=s)
    act = "relu" if op == "bneck-relu" else act
    return Bneck(out=out, exp=int(make_divisible(exp)), k=k, se=se, act=act, s=s)


FAMILIES: Mapping[str, Family] = {
    "mobilenetv2": Family("mobilenetv2", "relu6"),
    "mobilenetv2-deep": Family(
        "mobilenetv2", "relu6", head_grows=False, fixed_stem=9, fixed_ends=True
    ),
    "mobilenetv3-large": Family(
        "mobilenetv3-large", "hswish", 16, 960, 1280, head_shrinks=True, fixed_stem=0.75
    ),
    "mobilenetv3-small": Family(
        "mobilenetv3-small", "hswish", 16, 576, 1024, head_shrinks=True, fixed_stem=0.75
    ),
    "mobilenetv3-large-minimal": Family("mobilenetv3-large-minimal", "relu", 16, 960, 1280),
    "mobilenetv3-small-minimal": Family("mobilenetv3-small-minimal", "relu", 16, 576, 1024),
    "mnasnet-a1": Family("mnasnet-a1", "relu", head_grows=False),
    "mnasnet-b1": Family("mnasnet-b1", "relu", head_grows=False),
    "mnasnet-small": Family("mnasnet-small", "relu", 8),
    "single-path-nas": Family("single-path-nas", "relu"),
    "fbnet-c": Family("fbnet-c", "relu", 16, 1984),
    "efficientnet": Family("efficientnet", "silu"),
    "efficientnet-lite": Family(
        "efficientnet", "relu6", head_grows=False, fixed_stem=9, fixed_ends=True, se=None
    ),
    "tinynet": Family("efficientnet", "silu", fixed_stem=9, rounding=round),
    "efficientnetv2-b": Family("efficientnetv2-b", "silu", keep=0),
    "efficientnetv2-s": Family("efficientnetv2-s", "silu", 24),
}


def repvit(name: str, *, width: int, repeats: tuple[int, ...], se: bool = True) -> Arch:
    """Build RepViT with `width` channels in the first stage and SE in every other block."""
    rows: list[Row] = [RepViTStem(out=width)]
    for stage, n in enumerate(repeats):
        c = width * 2**stage
        rows += [RepViTDown(out=c, exp=c)] if stage else []
        ratios = [0.25 if se and block % 2 == 0 else None for block in range(n)]
        rows += [RepViT(out=c, exp=2 * c, se=ratio) for ratio in ratios]
    return Arch(name, "", (3, 224, 224), (*rows, Pool(), NormLinear(out=1000)))


def accel_nasbench(cells: Mapping[str, str]) -> Arch:
    """Build a row of Accel-NASBench (arXiv:2404.08005): seven stages of MBConv with ReLU."""
    rows: list[Row] = [Conv(out=32, k=3, act="relu", s=2)]
    c = 32
    plan = zip((16, 24, 40, 80, 112, 192, 320), (1, 2, 2, 2, 1, 2, 1), strict=True)
    for i, (out, s) in enumerate(plan):
        for repeat in range(int(cells[f"l{i}"])):
            exp, k = c * int(cells[f"e{i}"]), int(cells[f"k{i}"])
            se = 0.25 if int(cells[f"se{i}"]) else None
            rows.append(MBConv(out=out, exp=exp, k=k, se=se, act="relu", s=1 if repeat else s))
            c = out
    rows += [Conv(out=1280, k=1, act="relu"), Pool(), Linear(out=1000)]
    return Arch(f"accel-nasbench {cells['id']}", "", (3, 224, 224), tuple(rows))


def once_for_all(cells: Mapping[str, str]) -> Arch:
    """Build a sub-network of once-for-all's MobileNetV3 (arXiv:1908.09791), d of 4 blocks."""
    kernels, expansions, depths = (
        [int(value) for value in cells[name].split("_")] for name in ("ks", "e", "d")
    )
    rows: list[Row] = [Conv(out=16, k=3, act="hswish", s=2), Bneck(out=16, exp=16, k=3, act="relu")]
    c = 16
    for stage, (out, s) in enumerate(zip((24, 40, 80, 112, 160), (2, 2, 2, 1, 2), strict=True)):
        for i in range(depths[stage]):
            k, e = kernels[4 * stage + i], expansions[4 * stage + i]
            rows.append(
                Bneck(
                    out=out,
                    exp=int(make_divisible(c * e)),
                    k=k,
                    se=0.25 if stage in (1, 3, 4) else None,
                    act="relu" if stage < 2 else "hswish",
                    s=1 if i else s,
                )
            )
            c = out
    rows += [Conv(out=960, k=1, act="hswish"), Pool()]
    rows += [Linear(out=1280, act="hswish"), Linear(out=1000)]
    return Arch("once-for-all", "", (3, 224, 224), tuple(rows))
