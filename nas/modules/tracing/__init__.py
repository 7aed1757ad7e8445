"""Any torch module as a `Graph`, through `torch.export`."""
