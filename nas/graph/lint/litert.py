"""LiteRT: what its GPU delegate leaves to the CPU or runs badly."""

from __future__ import annotations

from nas.graph.lint.rule import Rule, of_rank, ops
from nas.graph.ops import MAX_RANK

LITERT = (
    Rule(
        "high rank",
        of_rank(MAX_RANK),
        "the GPU delegate takes 4 dimensions with the batch and leaves others to the CPU",
        "reshapes of fewer dimensions; XNNPACK on the CPU",
        "github.com/google-ai-edge/LiteRT/issues/2540;"
        " github.com/tensorflow/tensorflow/issues/39920",
        leaves=True,
    ),
    Rule(
        "gather",
        ops("gather"),
        "the GPU delegate has no gather, unless the converter computes it once",
        "a table that is stored as it is read",
        "github.com/tensorflow/tensorflow/issues/57610;"
        " github.com/google-ai-edge/LiteRT/issues/5197",
        leaves=True,
    ),
    Rule(
        "transpose",
        ops("permute", where=lambda op: op.rank < MAX_RANK),
        "moving elements is dear on mobile GPUs, however cheap on the CPU",
        "one layout throughout",
        "tensorflow.org/lite/performance/gpu",
    ),
    Rule(
        "dynamic batch",
        ops("input"),
        "delegates that take static sizes only refuse the whole network",
        "one file for each batch size",
        "github.com/tensorflow/tensorflow/issues/47168",
        leaves=True,
        dynamic=True,
    ),
)
