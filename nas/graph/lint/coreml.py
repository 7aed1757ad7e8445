"""Core ML: what may leave the Neural Engine, and what runs badly on it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations

from nas.graph.graph import Graph
from nas.graph.lint.rule import Rule, act, of_rank, ops
from nas.graph.ops import MAX_RANK, Op

APPLE_TRANSFORMERS = "machinelearning.apple.com/research/neural-engine-transformers"
APPLE_VISION = "machinelearning.apple.com/research/vision-transformers"
ANE_WINDOW = 13
"""Largest window that the Neural Engine's compiler took."""
LONG = 1024
"""Number of keys from which attention counts as long; our choice, as no source gives one."""


def shuffles(graph: Graph) -> Iterator[Op]:
    """Permutations that exchange the groups of a map's channels, as in ShuffleNet."""
    for op in graph.ops:
        if op.kind == "permute" and op.rank == MAX_RANK:
            split = graph.ops[op.inputs[0]]
            if split.kind == "reshape" and split.in_shapes[0][1:] == op.shape[2:]:
                yield op


def ghost_modules(graph: Graph) -> Iterator[Op]:
    """Concatenations of a map with a depthwise convolution of it, as in GhostNet."""
    for op in graph.ops:
        if op.kind == "concat" and any(
            source != other and _depthwise_of(graph, source) == other
            for source, other in permutations(op.inputs, 2)
        ):
            yield op


def _depthwise_of(graph: Graph, index: int) -> int | None:
    """What a depthwise convolution reads, seen through the norm and activation behind it."""
    op = graph.ops[index]
    while op.kind in ("act", "batch_norm"):
        op = graph.ops[op.inputs[0]]
    depthwise = op.kind == "conv" and op.attrs["groups"] == op.attrs["out"] != 1
    return op.inputs[0] if depthwise and op.attrs["groups"] == op.in_shapes[0][0] else None


def linear_attention(graph: Graph) -> Iterator[Op]:
    """Products of queries with a product of keys and values, without a softmax between."""
    for op in graph.ops:
        if op.kind == "matmul" and any(graph.ops[i].kind == "matmul" for i in op.inputs):
            yield op


COREML = (
    Rule(
        "hard-swish",
        act("hswish"),
        "hard-swish left the Neural Engine in older Core ML exports (11.4 ms against 0.76 ms for"
        " MobileNetV3-L on iPhone 13)",
        "GELU, as in RepViT, or ReLU",
        "arXiv:2403.19967, table 6, against arXiv:2501.15369, table 18",
        leaves=True,
    ),
    Rule(
        "high rank",
        of_rank(MAX_RANK + 1),
        "a reshape to more than 4 dimensions may leave the Neural Engine, and Core ML refuses more"
        " than 5 with the batch; the export does it as a chain of transposes, each a copy",
        "convolutions in place of patches and windows",
        f"github.com/apple/coremltools/issues/1723; {APPLE_VISION}",
        leaves=True,
    ),
    Rule(
        "channel shuffle",
        shuffles,
        "ShuffleNetV2 left the Neural Engine of older iPhones: its width 2.0 took 19.9 ms on iPhone"
        " 12, and 1.8 ms on iPhone 13",
        "1 x 1 convolutions without groups, which mix all channels",
        "arXiv:2403.19967, table 19",
        leaves=True,
    ),
    Rule(
        "Ghost module",
        ghost_modules,
        "GhostNet left the Neural Engine in some Core ML exports: its width 1.0 took 7.4 to 10.2 ms"
        " on four iPhones, where MobileNetV2 took 0.9 to 1.0 ms; GhostNetV3 took 0.99 ms elsewhere",
        "inverted residuals, or RepGhost, which adds in place of concatenating",
        "arXiv:2403.19967, table 19, against arXiv:2501.15369, table 18; arXiv:2211.06088",
        leaves=True,
    ),
    Rule(
        "linear attention",
        linear_attention,
        "EfficientViT-B1 took 2.4 ms on iPhone 13, MobileNetV4-Conv-M with twice its MACs 1.1 ms;"
        " hard-swish is not why, as MobileNetV3-L at half width took 0.45 ms there",
        "convolutions, or softmax attention on a small map",
        "arXiv:2404.10518, table 6",
        leaves=True,
    ),
    Rule(
        "transpose",
        ops("permute", where=lambda op: op.rank <= MAX_RANK),
        "every transpose copies the tensor: token layouts, attention heads, channel shuffles",
        "one layout throughout, channels first",
        f"{APPLE_TRANSFORMERS}, principle 3; github.com/apple/coremltools/issues/985",
    ),
    Rule(
        "token layout",
        ops("linear", "layer_norm", where=lambda op: len(op.shape) > 1),
        "the Neural Engine works on (batch, channels, 1, tokens); with the channels last, layers on"
        " tokens need other layouts and padding",
        "1 x 1 convolutions, and norms over the channels of a map",
        f"{APPLE_TRANSFORMERS}, principle 1",
    ),
    Rule(
        "unfold",
        ops("unfold"),
        "the converter unfolds by a dense convolution: for C channels and k x k neighbours,"
        " C x C x k x k x k x k weights that only pick",
        "a depthwise convolution in place of the neighbourhood",
        "github.com/apple/coremltools, converters/mil/frontend/torch/ops.py, im2col",
    ),
    Rule(
        "long attention",
        ops("attention", where=lambda op: op.in_shapes[1][-2] >= LONG),
        "the score matrix and its softmax grow with the square of the tokens",
        "attention in windows or to a pooled map, or from a smaller map on",
        APPLE_VISION,
    ),
    Rule(
        "large window",
        ops("conv", "avg_pool", "max_pool", where=lambda op: op.attrs["k"] > ANE_WINDOW),
        f"the Neural Engine's compiler refused windows of more than {ANE_WINDOW} pixels",
        "several smaller windows",
        "github.com/hollance/neural-engine/issues/1",
        leaves=True,
    ),
    Rule(
        "dynamic batch",
        ops("input"),
        "of a range of shapes, only the default one runs on the Neural Engine",
        "one file for each batch size",
        "developer.apple.com/forums/thread/724930",
        leaves=True,
        dynamic=True,
    ),
)
