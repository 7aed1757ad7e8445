"""The plan of a NetAdapt run: budget, schedule and rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from nas.errors import BudgetError, check_names, positive_budget_ms

DIRECTIONS = ("shrink", "grow")
CRITERIA = ("l2", "taylor", "scale", "random")
"""Criteria of the channels to keep; see `nas.adapt.prune`."""

Worth = Callable[[float, float, float, float], float]
"""Value of a proposal, from top-1 and ms before it, then top-1 and ms with it."""

CHOICES: Mapping[str, Worth] = {
    "accuracy": lambda top1, ms, new_top1, new_ms: new_top1,
    "ratio": lambda top1, ms, new_top1, new_ms: (new_top1 - top1) / abs(ms - new_ms),
}
"""Rules for the best proposal of a step: NetAdapt's (accuracy), and MobileNetV3's (section 4.2 of
arXiv:1905.02244: change of accuracy per change of latency)."""


@dataclass(frozen=True, slots=True)
class AdaptPlan:
    """Budget, schedule and rules of a run."""

    budget_ms: float
    delta: float = 0.01
    """Latency change of a step, as a share of the start's latency."""
    decay: float = 1.0
    """Factor of the change from step to step (the paper: 0.96 to 0.98)."""
    tune_batches: int = 100
    """Batches of a proposal's short training: T of the papers (which take 10,000 and more)."""
    tune_lr: float = 0.1
    """Constant learning rate of the short training, as a share of the recipe's."""
    judging_images: int = 2000
    """Largest number of validation images that proposals are evaluated on."""
    criterion: str = "l2"
    choose: str = "accuracy"
    divisor: int = 8
    """Widths are multiples of it."""
    proposals: int = 0
    """Largest number of proposals of a step, least importance lost per ms first; 0: all."""
    direction: str = "shrink"

    def __post_init__(self) -> None:
        positive_budget_ms(self.budget_ms)
        if not 0 < self.delta < 1:
            raise BudgetError(f"--delta: expected a share between 0 and 1, found {self.delta:g}")
        if not 0 < self.decay <= 1:
            raise BudgetError(f"--decay: expected a factor up to 1, found {self.decay:g}")
        check_names("direction", [self.direction], DIRECTIONS)
        check_names("criterion", [self.criterion], CRITERIA)
        check_names("rule", [self.choose], CHOICES)

    @property
    def grows(self) -> bool:
        return self.direction == "grow"

    def change_ms(self, start_ms: float, step: int) -> float:
        """Latency change in milliseconds of step 1, 2, ..."""
        return self.delta * start_ms * self.decay ** (step - 1)
