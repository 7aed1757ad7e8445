"""Inputs of the surrogate, made of features: octaves, and means over the blocks of a stage.

Sums grow without bound with the network, whereas these inputs saturate, so that an estimate for a
network beyond the fitted ones stays near those at their edge.
"""

from __future__ import annotations

import numpy as np

from nas.accuracy.features import FEATURES, PER_STAGE, STAGES, WHOLE
from nas.space.columns import Floats

INPUTS = (*FEATURES, "resolution")
LAW = ("constant", "params", "macs", "resolution", "resolution_2", "gated")
"""Terms of the law: octaves, one of them squared, and the share of gated layers."""
SIDE = 224.0
"""Resolution of zero octaves."""
MOST_MIXING = 3
"""Layers that mix channels in a block; more of them count as more blocks."""
LARGEST_HEAD = 15.0


def inputs(x: Floats, resolution: Floats) -> Floats:
    """Features (n, F) and resolutions (n,) to inputs (n, len(INPUTS)) that saturate.

    Depths and sizes become octaves; sums over a stage become means over its blocks.
    """
    stages, whole = _split(x)
    blocks = np.maximum(1 + stages["depth"], (1 + stages["mixing"]) / MOST_MIXING)
    means = [
        np.log2(1 + own) if name in ("depth", "mixing") else own / blocks
        for name, own in stages.items()
    ]
    activations = 1 + whole["activations"]
    columns = {
        "params_m": _octaves(whole["params_m"]),
        "root_macs": _octaves(whole["root_macs"]),
        "activations": np.log2(activations),
        "smooth": whole["smooth"] / activations,
        "attention": np.log2(1 + whole["attention"]),
        "dense": whole["dense"] / (1 + stages["depth"].sum(axis=1)),
        "head": np.minimum(whole["head"], LARGEST_HEAD),
    }
    ordered = [columns[name] for name in WHOLE] + [_octaves(resolution / SIDE)]
    return np.concatenate([*means, np.stack(ordered, axis=1)], axis=1)


def law_basis(x: Floats, resolution: Floats) -> Floats:
    """The law's terms (n, len(LAW)), before standardising."""
    stages, whole = _split(x)
    sizes = _octaves(whole["params_m"]), _octaves(whole["root_macs"])
    side = _octaves(resolution / SIDE)
    gates, depth, mixing = (stages[name].sum(axis=1) for name in ("gates", "depth", "mixing"))
    gated = gates / np.maximum(depth + mixing, 1)
    return np.stack([np.ones(len(x)), *sizes, side, side**2, gated], axis=1)


def _split(x: Floats) -> tuple[dict[str, Floats], dict[str, Floats]]:
    """Features by name: (n, STAGES) of each stage, and (n,) of the whole network."""
    parts = np.split(x, np.arange(1, len(PER_STAGE) + 1) * STAGES, axis=1)
    return dict(zip(PER_STAGE, parts[:-1], strict=True)), dict(zip(WHOLE, parts[-1].T, strict=True))


def _octaves(values: Floats) -> Floats:
    octaves: Floats = np.log2(np.maximum(values, 1e-3))
    return octaves
