"""A device made by measuring this machine: parts of networks, a fit, whole networks left out."""
