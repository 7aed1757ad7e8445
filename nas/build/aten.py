"""The calls of `torch.export` programs, and the op kinds that they are."""

from __future__ import annotations

#: aten call (overload and in-place underscore left out) -> op kind
ATEN: dict[str, str] = {
    **dict.fromkeys(("conv1d", "conv2d", "conv3d"), "conv"),
    **dict.fromkeys(("conv_transpose1d", "conv_transpose2d"), "transposed"),
    **dict.fromkeys(("linear", "batch_norm", "layer_norm", "group_norm"), "same name"),
    "rms_norm": "layer_norm",
    "instance_norm": "group_norm",
    "scaled_dot_product_attention": "attention",
    **dict.fromkeys(("matmul", "mm", "bmm", "einsum"), "matmul"),
    **dict.fromkeys(("add", "sub", "rsub", "maximum", "minimum", "where", "masked_fill"), "add"),
    **dict.fromkeys(("mul", "div", "pow", "square", "addcmul"), "mul"),
    **dict.fromkeys(("cat", "stack"), "concat"),
    **dict.fromkeys(
        ("reshape", "view", "flatten", "unflatten", "reshape_as", "view_as"), "reshape"
    ),
    **dict.fromkeys(("unsqueeze", "squeeze", "expand", "expand_as"), "reshape"),
    **dict.fromkeys(("permute", "transpose", "t", "numpy_T", "mT", "movedim"), "permute"),
    **dict.fromkeys(("roll", "flip", "pixel_shuffle", "pixel_unshuffle"), "permute"),
    **dict.fromkeys(("channel_shuffle", "unfold", "im2col", "col2im"), "unfold"),
    **dict.fromkeys(("getitem", "select", "slice", "narrow", "index", "index_select"), "resample"),
    **dict.fromkeys(("pad", "constant_pad_nd", "repeat", "repeat_interleave", "copy"), "resample"),
    **dict.fromkeys(("sum", "prod", "var", "std", "var_mean", "norm"), "resample"),
    **dict.fromkeys(("linalg_vector_norm", "amax", "amin", "max", "argmax"), "resample"),
    **dict.fromkeys(
        ("upsample_nearest2d", "upsample_bilinear2d", "upsample_bicubic2d"), "resample"
    ),
    **dict.fromkeys(("adaptive_avg_pool1d", "adaptive_avg_pool2d", "mean"), "global_pool"),
    "adaptive_max_pool2d": "global_pool",
    **dict.fromkeys(("avg_pool1d", "avg_pool2d"), "avg_pool"),
    **dict.fromkeys(("max_pool1d", "max_pool2d", "max_pool2d_with_indices"), "max_pool"),
}

#: aten call -> activation
ACTS: dict[str, str] = {
    "hardswish": "hswish",
    "hardsigmoid": "hsigmoid",
    "hardtanh": "relu6",
    "_softmax": "softmax",
    **{name: name for name in ("relu", "relu6", "silu", "gelu", "sigmoid", "softmax", "tanh")},
    **{name: name for name in ("leaky_relu", "prelu", "elu", "selu", "celu", "mish", "softplus")},
    **{name: name for name in ("clamp", "clamp_min", "exp", "log", "sqrt", "rsqrt", "reciprocal")},
    **{name: name for name in ("abs", "neg", "sin", "cos", "erf", "log_softmax")},
}

#: calls that cost nothing: the value is their first input, or a tuple of its parts
ALIASES = frozenset(
    {"dropout", "feature_dropout", "alias", "contiguous", "clone", "to", "type_as", "detach"}
)
PARTS = frozenset({"split", "split_with_sizes", "chunk", "unbind", "tensor_split"})

#: calls that do nothing where the shape stays as it is
SHAPES = frozenset({"pad", "slice", *(call for call, kind in ATEN.items() if kind == "reshape")})

CHANNELS = frozenset({"conv", "batch_norm", "group_norm", "avg_pool", "max_pool"})
"""Kinds of maps, whose second dimension in torch is the channels, whatever the first one holds."""
