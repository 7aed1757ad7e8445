"""Latency, measured: on this machine, or elsewhere by the runtimes' own benchmarks."""
