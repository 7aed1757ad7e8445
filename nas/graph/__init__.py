"""Primitive ops with static shapes, and what can be counted on them."""
