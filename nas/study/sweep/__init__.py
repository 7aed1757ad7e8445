"""Sweeps: many searches with training as one run."""
