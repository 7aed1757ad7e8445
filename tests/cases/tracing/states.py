"""A file that states what its modules take."""

import torch
from torch import nn

example_inputs = (torch.zeros(1, 2, 32, 48), torch.zeros(1, 5, dtype=torch.long))


class Both(nn.Module):
    """A map and the numbers of its channels' names."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 4, 3, padding=1)
        self.names = nn.Embedding(9, 4)

    def forward(self, x: torch.Tensor, names: torch.Tensor) -> torch.Tensor:
        return self.conv(x) + self.names(names).sum(1)[..., None, None]
