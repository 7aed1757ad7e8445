"""Changing a known network to fit: compound scaling."""
