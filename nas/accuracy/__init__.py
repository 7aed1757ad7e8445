"""Estimated accuracy of a network, by a surrogate that needs no torch."""

from __future__ import annotations

from nas.accuracy.artefact import load_surrogate
from nas.accuracy.features import FEATURES, features
from nas.accuracy.surrogate import AccuracyEstimate, Surrogate

__all__ = ["FEATURES", "AccuracyEstimate", "Surrogate", "features", "load_surrogate"]
