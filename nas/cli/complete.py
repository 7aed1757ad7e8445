"""Shell completion: names of what is shipped, and lists of them.

If nothing matches, the shell completes files. Completion takes a tenth of a second because nothing
numeric is imported. So the choices of packages that import NumPy or torch are repeated here; a test
compares them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from nas.evaluate import proxy_names
from nas.files.resources import named, own_devices
from nas.optimize.strategies import STRATEGIES
from nas.train import sources

Complete = Callable[[str], list[str]]

AVOIDABLE = (
    "act",
    "add",
    "attention",
    "attentivenas",
    "avg_pool",
    "batch_norm",
    "biased_conv",
    "biased_down",
    "bit",
    "bit_stem",
    "bn_convnext",
    "bneck",
    "bottleneck",
    "concat",
    "conditional_position",
    "constant",
    "conv",
    "conv_down",
    "conv_ffn",
    "convnext",
    "convnext_down",
    "convnext_stem",
    "distilled_norm_linear",
    "div",
    "dw_separable",
    "efficientformerv2_attention",
    "efficientformerv2_down",
    "efficientformerv2_ffn",
    "efficientvit",
    "efficientvit_down",
    "fasternet",
    "fastvit_attention",
    "fastvit_down",
    "fastvit_head",
    "fbnetv3",
    "fused_ib",
    "fused_mbconv",
    "gather",
    "gelu",
    "ghostnet",
    "ghostnetv2",
    "ghostnetv3",
    "ghostnetv3_plain",
    "global_pool",
    "group_norm",
    "hidden_linear",
    "hsigmoid",
    "hswish",
    "keep",
    "layer_norm",
    "layer_norm_linear",
    "lcnet",
    "linear",
    "linear_norm",
    "located_sdta",
    "matmul",
    "max_pool",
    "mbconv",
    "mixnet",
    "mobile_mqa",
    "mobileone",
    "mobileone_stem",
    "mobilevit",
    "mobilevitv2",
    "mul",
    "mv2",
    "norm_linear",
    "normalize",
    "opaque",
    "param",
    "patch_conv",
    "permute",
    "pool",
    "pool_kept",
    "product",
    "relu",
    "relu6",
    "repghost",
    "repmixer",
    "repvit",
    "repvit_down",
    "repvit_shallow_down",
    "repvit_stem",
    "resample",
    "reshape",
    "rexnet",
    "roll",
    "scale",
    "sdta",
    "select",
    "shma",
    "shvit",
    "shvit_conv",
    "shvit_down",
    "sigmoid",
    "silu",
    "slice",
    "star",
    "sub",
    "sum",
    "swiftformer",
    "swiftformer_conv",
    "swin",
    "transnext",
    "uib",
    "unbiased_linear",
    "unfold",
    "upsample",
    "vit",
)
BENCHMARKS = ("nas-bench-macro", "accel-nasbench", "ofa-mobilenetv3")
DATA_SETS = sources.NAMES
FORMATS = ("yaml", "torch", "onnx", "coreml", "litert", "litert-int8", "executorch")
NORMALISATIONS = ("imagenet", "half", "none")
ORIGINS = ("nas", "timm", "torchvision", "tensorflow")
OBJECTIVES = ("ms", "params", "macs")
PROXIES = proxy_names.PROXIES
RUNTIMES = ("onnxruntime", "litert", "executorch", "openvino", "torch", "torch-cuda")
TARGETS = ("coreml", "int8", "litert", "executorch", "hexagon")


def one_of(names: Iterable[str] | Callable[[], Iterable[str]]) -> Complete:
    """One of these names, or of those that a function finds when it is asked."""

    def complete(incomplete: str) -> list[str]:
        return _starting(names() if callable(names) else names, incomplete)

    return complete


def some_of(names: Iterable[str]) -> Complete:
    """A list of these, as `a,b`; names before the last one are not offered again."""

    def complete(incomplete: str) -> list[str]:
        before, comma, last = incomplete.rpartition(",")
        left = [name for name in names if name not in before.split(",")]
        return [f"{before}{comma}{name}" for name in _starting(left, last)]

    return complete


def _starting(names: Iterable[str], incomplete: str) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]


def recipes(incomplete: str) -> list[str]:
    """Training recipes."""
    from nas.train.recipe import recipes as shipped

    return _starting(shipped(), incomplete)


archs = one_of(partial(named, "architecture"))
devices = one_of(lambda: [*named("device"), *own_devices()])
spaces = one_of(partial(named, "space"))
surrogates = one_of(partial(named, "surrogate"))
strategies = some_of(STRATEGIES)
