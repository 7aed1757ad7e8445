"""Benchmarks of search strategies: spaces in which the accuracy of every network is known."""

from __future__ import annotations

from nas.evaluate.bench.truth import TRUTHS, Truth, load_truth

__all__ = ["TRUTHS", "Truth", "load_truth"]
