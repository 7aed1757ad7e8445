"""Devices from measured networks: fitted, adapted, and held against what was measured."""
