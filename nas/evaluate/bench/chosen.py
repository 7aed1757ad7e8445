"""Chooses the benchmarks and strategies to compare: those named, or all available."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from nas.errors import MissingExtraError, check_names
from nas.evaluate.bench.benchmark import BENCHMARKS
from nas.evaluate.bench.comparison import BASELINE
from nas.evaluate.bench.macro import FILE
from nas.evaluate.bench.macro import SPACE as NOT_SHIPPED
from nas.optimize.strategies import DEFAULT, ON_OPTUNA, STRATEGIES
from nas.system.extras import require

QUICK = (DEFAULT, "exact", "evolution", "local", "reinforce", BASELINE)
"""Strategies that propose within milliseconds and need no extra."""
LONG = ("gp",)
"""Strategies that take a second per proposal, compared only if named."""


def benchmarks(
    named: Sequence[str], data: Path | None, say: Callable[[str], None], *, shipped: bool = False
) -> list[str]:
    """Return names of benchmarks, and report those that are left out.

    Raises:
        UnknownNameError: with the nearest names.
    """
    check_names("benchmark", named, BENCHMARKS)
    if named:
        return [*dict.fromkeys(named)]
    if data is None and not shipped:
        say(f"{NOT_SHIPPED} is left out; it needs --data FOLDER with {FILE}")
    return [name for name in BENCHMARKS if name != NOT_SHIPPED or (data and not shipped)]


def strategies(named: Sequence[str], say: Callable[[str], None]) -> list[str]:
    """Names of strategies, random search always among them.

    Raises:
        UnknownNameError: with the nearest names.
        MissingExtraError: one that is named needs Optuna.
    """
    check_names("strategy", named, STRATEGIES)
    if named:
        if set(named) & {*ON_OPTUNA}:
            require("train", "optuna")
        return [*dict.fromkeys([*named, BASELINE])]
    found = [name for name in STRATEGIES if name not in LONG]
    try:
        require("train", "optuna")
    except MissingExtraError as error:
        say(f"{', '.join(name for name in found if name in ON_OPTUNA)} are left out: {error}")
        return [name for name in found if name not in ON_OPTUNA]
    return found
