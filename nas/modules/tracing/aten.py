"""The op kind of every call in a `torch.export` program.

A rule names the op kind that a call becomes, or why its work stays unknown. Additions, comparisons
and data movement multiply nothing and so count nothing, like products with a vector (`mv`, `dot`),
which PyTorch's own counter leaves out too. Each call is written without overload and without the
underscore of its in-place form.
"""

from __future__ import annotations

from typing import NamedTuple

ALIAS = "alias"
"""The value is the first input, unchanged."""
PART = "part"
"""The value is a tuple of parts of the first input."""
CREATED = "created"
"""A constant: it depends at most on the shape of the inputs."""
OPAQUE = "opaque"
"""Unknown work; `Rule.reason` says why."""
PRODUCT = "product"
"""Multiply-adds follow a formula in `nas.modules.tracing.multiply`."""


class AtenRule(NamedTuple):
    """The op kind of a call."""

    kind: str
    """An op kind of `nas.graph.ops.KINDS`, or one of the constants above."""
    fn: str = ""
    """The activation, if the kind is `act`."""
    reason: str = ""
    """Why the work is unknown, if the kind is `opaque`."""


def _calls(kind: str, names: str) -> dict[str, AtenRule]:
    return dict.fromkeys(names.split(), AtenRule(kind))


def _activations(names: str) -> dict[str, AtenRule]:
    return {name: AtenRule("act", name) for name in names.split()}


def _unknown(reason: str, names: str) -> dict[str, AtenRule]:
    return dict.fromkeys(names.split(), AtenRule(OPAQUE, reason=reason))


