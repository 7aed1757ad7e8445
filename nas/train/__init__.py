"""Training of candidates and of final networks: data sets, recipes, one restartable loop."""
