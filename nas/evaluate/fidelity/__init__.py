"""How well cheaper estimators rank networks: each against long training, with what it costs."""
