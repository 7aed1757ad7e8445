"""Latency: devices that predict milliseconds, with an interval and provenance."""
