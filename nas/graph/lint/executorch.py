"""ExecuTorch: what XNNPACK leaves to portable kernels."""

from __future__ import annotations

from nas.graph.lint.rule import Rule, ops

EXECUTORCH_OPS = "docs.pytorch.org/executorch/stable/backends/xnnpack/xnnpack-partitioner.html"

EXECUTORCH = (
    Rule(
        "norm",
        ops("layer_norm", "group_norm"),
        "XNNPACK's list of ops has no layer or group norm; a portable kernel runs it",
        "batch norm, which folds away",
        EXECUTORCH_OPS,
        leaves=True,
    ),
    Rule(
        "movement",
        ops("roll", "gather", "unfold"),
        "XNNPACK's list of ops has no such movement; portable kernels run it",
        "depthwise convolutions in place of windows and neighbourhoods",
        EXECUTORCH_OPS,
        leaves=True,
    ),
    Rule(
        "dynamic batch",
        ops("slice"),
        "XNNPACK slices static shapes only",
        "one file for each batch size",
        EXECUTORCH_OPS,
        leaves=True,
        dynamic=True,
    ),
)
