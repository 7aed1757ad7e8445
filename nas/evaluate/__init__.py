"""How well strategies and cheap evaluations rank networks."""
