"""Row ops: one file per family, one class per op, one dictionary of all."""

from __future__ import annotations

from nas.blocks.base import FIELDS, Field, Row
from nas.blocks.bit import BiT, BiTStem
from nas.blocks.conv import Conv, LayerNorm, Linear, NormLinear, Pool
from nas.blocks.convnext import ConvNeXt, ConvNeXtDown, ConvNeXtStem, LayerNormLinear
from nas.blocks.efficientnet import FusedMBConv, MBConv
from nas.blocks.exmobilevit import Keep, PoolKept
from nas.blocks.mobilenet import MV2, Bneck, DwSeparable
from nas.blocks.mobileone import MobileOne, MobileOneStem
from nas.blocks.mobilevit import MobileViT
from nas.blocks.repvit import RepViT, RepViTDown, RepViTShallowDown, RepViTStem
from nas.blocks.resnet import Bottleneck, MaxPool
from nas.blocks.swin import Swin
from nas.blocks.transnext import TransNeXt
from nas.blocks.vit import ViT

_ROWS: tuple[type[Row], ...] = (
    Conv,
    MaxPool,
    DwSeparable,
    MV2,
    Bneck,
    MBConv,
    FusedMBConv,
    RepViTStem,
    RepViTDown,
    RepViTShallowDown,
    RepViT,
    Bottleneck,
    BiTStem,
    BiT,
    MobileOneStem,
    MobileOne,
    ConvNeXtStem,
    ConvNeXtDown,
    ConvNeXt,
    MobileViT,
    Keep,
    PoolKept,
    ViT,
    Swin,
    TransNeXt,
    LayerNorm,
    Pool,
    Linear,
    NormLinear,
    LayerNormLinear,
)

#: op name in a table -> its row class
BLOCKS: dict[str, type[Row]] = {row.op: row for row in _ROWS}
if len(BLOCKS) != len(_ROWS):
    raise RuntimeError("two row classes share one op name")

__all__ = ["BLOCKS", "FIELDS", "Field", "Row"]
