"""8-bit integers: what loses accuracy, or runs badly on integer accelerators."""

from __future__ import annotations

from collections.abc import Iterator

from nas.graph.graph import Graph
from nas.graph.lint.rule import Rule, act, ops
from nas.graph.ops import Op

EFFICIENTNET_LITE = (
    "blog.tensorflow.org/2020/03/higher-accuracy-on-vision-models-with-efficientnet-lite.html"
)


def gates(graph: Graph) -> Iterator[Op]:
    """Sigmoids that a map is multiplied by, as in squeeze-and-excitation, in traced graphs too."""
    readers = graph.consumers()
    for index, op in enumerate(graph.ops):
        if op.attrs.get("fn") in ("sigmoid", "hsigmoid") and any(
            graph.ops[reader].kind == "mul" for reader in readers[index]
        ):
            yield op


INT8 = (
    Rule(
        "swish",
        act("silu"),
        "its outputs range far: EfficientNet-Lite0 with swish fell from 75 % to 46 % top-1 when"
        " quantised after training",
        "ReLU6, as in EfficientNet-Lite",
        EFFICIENTNET_LITE,
    ),
    Rule(
        "hard-swish",
        act("hswish"),
        "loses accuracy after training: MobileNetV3-L went from 75.2 % to 71 % top-1",
        "ReLU6, or training that knows of the quantisation",
        "github.com/tensorflow/models/issues/8664; github.com/Xilinx/brevitas/issues/1341",
    ),
    Rule(
        "gate",
        gates,
        "a product of two activations adds the errors of both, and integer accelerators support"
        " squeeze-and-excitation badly",
        "no squeeze-and-excitation, as in EfficientNet-Lite",
        f"{EFFICIENTNET_LITE}; github.com/Xilinx/brevitas/issues/1341",
    ),
    Rule(
        "GELU",
        act("gelu"),
        "negative outputs crowd in a small range beside a large positive one",
        "ReLU, or 16-bit activations behind it",
        "arXiv:2407.02763",
    ),
    Rule(
        "layer norm",
        ops("layer_norm"),
        "a few channels behind it are outliers, which set the scale for all",
        "batch norm, which folds away, or a scale for each channel",
        "arXiv:2407.02763; arXiv:2408.03291",
    ),
    Rule(
        "softmax",
        ops("attention"),
        "attention weights follow a power law: most lie near 0, and those that count near 1",
        "attention in 16 bits or floats",
        "arXiv:2408.03291; openreview.net/forum?id=5DebLLKQUT",
    ),
)
