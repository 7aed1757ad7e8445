"""Candidates that cost minutes: where candidates, trainer and store meet, and nowhere else."""
