"""Benchmarks of search strategies: spaces in which the accuracy of every network is known."""

from __future__ import annotations

from nas.evaluate.bench.benchmark import BENCHMARKS, Benchmark, load_benchmark

__all__ = ["BENCHMARKS", "Benchmark", "load_benchmark"]
