"""EfficientNet's compound scaling (arXiv:1905.11946, equation 3) of depth, width and resolution.

At phi, depth is multiplied by alpha^phi, width by beta^phi and the image's side by gamma^phi, so
that MACs grow by about (alpha beta^2 gamma^2)^phi, which is 2^phi for the paper's coefficients.

Departs: the authors rounded B1 to B7 by hand. To one decimal, and a side to 20 pixels, the formula
gives B1 to B3 (phi 0.5, 1, 2); from B4 on they took more than it says. `PUBLISHED` holds what they
took, and stands in for the formula at those phi with the paper's coefficients.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

from nas.errors import ArchError, BudgetError, InfeasibleError
from nas.space.arch import Arch
from nas.space.scaling import scaled
from nas.system.progress import OnProgress, ignore

if TYPE_CHECKING:
    from nas.accuracy import AccuracyEstimate, Surrogate
    from nas.latency.device import Device

SIDE_MULTIPLE = 4
"""A scaled side is a multiple of it, as all published ones are."""
ALPHAS = (0.6, 0.8, 1.0, 1.1, 1.2, 1.4, 1.6, 1.8)
BETAS = (0.5, 0.75, 0.9, 1.0, 1.1, 1.2, 1.3, 1.4)
GAMMAS = (0.75, 0.85, 1.0, 1.07, 1.15, 1.25, 1.35)
"""The small grid of step 1 (section 3.3), to both sides of the network that is scaled."""


@dataclass(frozen=True, slots=True)
class Coefficients:
    """Bases of the three powers."""

    alpha: float = 1.2
    beta: float = 1.1
    gamma: float = 1.15

    @property
    def growth(self) -> float:
        """Factor of MACs per unit of phi; the paper keeps it near 2."""
        return self.alpha * self.beta**2 * self.gamma**2


PAPER = Coefficients()
#: phi -> width, depth and side of B1 to B7 as published (B0 has side 224)
PUBLISHED = {
    0.5: (1.0, 1.1, 240),
    1.0: (1.1, 1.2, 260),
    2.0: (1.2, 1.4, 300),
    3.0: (1.4, 1.8, 380),
    4.0: (1.6, 2.2, 456),
    5.0: (1.8, 2.6, 528),
    6.0: (2.0, 3.1, 600),
}


@dataclass(frozen=True, slots=True)
class Multipliers:
    """Multipliers of a network's width, depth and image side."""

    width: float
    depth: float
    resolution: float

    def of(self, arch: Arch, name: str = "") -> Arch:
        """The scaled network."""
        side = round(arch.input[1] * self.resolution / SIDE_MULTIPLE) * SIDE_MULTIPLE
        side = arch.input[1] if self.resolution == 1 else max(side, SIDE_MULTIPLE)
        return scaled(arch, width=self.width, depth=self.depth, side=side, name=name)


def multipliers(phi: float, coefficients: Coefficients = PAPER) -> Multipliers:
    """The published multipliers if there are any for `phi`, otherwise the powers of equation 3.

    Raises:
        ArchError: `phi` or a base is outside its range.
    """
    c = coefficients
    if not (-10 <= phi <= 10 and all(0.1 <= v <= 10 for v in (c.alpha, c.beta, c.gamma))):
        found = f"phi {phi:g}, alpha {c.alpha:g}, beta {c.beta:g}, gamma {c.gamma:g}"
        raise ArchError(f"expected phi from -10 to 10 and bases from 0.1 to 10, found {found}")
    if c == PAPER and phi in PUBLISHED:
        width, depth, side = PUBLISHED[phi]
        return Multipliers(width, depth, side / 224)
    return Multipliers(c.beta**phi, c.alpha**phi, c.gamma**phi)


@dataclass(frozen=True, slots=True)
class Scaled:
    """One point of the grid."""

    coefficients: Coefficients
    arch: Arch
    ms: float | None
    """Predicted latency; None without a device."""
    guess: AccuracyEstimate
    """For supervised training."""
    distilled: AccuracyEstimate
    """For training with a teacher."""

    @property
    def bound(self) -> float:
        """Lower confidence bound: the estimated top-1 minus one standard deviation, in percent."""
        return self.guess.top1 - self.guess.sd


def search(
    arch: Arch,
    surrogate: Surrogate,
    *,
    device: Device | None = None,
    budget_ms: float = math.inf,
    budget_macs: float = math.inf,
    on_progress: OnProgress = ignore,
) -> list[Scaled]:
    """All grid points at phi 1 within the budgets, sorted by the bound of top-1, highest first.

    Raises:
        BudgetError: a budget is not positive, or a latency budget has no device.
        InfeasibleError: no point is within the budgets; it has the smallest.
    """
    if not (budget_ms > 0 and budget_macs > 0) or (budget_ms < math.inf and device is None):
        raise BudgetError("expected a budget above 0, and a device for milliseconds")
    points = list(_grid(arch, surrogate, device, on_progress))
    found = [p for p in points if p.arch.macs <= budget_macs and (p.ms or 0) <= budget_ms]
    if not found:
        raise _infeasible(arch, points, device, budget_ms)
    return sorted(found, key=lambda p: (-p.bound, p.arch.macs))


def _infeasible(
    arch: Arch, points: Sequence[Scaled], device: Device | None, budget_ms: float
) -> InfeasibleError:
    least = min(points, key=lambda p: (p.ms or 0, p.arch.macs))
    size = f"{least.ms:.3f} ms predicted, " if least.ms else ""
    message = (
        f"no scaling of {arch.name} is within the budget;"
        f" the smallest of the grid: {size}{least.arch.macs / 1e6:.1f} M MACs"
    )
    if device is None or least.ms is None or least.ms <= budget_ms:
        return InfeasibleError(message, arch=least.arch, smallest=least.arch.macs, quantity="macs")
    return InfeasibleError(message, arch=least.arch, smallest=least.ms, device=device.name)


def _grid(
    arch: Arch,
    surrogate: Surrogate,
    device: Device | None,
    on_progress: OnProgress,
) -> Iterator[Scaled]:
    """Yield the valid grid points; rounding makes some networks equal, and each comes once."""
    seen = set()
    grid = list(product(ALPHAS, BETAS, GAMMAS))
    for number, (alpha, beta, gamma) in enumerate(grid):
        on_progress("scaling", number / len(grid))
        try:
            found = Multipliers(beta, alpha, gamma).of(arch)
        except ArchError:  # for example, a patch that does not divide the feature map
            continue
        if found in seen:
            continue
        seen.add(found)
        ms = device.predict(found).ms if device else None
        guess = surrogate.predict(found)
        distilled = surrogate.distilled(guess)
        yield Scaled(Coefficients(alpha, beta, gamma), found, ms, guess, distilled)
