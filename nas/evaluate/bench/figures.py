"""Figures of strategies from their runs: accuracy, speed, certainty and cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import isfinite

import numpy as np

from nas.evaluate.bench.run import Run
from nas.space.columns import Floats

MARKS = (50, 100, 200, 300)
"""Figures are taken after these numbers of evaluations, and after the last."""
LEVEL = 0.95
"""Confidence level of the intervals."""
SAME = 1e-9
"""Tolerance in points within which an accuracy equals the optimum."""


@dataclass(frozen=True, slots=True)
class After:
    """Best accuracy after a number of evaluations, over runs."""

    evaluations: int
    best: float
    """Mean of the best accuracies, in points."""
    best_low: float
    best_high: float
    """Student's interval of the mean at `LEVEL`; NaN for a single run."""
    regret: float
    """Mean distance to the optimum, in points."""
    at_optimum: float
    """Share of runs that have found the optimum."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Figures of one strategy on one scenario."""

    strategy: str
    runs: int
    after: tuple[After, ...]
    """The last entry is after all evaluations."""
    optimum_after: float | None
    """Median evaluations until the optimum; None if fewer than half of the runs found it."""
    seconds: float
    """Mean duration of a run."""
    ask_ms: float
    ask_p99_ms: float
    """Median and 99th percentile of the milliseconds of a proposal."""
    evaluations: int
    """Sum over all runs."""
    duplicates: int
    over: int

    def row(self) -> dict[str, float | int | str | None]:
        """Return a flat row for CSV and JSON; a figure that does not exist is None."""
        found: dict[str, float | int | str | None] = {
            "strategy": self.strategy,
            "runs": self.runs,
            "evaluations": self.evaluations,
        }
        for own in self.after:
            found |= {
                f"{name}_{own.evaluations}": round(value, 4) if isfinite(value) else None
                for name, value in asdict(own).items()
                if name != "evaluations"
            }
        return found | {
            "median_evaluations_to_optimum": self.optimum_after,
            "seconds_per_run": float(f"{self.seconds:.3g}"),
            "ask_ms_median": float(f"{self.ask_ms:.3g}"),
            "ask_ms_p99": float(f"{self.ask_p99_ms:.3g}"),
            "duplicates": self.duplicates,
            "over_budget": self.over,
        }


def figures(runs: Sequence[Run], optimum: float) -> Figures:
    """Summarise the runs of one strategy, all with the same number of evaluations."""
    best = np.array([own.best for own in runs])
    found = best >= optimum - SAME
    first = np.where(found.any(axis=1), found.argmax(axis=1) + 1.0, np.inf)
    half = float(np.median(first))
    ask_ms = np.concatenate([own.ask_ms for own in runs])
    return Figures(
        runs[0].strategy,
        len(runs),
        tuple(_after(best[:, n - 1], optimum, n) for n in marks(best.shape[1])),
        half if isfinite(half) else None,
        float(np.mean([own.seconds for own in runs])),
        float(np.median(ask_ms)),
        float(np.quantile(ask_ms, 0.99)),
        len(ask_ms),
        sum(own.duplicates for own in runs),
        sum(own.over for own in runs),
    )


def marks(evaluations: int) -> list[int]:
    """Return the numbers of evaluations after which figures are taken."""
    return [*(n for n in MARKS if n < evaluations), evaluations]


def _after(best: Floats, optimum: float, evaluations: int) -> After:
    mean = float(best.mean())
    reach = float(reaches(best[:, None])[0])
    at_optimum = float((best >= optimum - SAME).mean())
    regret = max(0.0, optimum - mean)
    return After(evaluations, mean, mean - reach, mean + reach, regret, at_optimum)


def reaches(values: Floats) -> Floats:
    """Return half the width of Student's interval of each mean; NaN for one run.

    Shapes: (runs, n) -> (n,).
    """
    from scipy.stats import sem, t

    if len(values) == 1:
        return np.full(values.shape[1], np.nan)
    wide: Floats = t.ppf((1 + LEVEL) / 2, len(values) - 1) * sem(values)
    return wide
