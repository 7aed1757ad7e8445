"""Latency: what a runtime executes, what that costs on a device, and how a device is made."""
