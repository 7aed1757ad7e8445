"""Attention that reads something trained, or is written in a rarer way."""

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

D, HEADS = 64, 4


def heads(x: torch.Tensor) -> torch.Tensor:
    """(N, T, D) as (N, heads, T, D / heads)."""
    n, t, d = x.shape
    return x.reshape(n, t, HEADS, d // HEADS).transpose(1, 2)


class Tokens(nn.Module):
    """Patches of 16 x 16 pixels as 196 tokens, with keys and values."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = nn.Conv2d(3, D, 16, 16)
        self.kv = nn.Linear(D, 2 * D)

    def keys(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        key, value = self.kv(self.patch(x).flatten(2).mT).chunk(2, -1)
        return heads(key), heads(value)


class LearnedQueries(Tokens):
    """20 trained queries."""

    def __init__(self) -> None:
        super().__init__()
        self.queries = nn.Parameter(torch.zeros(1, HEADS, 20, D // HEADS))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        queries = self.queries.expand(len(x), -1, -1, -1)
        return F.scaled_dot_product_attention(queries, *self.keys(x)).transpose(1, 2).flatten(2)


class AttentionPooling(Tokens):
    """One trained query, projected, attends to all tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.latent = nn.Parameter(torch.zeros(1, 1, D))
        self.q = nn.Linear(D, D)
        self.out = nn.Linear(D, D)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        query = heads(self.q(self.latent.expand(len(x), -1, -1)))
        return self.out(F.scaled_dot_product_attention(query, *self.keys(x)).flatten(1))


class MultiheadLearnedQueries(nn.Module):
    """The same by `nn.MultiheadAttention`."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = nn.Conv2d(3, D, 16, 16)
        self.attention = nn.MultiheadAttention(D, HEADS, batch_first=True)
        self.queries = nn.Parameter(torch.zeros(1, 20, D))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.patch(x).flatten(2).mT
        queries = self.queries.expand(len(x), -1, -1)
        return self.attention(queries, x, x, need_weights=False)[0]


class LearnedKeys(Tokens):
    """Queries of the image, trained keys and values (external attention)."""

    def __init__(self) -> None:
        super().__init__()
        self.memory = nn.Parameter(torch.zeros(2, 1, HEADS, 32, D // HEADS))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        query, _ = self.keys(x)
        return F.scaled_dot_product_attention(query, self.memory[0], self.memory[1])


class GroupedQueries(Tokens):
    """Four heads of queries share two of keys."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        key, value = self.keys(x)
        return F.scaled_dot_product_attention(key, key[:, :2], value[:, :2], enable_gqa=True)


class SameThrice(Tokens):
    """One tensor is query, key and value."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        key, _ = self.keys(x)
        return F.scaled_dot_product_attention(key, key, key)


class Baddbmm(nn.Module):
    """Scores by `baddbmm`."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = nn.Conv2d(3, 32, 16, 16)
        self.qkv = nn.Linear(32, 96)
        self.out = nn.Linear(32, 32)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        qkv = self.qkv(self.patch(x).flatten(2).mT).unflatten(-1, (3, HEADS, 8))
        q, k, v = qkv.permute(2, 0, 3, 1, 4).flatten(1, 2)
        scores = torch.baddbmm(torch.zeros(1, 1, 1), q, k.mT, beta=0, alpha=8**-0.5)
        mixed = torch.bmm(scores.softmax(-1), v).unflatten(0, (-1, HEADS))
        return self.out(mixed.transpose(1, 2).flatten(2))


class Encoder(nn.Module):
    """torch's own transformer layer, which has a fused form for inference."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = nn.Conv2d(3, 64, 16, 16)
        self.layer = nn.TransformerEncoderLayer(64, 4, 128, batch_first=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(self.patch(x).flatten(2).mT)
