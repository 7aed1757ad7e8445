"""How well cheap estimators rank networks, against long training, and at what cost."""
