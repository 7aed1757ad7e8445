"""How far a sub-network's predictions are from those of the largest one, to be minimised.

`kl` is the usual divergence of Kullback and Leibler. `alpha` is that of AlphaNet
(arXiv:2102.07954): the larger of two alpha-divergences, of which one punishes classes that the
sub-network overrates and one those that it underrates, with clipped ratios of probabilities.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - torch's own spelling

ALPHAS = (-1.0, 1.0)
"""The two divergences of `alpha`."""
MOST = 5.0
"""Largest ratio of probabilities to the power of alpha."""


def kl(logits: Tensor, wanted: Tensor) -> Tensor:
    """(b, classes) twice -> mean divergence of the images; no gradient flows to `wanted`."""
    target = F.log_softmax(wanted.detach(), 1)
    return F.kl_div(F.log_softmax(logits, 1), target, reduction="batchmean", log_target=True)


def alpha(logits: Tensor, wanted: Tensor) -> Tensor:
    """As `kl`; the value is a surrogate whose gradient is that of the larger divergence."""
    found = [_alpha(logits, wanted.detach(), value) for value in ALPHAS]
    (low, of_low), (high, of_high) = found
    return torch.where(low > high, of_low, of_high).mean()


def _alpha(logits: Tensor, wanted: Tensor, order: float) -> tuple[Tensor, Tensor]:
    """(b,) alpha-divergences, and (b,) values with their gradients."""
    log_q = F.log_softmax(logits, 1)
    q = log_q.detach().exp()
    log_ratio = F.log_softmax(wanted, 1) - log_q.detach()
    power = (order * log_ratio).exp().clamp(max=MOST)
    if order == 1.0:
        divergence, rho = (q * power * log_ratio).sum(1), power
    else:
        base = 1 / (order * (order - 1))
        divergence, rho = (q * (power - 1) * base).sum(1), power / order + base
    return divergence, -(q * rho * log_q).sum(1)


DIVERGENCES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"kl": kl, "alpha": alpha}
