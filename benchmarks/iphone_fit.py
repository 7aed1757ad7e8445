"""Fit of iPhones: prior knowledge, errors on families left out, and the steps to RepViT."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
from iphone12_networks import CONVOLUTIONAL

from nas.devices.calibration.fit import DeviceFit
from nas.latency.fit.assess import HeldOut
from nas.latency.fit.blend import FitRecipe, blend
from nas.latency.fit.calibrate import FitSettings, LatencySample, Prior

FUSES = ("relu", "relu6", "hswish", "gelu", "sigmoid", "hsigmoid", "scale", "add")
"""SiLU stays a kernel of its own; otherwise EfficientNets are predicted too slow."""

PRIOR12 = Prior(
    us_per_mmac=0.0437,  # the trivial model of RepViT's table 1 (arXiv:2307.09283), in sample
    us_per_weight_mb=33.7,  # its 0.0674 ms per million parameters, at 2 bytes each
    harnesses={
        "modelbench": 1.0,
        "mobileone": 1.0,
        "repghost": 1.0,
        "nextvit": 1.0,
        "starnet": 1.0,
        "iphone13": 0.93,
        "iphone13-mnv4": 0.93,
    },
    reference=frozenset({"repvit", "repnext", "efficientformerv2", "shvit"}),
    floor_us=(0.3, 0.02, 10.0, 1.0, 1.0),
    floor_ms=0.05,
)
GRID = tuple(FitSettings(s, t) for s, t in product((0.3, 3.0, 30.0, 300.0), (1.0, 0.1, 0.01)))
"""Stronger settings than for other devices: there are two dozen families, and many harnesses."""
RECIPE12 = FitRecipe(lambda _: PRIOR12, GRID)

PRIOR13 = replace(
    PRIOR12,
    harnesses={name: 1 / 0.93 for name in (*PRIOR12.reference, *PRIOR12.harnesses)}
    | {"iphone13-mnv4": 1.0},
    reference=frozenset({"iphone13"}),
)
RECIPE13 = FitRecipe(lambda _: PRIOR13, GRID)

LARGE = 300
"""A network with more pixels has half the weight in the fit and separate errors."""

STEPS = [
    *("MobileNetV3 Large", "RepViT step1", "RepViT step2", "RepViT step3", "RepViT step5"),
    *("RepViT step6", "RepViT step8", "RepViT M0.9"),
]
STEPS_MS = (1.01, 0.81, 0.65, 0.89, 0.96, 0.77, 0.89, 0.87)
"""arXiv:2307.09283, section 3."""


def is_large(network: str) -> bool:
    """Whether an image is larger than those of classifiers on phones."""
    return int(network.rsplit(maxsplit=1)[-1]) > LARGE


def counted(held_out: Sequence[HeldOut]) -> dict[str, list[HeldOut]]:
    """Group networks by how they count; the steps to RepViT are not networks of their own."""
    small = [x for x in held_out if not is_large(x.network) and "step" not in x.network]
    return {
        "held_out": small,
        "held_out_conv": [each for each in small if each.family in CONVOLUTIONAL],
        "held_out_large": [each for each in held_out if is_large(each.network)],
    }


def roadmap(figures: Sequence[LatencySample], fit: DeviceFit) -> dict[str, Any]:
    """Return published and predicted steps: predicted by the fit, and by a fit without RepViT."""
    names = [f"{step} 224" for step in STEPS]
    first = [next(i for i, figure in enumerate(figures) if figure.network == n) for n in names]
    fitted = fit.costs.predict([figures[i] for i in first])
    out = [float(value) for value in fit.left_out_ms[first]]
    # MobileNetV3 is another family, so start from the fit without RepViT
    kept = [figure for figure in figures if figure.family != "repvit"]
    out[0] = float(blend(kept, RECIPE12).predict([figures[first[0]]])[0])
    signs = np.sign(np.diff(STEPS_MS))
    return {
        "steps": STEPS,
        "published_ms": list(STEPS_MS),
        "fitted_ms": [round(float(value), 3) for value in fitted],
        "left_out_ms": [round(value, 3) for value in out],
        "wrong_signs_fitted": int((np.sign(np.diff(fitted)) != signs).sum()),
        "wrong_signs_left_out": int((np.sign(np.diff(out)) != signs).sum()),
    }
