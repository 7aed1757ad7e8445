"""Training: recipes as data, one loop, restartable; the judge of candidates and of winners."""
