"""Estimated ImageNet top-1 of any network, with a standard deviation, from tables of text.

The excess error, the ceiling minus top-1, shrinks by a constant share per octave of size, so the
model is additive in score = -log(ceiling - top1):

    score = law + neighbours + experts

- law: linear in the octaves of parameters, compute and resolution and in the share of gated layers;
- neighbours: what is smooth in the per-stage inputs, learnt from the published networks;
- experts: where thousands of networks were trained in one space, a quadratic of the same inputs
  that ranks them. It fades to nothing outside the box it was fitted in.

Law and neighbours are one Gaussian process, so the deviation grows away from published networks;
experts move the mean only. The ceiling and the clipped law bound what more of the same promises.

Leaves out: recipe, augmentation and quantisation, which no op shows. Recipes are factors of the
fit, and the estimate is for the reference recipe; training with a teacher adds a gain. What the
networks of one family share is another factor, so the deviation is that for an unknown family.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np

from nas.accuracy.features import features
from nas.accuracy.inputs import inputs, law_basis
from nas.accuracy.score_process import ScoreProcess
from nas.files import html
from nas.graph.graph import Graph
from nas.graph.ops import Shape
from nas.space.columns import Floats

CHUNK = 1024
"""Networks predicted at a time; intermediate arrays stay in the cache."""
LARGEST_DEVIATION = 5.0
"""Largest deviation in score: hundreds of points, to avoid overflow."""


class AccuracyEstimate(NamedTuple):
    """An estimate of ImageNet top-1 in percentage points, for one training recipe."""

    top1: float
    sd: float

    def __repr__(self) -> str:
        return f"<AccuracyEstimate {self.top1:.1f} ± {self.sd:.1f} % ImageNet top-1>"

    @property
    def low(self) -> float:
        """Lower confidence bound, one standard deviation down: what search maximises."""
        return self.top1 - self.sd


class ImageNetwork(Protocol):
    """What an estimate is made from: an `Arch`, or a network traced from a torch module."""

    @property
    def input(self) -> Shape:
        """(C, H, W)."""

    @property
    def graph(self) -> Graph:
        """The network's ops."""


@dataclass(frozen=True, slots=True)
class Distillation:
    """What a teacher adds to supervised training, in score."""

    gain: float
    gain_sd: float
    """Standard deviation of the gain between networks."""


@dataclass(frozen=True, slots=True, eq=False)
class Scaling:
    """Centres and scales of inputs (d,) and of the law's terms (b,)."""

    centre: Floats
    scale: Floats
    term_centre: Floats
    term_scale: Floats

    def __call__(self, u: Floats, terms: Floats) -> tuple[Floats, Floats]:
        """Inputs and terms, standardised."""
        return (u - self.centre) / self.scale, (terms - self.term_centre) / self.term_scale


@dataclass(frozen=True, slots=True, eq=False)
class Expert:
    """A quadratic that ranks the networks of one trained space, and fades outside its box."""

    name: str
    centre: Floats
    scale: Floats
    radius: Floats
    """(d,) largest standardised distance from the centre of a network it was fitted on"""
    constant: float
    linear: Floats
    """(d,)"""
    pairs: Floats
    """(d, d), symmetric"""

    def refine(self, u: Floats) -> Floats:
        """Addition to the score (n,) of networks with inputs (n, d)."""
        z = (u - self.centre) / self.scale
        inside = np.clip(z, -self.radius, self.radius)
        fade = np.exp(-((z - inside) ** 2).sum(axis=1) / 2)
        value = self.constant + inside @ self.linear + ((inside @ self.pairs) * inside).sum(axis=1)
        added: Floats = fade * value
        return added


@dataclass(frozen=True, slots=True, eq=False)
class Surrogate:
    """Estimates ImageNet top-1; made by `load_surrogate`."""

    name: str
    ceiling: float
    """Top-1 above that of any network, however large."""
    scaling: Scaling
    process: ScoreProcess
    experts: tuple[Expert, ...]
    distillation: Distillation
    floor_sd: float
    """Standard deviation, in score, of training the reference recipe once more."""
    content_hash: str
    """12 hex digits over the artefact's files."""
    provenance: Mapping[str, Any]
    """Reference recipe, sources, held-out figures and date, as in the artefact's YAML."""
    origin: str = ""
    """The `surrogate.yaml` it was read from."""

    def __repr__(self) -> str:
        return f"<Surrogate {self.name}: top-1 up to {self.ceiling:.1f} %>"

    def _repr_html_(self) -> str:
        held_out = self.provenance["held_out"]
        rows = [
            [source, *(f"{held[key]:.2f}" if key in held else None for key in ("tau", "mae"))]
            for source, held in held_out.items()
        ]
        heads = ("Kendall's tau", "mean error, points")
        return html.table(("networks held out",), heads, rows, title=self.name)

    features = staticmethod(features)
    """The fold whose sums `predict_features` reads."""

    def predict(self, network: ImageNetwork) -> AccuracyEstimate:
        """The estimate for one network, trained supervised by the reference recipe."""
        x = np.array([features(network.graph)], dtype=float)
        mean, sd = self.predict_features(x, np.array([float(network.input[1])]))
        return AccuracyEstimate(float(mean[0]), float(sd[0]))

    def distilled(self, supervised: AccuracyEstimate) -> AccuracyEstimate:
        """The estimate for a network trained with a teacher, from the one for it without."""
        excess = self.ceiling - supervised.top1
        deviation = np.hypot(np.arcsinh(supervised.sd / excess), self.distillation.gain_sd)
        left = excess * np.exp(-self.distillation.gain)
        top1 = max(self.ceiling - left, 0.0)
        return AccuracyEstimate(float(top1), float(self._points(left, deviation)))

    def predict_features(self, x: Floats, resolution: Floats) -> tuple[Floats, Floats]:
        """Mean and standard deviation of top-1 for many networks.

        Shapes: x (n, len(FEATURES)) of summed `features`, resolution (n,) of input heights.
        Units: percentage points.
        """
        x, resolution = np.asarray(x, dtype=float), np.asarray(resolution, dtype=float)
        chunks = [slice(start, start + CHUNK) for start in range(0, len(x), CHUNK)]
        parts = [self._predict(x[chunk], resolution[chunk]) for chunk in chunks]
        mean, sd = (np.concatenate([p[i] for p in parts] or [np.empty(0)]) for i in (0, 1))
        return mean, sd

    def _predict(self, x: Floats, resolution: Floats) -> tuple[Floats, Floats]:
        u = inputs(x, resolution)
        score, variance = self.process.predict(*self.scaling(u, law_basis(x, resolution)))
        for expert in self.experts:
            score = score + expert.refine(u)
        excess = np.exp(-score)
        deviation = np.minimum(np.sqrt(variance + self.floor_sd**2), LARGEST_DEVIATION)
        return np.maximum(self.ceiling - excess, 0.0), self._points(excess, deviation)

    def _points(self, excess: Any, deviation: Any) -> Any:
        """A deviation of the score in points: the mean of one up and one down."""
        # no deviation of a value between 0 and the ceiling exceeds half the ceiling
        return np.minimum(excess * np.sinh(deviation), self.ceiling / 2)