ATEN: dict[str, AtenRule] = {
    # layers ------------------------------------------------------------------------------------
    **_calls("conv", "conv1d conv2d conv3d convolution _convolution"),
    **_calls("transposed", "conv_transpose1d conv_transpose2d conv_transpose3d"),
    **_calls("linear", "linear"),
    **_calls("batch_norm", "batch_norm native_batch_norm _native_batch_norm_legit"),
    **_calls("batch_norm", "_native_batch_norm_legit_no_training _batch_norm_impl_index"),
    **_calls("layer_norm", "layer_norm native_layer_norm rms_norm _fused_rms_norm"),
    **_calls("group_norm", "group_norm native_group_norm instance_norm"),
    **_calls("attention", "scaled_dot_product_attention _scaled_dot_product_attention_math"),
    **_calls("attention", "_scaled_dot_product_flash_attention_for_cpu"),
    **_calls("attention", "_scaled_dot_product_flash_attention"),
    **_calls("attention", "_scaled_dot_product_efficient_attention"),
    # products ----------------------------------------------------------------------------------
    **_calls("matmul", "matmul mm bmm addmm baddbmm"),
    **_calls(PRODUCT, "einsum tensordot inner linalg_multi_dot chain_matmul addbmm bilinear"),
    **_calls(PRODUCT, "lstm gru rnn_tanh rnn_relu lstm_cell gru_cell rnn_tanh_cell rnn_relu_cell"),
    **_calls(PRODUCT, "deform_conv2d cdist _cdist_forward"),
    **_calls("mul", "mv dot vdot linalg_vecdot addmv outer ger addr linalg_cross cross kron"),
    # one number for each element -----------------------------------------------------------------
    **_calls("add", "add sub subtract rsub"),
    **_calls("mul", "maximum minimum fmax fmin where masked_fill masked_scatter"),
    **_calls("mul", "mul multiply div divide floor_divide true_divide pow square addcmul addcdiv"),
    **_calls("mul", "fmod remainder atan2 arctan2 hypot lerp copysign xlogy heaviside float_power"),
    **_calls("mul", "eq ne lt le gt ge greater less greater_equal less_equal not_equal isclose"),
    **_calls("mul", "bitwise_and bitwise_or bitwise_xor logical_and logical_or logical_xor"),
    **_calls("mul", "__and__ __or__ __xor__ __lshift__ __rshift__ bitwise_left_shift"),
    **_calls("mul", "bitwise_right_shift complex polar ldexp logaddexp logaddexp2 nextafter"),
    **_activations("relu relu6 silu gelu sigmoid softmax tanh leaky_relu prelu elu selu celu mish"),
    **_activations("softplus clamp clamp_min clamp_max clip exp exp2 expm1 log log2 log10 log1p"),
    **_activations("sqrt rsqrt reciprocal abs neg negative positive sin cos tan asin acos atan"),
    **_activations("sinh cosh asinh acosh atanh erf erfc erfinv log_softmax log_sigmoid logit"),
    **_activations("threshold rrelu hardshrink softshrink sign sgn ceil floor round trunc frac"),
    **_activations("isnan isinf isfinite logical_not bitwise_not nan_to_num signbit sinc lgamma"),
    **_activations("digamma glu rad2deg deg2rad absolute special_expit"),
    "hardswish": AtenRule("act", "hswish"),
    "hardsigmoid": AtenRule("act", "hsigmoid"),
    "hardtanh": AtenRule("act", "relu6"),
    "_softmax": AtenRule("act", "softmax"),
    "_safe_softmax": AtenRule("act", "softmax"),
    "_prelu_kernel": AtenRule("act", "prelu"),
    "_log_softmax": AtenRule("act", "log_softmax"),
    # shapes --------------------------------------------------------------------------------------
    **_calls("concat", "cat stack concat concatenate hstack vstack dstack column_stack"),
    **_calls("concat", "block_diag cartesian_prod"),
    **_calls("reshape", "reshape view flatten unflatten reshape_as view_as _unsafe_view ravel"),
    **_calls("reshape", "unsqueeze squeeze expand expand_as broadcast_to atleast_1d atleast_2d"),
    **_calls("reshape", "atleast_3d view_as_real view_as_complex real imag"),
    **_calls("permute", "permute transpose t numpy_T mT mH adjoint matrix_H movedim moveaxis"),
    **_calls("permute", "swapaxes swapdims roll flip fliplr flipud rot90 pixel_shuffle"),
    **_calls("permute", "pixel_unshuffle"),
    **_calls("unfold", "channel_shuffle native_channel_shuffle unfold im2col col2im"),
    # data movement and reductions ----------------------------------------------------------------
    **_calls("resample", "getitem select slice narrow narrow_copy index index_select take"),
    **_calls("resample", "take_along_dim gather as_strided diagonal diag diag_embed diagflat tril"),
    **_calls("resample", "triu trace masked_select embedding embedding_bag _embedding_bag"),
    **_calls("resample", "one_hot scatter scatter_add scatter_reduce index_add index_copy"),
    **_calls("resample", "index_fill index_put _unsafe_index _unsafe_index_put index_reduce"),
    **_calls("resample", "select_scatter slice_scatter diagonal_scatter as_strided_scatter"),
    **_calls("resample", "pad constant_pad_nd reflection_pad1d reflection_pad2d reflection_pad3d"),
    **_calls("resample", "replication_pad1d replication_pad2d replication_pad3d _pad_circular"),
    **_calls("resample", "repeat repeat_interleave tile copy fill zero bernoulli put"),
    **_calls("resample", "sum prod var std var_mean std_mean norm linalg_vector_norm nansum"),
    **_calls("resample", "linalg_norm linalg_matrix_norm frobenius_norm nanmean dist nuclear_norm"),
    **_calls("resample", "amax amin aminmax max min argmax argmin any all logsumexp mode median"),
    **_calls("resample", "nanmedian quantile count_nonzero bincount histc bucketize searchsorted"),
    **_calls(
        "resample", "cumsum cumprod cummax cummin logcumsumexp diff sort argsort topk kthvalue"
    ),
    **_calls("resample", "msort nonzero unique_consecutive _unique2 isin cosine_similarity"),
    **_calls("resample", "upsample_nearest1d upsample_nearest2d upsample_nearest3d"),
    **_calls("resample", "_upsample_nearest_exact1d _upsample_nearest_exact2d"),
    **_calls("resample", "_upsample_nearest_exact3d upsample_linear1d upsample_bilinear2d"),
    **_calls("resample", "upsample_trilinear3d upsample_bicubic2d _upsample_bilinear2d_aa"),
    **_calls("resample", "_upsample_bicubic2d_aa grid_sampler grid_sampler_2d grid_sampler_3d"),
    **_calls("resample", "affine_grid_generator roi_align roi_pool ps_roi_align ps_roi_pool nms"),
    **_calls("resample", "_pack_padded_sequence _pad_packed_sequence max_unpool2d max_unpool3d"),
    **_calls("resample", "lift_fresh_copy pairwise_distance poisson multinomial"),
    **_calls("global_pool", "adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d mean"),
    **_calls("global_pool", "_adaptive_avg_pool2d _adaptive_avg_pool3d adaptive_max_pool1d"),
    **_calls("global_pool", "adaptive_max_pool2d adaptive_max_pool3d"),
    **_calls("avg_pool", "avg_pool1d avg_pool2d avg_pool3d"),
    **_calls("max_pool", "max_pool1d max_pool2d max_pool3d max_pool2d_with_indices"),
    **_calls("max_pool", "max_pool1d_with_indices max_pool3d_with_indices"),
    "_weight_norm": AtenRule("mul"),
    # nothing at all ------------------------------------------------------------------------------
    **_calls(ALIAS, "dropout feature_dropout alpha_dropout feature_alpha_dropout native_dropout"),
    **_calls(ALIAS, "alias contiguous clone to type_as detach requires_grad lift_fresh _to_copy"),
    **_calls(ALIAS, "to_dense pin_memory cpu cuda resolve_conj resolve_neg conj _conj"),
    **_calls(ALIAS, "_assert_async"),
    **_calls(PART, "split split_with_sizes chunk unbind tensor_split unsafe_split unsafe_chunk"),
    **_calls(PART, "hsplit vsplit dsplit unsafe_split_with_sizes broadcast_tensors meshgrid"),
    **_calls(CREATED, "zeros ones full empty new_zeros new_ones new_full new_empty zeros_like"),
    **_calls(CREATED, "ones_like full_like empty_like rand randn randint rand_like randn_like"),
    **_calls(CREATED, "randint_like arange linspace logspace eye randperm scalar_tensor normal"),
    **_calls(CREATED, "uniform random empty_strided new_empty_strided empty_permuted exponential"),
    **_calls(CREATED, "sym_size sym_numel sym_stride sym_storage_offset tril_indices triu_indices"),
    # unknown, and why ----------------------------------------------------------------------------
    **_unknown(
        "a Fourier transform; how much it multiplies depends on the algorithm",
        "_fft_c2c _fft_r2c _fft_c2r fft_fft fft_ifft fft_rfft fft_irfft fft_fft2 fft_ifft2"
        " fft_rfft2 fft_irfft2 fft_fftn fft_ifftn fft_rfftn fft_irfftn stft istft",
    ),
    **_unknown(
        "a factorisation or inverse; how much it multiplies depends on the algorithm",
        "linalg_inv linalg_inv_ex inverse linalg_solve linalg_solve_ex linalg_svd svd linalg_qr"
        " linalg_cholesky linalg_cholesky_ex linalg_eigh linalg_eig linalg_pinv linalg_det"
        " det logdet slogdet linalg_slogdet linalg_lstsq linalg_matrix_exp matrix_exp lu_solve"
        " linalg_matrix_power matrix_power triangular_solve linalg_solve_triangular",
    ),
    **_unknown("torch.vmap hides a dimension from the trace", "_add_batch_dim _remove_batch_dim"),
    **_unknown("distances of all pairs of one set; not counted", "pdist _pdist_forward"),
    **_unknown("a number that is read from a tensor", "_local_scalar_dense item"),
    **_unknown(
        "a gradient; networks are counted in evaluation mode",
        "_adaptive_avg_pool2d_backward avg_pool2d_backward convolution_backward"
        " embedding_dense_backward max_pool2d_with_indices_backward native_group_norm_backward"
        " native_layer_norm_backward",
    ),
}

NO_RULE = AtenRule(OPAQUE, reason="a call that no rule knows")

#: calls that do nothing if the shape stays the same
SHAPES = frozenset(
    {"pad", "slice", *(call for call, rule in ATEN.items() if rule.kind == "reshape")}
)

CHANNELS = frozenset({"conv", "batch_norm", "group_norm", "avg_pool", "max_pool"})
"""Kinds that work on maps: torch's second dimension is the channels."""

OPERANDS = frozenset({"add", "mul", "concat", "attention", "matmul"})
"""Kinds whose operands may be constants."""
