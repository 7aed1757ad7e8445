"""Deployment lint: ops that a target is known to run badly, before anything is converted.

Each rule says what it finds, why it matters, what to use instead, and its source: a page of
documentation, an issue or a paper. There is no rule without a source. Sources age faster than
networks, so treat a finding as a reason to measure.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from nas.errors import UnknownNameError
from nas.graph.graph import Graph
from nas.graph.ops import MAX_RANK, Op

Finds = Callable[[Graph], Iterator[Op]]

ANE_WINDOW = 13
LONG = 1024
"""Number of keys from which attention counts as long; our choice, as no source gives one."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One known weakness of one target."""

    name: str
    finds: Finds
    why: str
    instead: str
    source: str
    leaves: bool = False
    """Execution may leave the accelerator, which costs more than the op itself."""
    dynamic: bool = False
    """The rule holds only for a dynamic batch."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Ops of one row of the table that break one rule."""

    rule: str
    row: int
    """-1: the input."""
    ops: tuple[str, ...]
    why: str
    instead: str
    source: str
    leaves: bool


def lint(graph: Graph, target: str, *, dynamic: bool = False) -> tuple[Finding, ...]:
    """Findings of a target's rules, by row; `dynamic` means that the batch size is left open.

    Raises:
        UnknownNameError: there is no such target.
    """
    if target not in RULES:
        raise UnknownNameError("target", target, RULES)
    findings = []
    for rule in RULES[target]:
        if rule.dynamic and not dynamic:
            continue
        rows: dict[int, list[str]] = defaultdict(list)
        for op in rule.finds(graph):
            rows[op.row].append(op.name)
        for row, ops in rows.items():
            texts = (rule.why, rule.instead, rule.source)
            findings.append(Finding(rule.name, row, tuple(ops), *texts, rule.leaves))
    return tuple(sorted(findings, key=lambda finding: finding.row))


def leaving_ops(graph: Graph, target: str | None) -> list[Finding]:
    """Findings of ops that may leave the target's accelerator at any batch size; None has none."""
    return [] if target is None else [one for one in lint(graph, target) if one.leaves]


def leaving(target: str) -> tuple[Rule, ...]:
    """Rules of a target for ops that may leave its accelerator at any batch size."""
    return tuple(rule for rule in RULES[target] if rule.leaves and not rule.dynamic)


# patterns of the rules ----------------------------------------------------------------------------


def _ops(*kinds: str, where: Callable[[Op], bool] = lambda op: True) -> Finds:
    return lambda graph: (op for op in graph.ops if op.kind in kinds and where(op))


def _act(*functions: str) -> Finds:
    return _ops("act", where=lambda op: op.attrs["fn"] in functions)


def _of_rank(least: int) -> Finds:
    """Reshapes and permutations of at least so many dimensions per image."""
    return _ops("reshape", "permute", where=lambda op: op.rank >= least)


def _gates(graph: Graph) -> Iterator[Op]:
    """Sigmoids that a map is multiplied by, as in squeeze-and-excitation, in traced graphs too."""
    readers = graph.consumers()
    for index, op in enumerate(graph.ops):
        if op.attrs.get("fn") in ("sigmoid", "hsigmoid") and any(
            graph.ops[reader].kind == "mul" for reader in readers[index]
        ):
            yield op


def _shuffles(graph: Graph) -> Iterator[Op]:
    """Permutations that exchange the groups of a map's channels, as in ShuffleNet."""
    for op in graph.ops:
        if op.kind == "permute" and op.rank == MAX_RANK:
            split = graph.ops[op.inputs[0]]
            if split.kind == "reshape" and split.in_shapes[0][1:] == op.shape[2:]:
                yield op


APPLE_TRANSFORMERS = "machinelearning.apple.com/research/neural-engine-transformers"
APPLE_VISION = "machinelearning.apple.com/research/vision-transformers"
EFFICIENTNET_LITE = (
    "blog.tensorflow.org/2020/03/higher-accuracy-on-vision-models-with-efficientnet-lite.html"
)
EXECUTORCH_OPS = "docs.pytorch.org/executorch/stable/backends/xnnpack/xnnpack-partitioner.html"

