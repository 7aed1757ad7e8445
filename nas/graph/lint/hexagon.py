"""Hexagon DSP: what TensorFlow Lite's delegate, of 8-bit networks, leaves to the CPU.

Newer Hexagon NPUs are reached through Qualcomm's own delegate, which these rules do not describe.
"""

from __future__ import annotations

from nas.graph.lint.rule import Rule, act, of_rank, ops
from nas.graph.ops import MAX_RANK

DELEGATE = "github.com/tensorflow/tensorflow, lite/delegates/hexagon/utils.cc"

HEXAGON = (
    Rule(
        "matrix product",
        ops("attention", "matmul"),
        "the delegate has no batched product of two activations. MobileNetV4's paper times its"
        " convolutional networks on a Pixel 4's DSP (7.3 ms for Conv-M), and none with attention",
        "convolutions; or a newer NPU with Qualcomm's delegate, which runs all of EfficientViT-B2",
        f"{DELEGATE}; arXiv:2404.10518, table 6; github.com/quic/ai-hub-models",
        leaves=True,
    ),
    Rule(
        "token layout",
        ops("linear", where=lambda op: len(op.shape) > 1),
        "the delegate takes fully connected layers on vectors only",
        "1 x 1 convolutions on a map",
        DELEGATE,
        leaves=True,
    ),
    Rule(
        "GELU",
        act("gelu"),
        "the delegate has no GELU",
        "ReLU or hard-swish",
        f"{DELEGATE}; github.com/tensorflow/tensorflow/issues/56845",
        leaves=True,
    ),
    Rule(
        "no kernel",
        ops("gather", "sum", "div"),
        "the delegate has no such op",
        "means in place of sums; normalisation by batch norm",
        DELEGATE,
        leaves=True,
    ),
    Rule(
        "high rank",
        of_rank(MAX_RANK),
        "the delegate takes 4 dimensions with the batch",
        "reshapes of fewer dimensions",
        DELEGATE,
        leaves=True,
    ),
)
