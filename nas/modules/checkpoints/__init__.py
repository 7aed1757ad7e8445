"""Weights of networks: read checkpoints, match their layers, save them."""
