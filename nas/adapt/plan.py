"""What a NetAdapt run is asked to do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import inf

from nas.errors import BudgetError, UnknownNameError

DIRECTIONS = ("shrink", "grow")
CRITERIA = ("l2", "taylor", "scale", "random")
"""Of which channels are kept; see `nas.adapt.prune`."""

Worth = Callable[[float, float, float, float], float]
"""Of a proposal, from top-1 and ms before it and with it."""

CHOICES: Mapping[str, Worth] = {
    "accuracy": lambda top1, ms, new_top1, new_ms: new_top1,
    "ratio": lambda top1, ms, new_top1, new_ms: (new_top1 - top1) / abs(ms - new_ms),
}
"""How the best proposal of a step is chosen: NetAdapt's rule, and MobileNetV3's (section 4.2 of
arXiv:1905.02244), the change of accuracy per change of latency."""


@dataclass(frozen=True, slots=True)
class AdaptPlan:
    """Budget, schedule and rules of a run."""

    budget_ms: float
    delta: float = 0.01
    """Change of a step, as a share of the start's latency."""
    decay: float = 1.0
    """Each step's change is that of the one before times this (the paper: 0.96 to 0.98)."""
    tune_batches: int = 100
    """Batches that a proposal is trained for: T of the papers (they: 10,000 and more)."""
    tune_lr: float = 0.1
    """Learning rate meanwhile, constant, as a share of the recipe's."""
    judging_images: int = 2000
    """Training images that proposals are judged on, at most."""
    criterion: str = "l2"
    choose: str = "accuracy"
    divisor: int = 8
    """Widths are its multiples."""
    proposals: int = 0
    """Of a step, those with the least loss of importance for their milliseconds; 0: all."""
    direction: str = "shrink"

    def __post_init__(self) -> None:
        if not 0 < self.budget_ms < inf:
            raise BudgetError(f"expected a budget above 0 ms, found {self.budget_ms:g}")
        if not 0 < self.delta < 1:
            raise BudgetError(f"--delta: expected a share between 0 and 1, found {self.delta:g}")
        if not 0 < self.decay <= 1:
            raise BudgetError(f"--decay: expected a factor up to 1, found {self.decay:g}")
        for what, found, known in (
            ("direction", self.direction, DIRECTIONS),
            ("criterion", self.criterion, CRITERIA),
            ("rule", self.choose, tuple(CHOICES)),
        ):
            if found not in known:
                raise UnknownNameError(what, found, known)

    @property
    def grows(self) -> bool:
        return self.direction == "grow"

    def change_ms(self, start_ms: float, step: int) -> float:
        """Milliseconds that step 1, 2, ... is to save (or spend)."""
        return self.delta * start_ms * self.decay ** (step - 1)
