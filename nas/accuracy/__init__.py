"""Accuracy: what a network reaches, estimated. The surrogate needs no torch."""

from __future__ import annotations

from nas.accuracy.artefact import load_surrogate
from nas.accuracy.features import FEATURES, features
from nas.accuracy.surrogate import Guess, Surrogate

__all__ = ["FEATURES", "Guess", "Surrogate", "features", "load_surrogate"]
