"""Inputs of the surrogate, made of features: octaves, and means over a stage.

Sums grow without bound with the network, whereas these inputs saturate, so that an estimate for a
network beyond the fitted ones stays near those at their edge.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from nas.accuracy.features import FEATURES, PER_STAGE, STAGES, WHOLE
from nas.space.columns import Floats

INPUTS = (*FEATURES, "resolution")
LAW = ("constant", "params", "macs", "resolution", "resolution_2", "gated")
"""Terms of the law: octaves, one of them squared, and the share of gated blocks."""
SIDE = 224.0
"""Resolution of zero octaves."""


def inputs(x: Floats, resolution: Floats) -> Floats:
    """Features (n, F) and resolutions (n,) to inputs (n, len(INPUTS)) that saturate.

    Depths and sizes become octaves; sums over a stage become means over its depth.
    """
    split = len(PER_STAGE) * STAGES
    stages = x[:, :split].reshape(len(x), len(PER_STAGE), STAGES)
    depth = stages[:, :1]
    means = np.concatenate([np.log2(1 + depth), stages[:, 1:] / (1 + depth)], axis=1)
    whole = dict(zip(WHOLE, x[:, split:].T, strict=True))
    columns = {
        "params_m": _octaves(whole["params_m"]),
        "root_macs": _octaves(whole["root_macs"]),
        "activations": np.log2(1 + whole["activations"]),
        "smooth": whole["smooth"] / (1 + whole["activations"]),
        "attention": np.log2(1 + whole["attention"]),
        "dense": np.log2(1 + whole["dense"]),
        "head": whole["head"],
    }
    ordered = [columns[name] for name in WHOLE] + [_octaves(resolution / SIDE)]
    return np.concatenate([means.reshape(len(x), split), np.stack(ordered, axis=1)], axis=1)


def law_basis(x: Floats, resolution: Floats) -> Floats:
    """The law's terms (n, len(LAW)), before standardising."""
    named = dict(zip(FEATURES, x.T, strict=True))
    sizes = _octaves(named["params_m"]), _octaves(named["root_macs"])
    side = _octaves(resolution / SIDE)
    gates, depth = (_total(named, name) for name in ("gates", "depth"))
    return np.stack([np.ones(len(x)), *sizes, side, side**2, gates / np.maximum(depth, 1)], axis=1)


def _octaves(values: Floats) -> Floats:
    octaves: Floats = np.log2(np.maximum(values, 1e-3))
    return octaves


def _total(named: Mapping[str, Floats], name: str) -> Floats:
    total: Floats = np.sum([named[f"{name}{stage + 1}"] for stage in range(STAGES)], axis=0)
    return total