COREML = (
    Rule(
        "hard-swish",
        _act("hswish"),
        "hard-swish left the Neural Engine in older Core ML exports (11.4 ms against 0.76 ms for"
        " MobileNetV3-L on iPhone 13)",
        "GELU, as in RepViT, or ReLU",
        "arXiv:2403.19967, table 6, against arXiv:2501.15369, table 18",
        leaves=True,
    ),
    Rule(
        "high rank",
        _of_rank(MAX_RANK + 1),
        "a reshape to more than 4 dimensions may leave the Neural Engine, and Core ML refuses more"
        " than 5 with the batch; the export does it as a chain of transposes, each a copy",
        "convolutions in place of patches and windows",
        f"github.com/apple/coremltools/issues/1723; {APPLE_VISION}",
        leaves=True,
    ),
    Rule(
        "channel shuffle",
        _shuffles,
        "ShuffleNetV2 left the Neural Engine in some Core ML exports: its width 2.0 took 1.9 and"
        " 19.9 ms on iPhone 13",
        "1 x 1 convolutions without groups, which mix all channels",
        "arXiv:2501.15369, table 18, against arXiv:2403.19967, table 6",
        leaves=True,
    ),
    Rule(
        "transpose",
        _ops("permute", where=lambda op: op.rank <= MAX_RANK),
        "every transpose copies the tensor: token layouts, attention heads, channel shuffles",
        "one layout throughout, channels first",
        f"{APPLE_TRANSFORMERS}, principle 3; github.com/apple/coremltools/issues/985",
    ),
    Rule(
        "token layout",
        _ops("linear", "layer_norm", where=lambda op: len(op.shape) > 1),
        "the Neural Engine works on (batch, channels, 1, tokens); with the channels last, layers on"
        " tokens need other layouts and padding",
        "1 x 1 convolutions, and norms over the channels of a map",
        f"{APPLE_TRANSFORMERS}, principle 1",
    ),
    Rule(
        "unfold",
        _ops("unfold"),
        "the converter unfolds by a dense convolution: for C channels and k x k neighbours,"
        " C x C x k x k x k x k weights that only pick",
        "a depthwise convolution in place of the neighbourhood",
        "github.com/apple/coremltools, converters/mil/frontend/torch/ops.py, im2col",
    ),
    Rule(
        "long attention",
        _ops("attention", where=lambda op: op.in_shapes[1][-2] >= LONG),
        "the score matrix and its softmax grow with the square of the tokens",
        "attention in windows or to a pooled map, or from a smaller map on",
        APPLE_VISION,
    ),
    Rule(
        "large window",
        _ops("conv", "avg_pool", "max_pool", where=lambda op: op.attrs["k"] > ANE_WINDOW),
        f"the Neural Engine's compiler refused windows of more than {ANE_WINDOW} pixels",
        "several smaller windows",
        "github.com/hollance/neural-engine/issues/1",
        leaves=True,
    ),
    Rule(
        "dynamic batch",
        _ops("input"),
        "of a range of shapes, only the default one runs on the Neural Engine",
        "one file for each batch size",
        "developer.apple.com/forums/thread/724930",
        leaves=True,
        dynamic=True,
    ),
)

INT8 = (
    Rule(
        "swish",
        _act("silu"),
        "its outputs range far: EfficientNet-Lite0 with swish fell from 75 % to 46 % top-1 when"
        " quantised after training",
        "ReLU6, as in EfficientNet-Lite",
        EFFICIENTNET_LITE,
    ),
    Rule(
        "hard-swish",
        _act("hswish"),
        "loses accuracy after training: MobileNetV3-L went from 75.2 % to 71 % top-1",
        "ReLU6, or training that knows of the quantisation",
        "github.com/tensorflow/models/issues/8664; github.com/Xilinx/brevitas/issues/1341",
    ),
    Rule(
        "gate",
        _gates,
        "a product of two activations adds the errors of both, and integer accelerators support"
        " squeeze-and-excitation badly",
        "no squeeze-and-excitation, as in EfficientNet-Lite",
        f"{EFFICIENTNET_LITE}; github.com/Xilinx/brevitas/issues/1341",
    ),
    Rule(
        "GELU",
        _act("gelu"),
        "negative outputs crowd in a small range beside a large positive one",
        "ReLU, or 16-bit activations behind it",
        "arXiv:2407.02763",
    ),
    Rule(
        "layer norm",
        _ops("layer_norm"),
        "a few channels behind it are outliers, which set the scale for all",
        "batch norm, which folds away, or a scale for each channel",
        "arXiv:2407.02763; arXiv:2408.03291",
    ),
    Rule(
        "softmax",
        _ops("attention"),
        "attention weights follow a power law: most lie near 0, and those that count near 1",
        "attention in 16 bits or floats",
        "arXiv:2408.03291; openreview.net/forum?id=5DebLLKQUT",
    ),
)

LITERT = (
    Rule(
        "high rank",
        _of_rank(MAX_RANK),
        "the GPU delegate takes 4 dimensions with the batch and leaves others to the CPU",
        "reshapes of fewer dimensions; XNNPACK on the CPU",
        "github.com/google-ai-edge/LiteRT/issues/2540;"
        " github.com/tensorflow/tensorflow/issues/39920",
        leaves=True,
    ),
    Rule(
        "gather",
        _ops("gather"),
        "the GPU delegate has no gather, unless the converter computes it once",
        "a table that is stored as it is read",
        "github.com/tensorflow/tensorflow/issues/57610;"
        " github.com/google-ai-edge/LiteRT/issues/5197",
        leaves=True,
    ),
    Rule(
        "transpose",
        _ops("permute", where=lambda op: op.rank < MAX_RANK),
        "moving elements is dear on mobile GPUs, however cheap on the CPU",
        "one layout throughout",
        "tensorflow.org/lite/performance/gpu",
    ),
    Rule(
        "dynamic batch",
        _ops("input"),
        "delegates that take static sizes only refuse the whole network",
        "one file for each batch size",
        "github.com/tensorflow/tensorflow/issues/47168",
        leaves=True,
        dynamic=True,
    ),
)

EXECUTORCH = (
    Rule(
        "norm",
        _ops("layer_norm", "group_norm"),
        "XNNPACK's list of ops has no layer or group norm; a portable kernel runs it",
        "batch norm, which folds away",
        EXECUTORCH_OPS,
        leaves=True,
    ),
    Rule(
        "movement",
        _ops("roll", "gather", "unfold"),
        "XNNPACK's list of ops has no such movement; portable kernels run it",
        "depthwise convolutions in place of windows and neighbourhoods",
        EXECUTORCH_OPS,
        leaves=True,
    ),
    Rule(
        "dynamic batch",
        _ops("slice"),
        "XNNPACK slices static shapes only",
        "one file for each batch size",
        EXECUTORCH_OPS,
        leaves=True,
        dynamic=True,
    ),
)

RULES: dict[str, Collection[Rule]] = {
    "coreml": COREML,
    "int8": INT8,
    "litert": LITERT,
    "executorch": EXECUTORCH,
}
