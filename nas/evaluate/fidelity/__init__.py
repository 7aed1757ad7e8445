"""How well cheaper judges rank networks: each against long training, with what it costs."""
