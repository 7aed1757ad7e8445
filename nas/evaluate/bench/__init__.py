"""Benchmarks of search strategies: spaces in which the accuracy of every network is known."""
