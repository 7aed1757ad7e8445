"""Row ops: one file per family, one class per op, one dictionary of all.

Blocks of the user's own are registered with `register`, from Python or from files (`load_blocks`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path
from typing import TypeVar

from nas.blocks import own
from nas.blocks.attentivenas import AttentiveNAS
from nas.blocks.base import FIELDS, Field, Row
from nas.blocks.bit import BiT, BiTStem
from nas.blocks.conv import (
    BiasedConv,
    BiasedDown,
    Conv,
    ConvDown,
    LayerNorm,
    Linear,
    NormLinear,
    Pool,
    UnbiasedLinear,
)
from nas.blocks.convnext import ConvNeXt, ConvNeXtDown, ConvNeXtStem, LayerNormLinear
from nas.blocks.edgenext import SDTA, LocatedSDTA
from nas.blocks.efficientformerv2 import (
    EfficientFormerV2Attention,
    EfficientFormerV2Down,
    EfficientFormerV2FFN,
)
from nas.blocks.efficientnet import FusedMBConv, MBConv
from nas.blocks.efficientvit import EfficientViT, EfficientViTDown, HiddenLinear
from nas.blocks.exmobilevit import Keep, PoolKept
from nas.blocks.fasternet import FasterNet, PatchConv
from nas.blocks.fastvit import (
    ConditionalPosition,
    ConvFFN,
    FastViTAttention,
    FastViTDown,
    FastViTHead,
    RepMixer,
)
from nas.blocks.fbnet import FBNetV3
from nas.blocks.ghostnet import GhostNet
from nas.blocks.ghostnetv2 import GhostNetV2
from nas.blocks.ghostnetv3 import GhostNetV3, GhostNetV3Plain
from nas.blocks.iformer import SHMA, BNConvNeXt
from nas.blocks.lcnet import LCNet
from nas.blocks.mixnet import MixNet
from nas.blocks.mobilenet import MV2, Bneck, DwSeparable
from nas.blocks.mobilenetv4 import UIB, FusedIB, LinearNorm, MobileMQA
from nas.blocks.mobileone import MobileOne, MobileOneStem
from nas.blocks.mobilevit import MobileViT
from nas.blocks.mobilevitv2 import MobileViTV2
from nas.blocks.repghost import RepGhost
from nas.blocks.repvit import RepViT, RepViTDown, RepViTShallowDown, RepViTStem
from nas.blocks.resnet import Bottleneck, MaxPool
from nas.blocks.rexnet import ReXNet
from nas.blocks.shvit import SHViT, SHViTConv, SHViTDown
from nas.blocks.starnet import Star
from nas.blocks.swiftformer import DistilledNormLinear, SwiftFormer, SwiftFormerConv
from nas.blocks.swin import Swin
from nas.blocks.transnext import TransNeXt
from nas.blocks.vit import ViT
from nas.errors import BlockError, UnknownNameError

_ROWS: tuple[type[Row], ...] = (
    Conv,
    ConvDown,
    BiasedConv,
    BiasedDown,
    MaxPool,
    DwSeparable,
    MV2,
    Bneck,
    MBConv,
    FusedMBConv,
    FBNetV3,
    AttentiveNAS,
    MixNet,
    LCNet,
    GhostNet,
    GhostNetV2,
    GhostNetV3Plain,
    GhostNetV3,
    RepGhost,
    ReXNet,
    UIB,
    FusedIB,
    MobileMQA,
    RepViTStem,
    RepViTDown,
    RepViTShallowDown,
    RepViT,
    Bottleneck,
    BiTStem,
    BiT,
    MobileOneStem,
    MobileOne,
    RepMixer,
    ConvFFN,
    FastViTAttention,
    ConditionalPosition,
    FastViTDown,
    FastViTHead,
    ConvNeXtStem,
    ConvNeXtDown,
    ConvNeXt,
    MobileViT,
    MobileViTV2,
    Keep,
    PoolKept,
    SDTA,
    LocatedSDTA,
    EfficientFormerV2Down,
    EfficientFormerV2Attention,
    EfficientFormerV2FFN,
    EfficientViTDown,
    EfficientViT,
    ViT,
    Swin,
    TransNeXt,
    Star,
    SHViTConv,
    SHViTDown,
    SHViT,
    BNConvNeXt,
    SHMA,
    PatchConv,
    FasterNet,
    SwiftFormerConv,
    SwiftFormer,
    LayerNorm,
    Pool,
    Linear,
    HiddenLinear,
    UnbiasedLinear,
    NormLinear,
    DistilledNormLinear,
    LayerNormLinear,
    LinearNorm,
)

#: op name in a table -> its row class
BLOCKS: dict[str, type[Row]] = {row.op: row for row in _ROWS}
if len(BLOCKS) != len(_ROWS):
    raise RuntimeError("two row classes share one op name")

Block = TypeVar("Block", bound=type[Row])


def register(block: Block) -> Block:
    """Add a block under its op, for this process; a decorator of its class.

    A class of a session or script may be defined anew; those of `nas` and of files stay.

        @register
        @dataclass(frozen=True, slots=True)
        class Ghost(Row, op="ghost"): ...

    Raises:
        BlockError: the class has no op, or another block has that op.
        UnknownNameError: one of its columns is unknown.
    """
    op, name = getattr(block, "op", None), block.__qualname__
    if op is None:
        raise BlockError(f"{name}: expected an op, as in class {name}(Row, op='...')")
    known = BLOCKS.get(op)
    files = f"{__name__}."
    if known and known.__module__.startswith(files) and known.__module__ != block.__module__:
        raise BlockError(f"{name}: op {op!r} is that of {known.__module__}.{known.__qualname__}")
    for column in fields(block):
        if column.name not in FIELDS:
            raise UnknownNameError("column", column.name, FIELDS, f"block {op!r}")
    BLOCKS[op] = block
    return block


def load_blocks(files: Iterable[str | Path]) -> None:
    """Execute Python files that register blocks, in this process and in those that it starts.

    Raises:
        BlockError: a file is not there, raised an error or registers no block; or see `register`.
    """
    paths = [Path(file) for file in files]
    for path in paths:
        _load(path)
    own.name_in_environment(paths)


def _load(file: Path) -> None:
    before = dict(BLOCKS)
    if own.execute(file) and before == BLOCKS:
        raise BlockError(f"{file} registers no block: put @register above its class")


for _file in own.files_in_environment():
    _load(_file)

__all__ = ["BLOCKS", "FIELDS", "Field", "Row", "load_blocks", "register"]
