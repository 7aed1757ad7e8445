"""Fits a device's costs to measured latencies of whole networks."""
