"""Any strategy as an Optuna sampler, for studies run by Optuna or by Ray Tune.

    study = optuna.create_study(direction="maximize", sampler=sampler_of(strategy, seed=0))
    study.optimize(lambda trial: accuracy(space.decode(suggest(trial, strategy.problem))))

A parameter is one column at one row. One that an architecture lacks is random and has no effect.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nas.optimize.strategies.base import Strategy
from nas.optimize.strategies.problem import Problem
from nas.optimize.strategies.seen import Seen
from nas.space.choices import ABSENT
from nas.space.columns import Ints
from nas.system.extras import require

if TYPE_CHECKING:
    from optuna import Study, Trial
    from optuna.distributions import BaseDistribution
    from optuna.samplers import BaseSampler
    from optuna.trial import FrozenTrial


def suggest(trial: Trial, problem: Problem) -> Ints:
    """(P,) code of a trial, whose sampler may be any.

    Raises:
        optuna.TrialPruned: the sampler chose a network that is invalid or over a limit.
    """
    choices = problem.choices
    code = choices.code(
        {p.name: trial.suggest_categorical(p.name, p.values) for p in choices.parameters}
    )
    if not problem.within(code[None])[0]:
        raise require("train", "optuna").TrialPruned("over a limit, or cannot be built")
    found: Ints = problem.canonical(code[None])[0]
    return found


def sampler_of(strategy: Strategy, seed: int = 0) -> BaseSampler:
    """An Optuna sampler of the strategy's proposals; its only state is the study's trials."""
    optuna = require("train", "optuna")
    problem, states = strategy.problem, optuna.trial.TrialState

    class Sampler(optuna.samplers.BaseSampler):  # type: ignore[misc, name-defined]
        """A local class, since importing Optuna at start-up would take a second."""

        def infer_relative_search_space(
            self, study: Study, trial: FrozenTrial
        ) -> dict[str, BaseDistribution]:
            categorical = optuna.distributions.CategoricalDistribution
            return {p.name: categorical(p.values) for p in problem.choices.parameters}

        def sample_relative(
            self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
        ) -> dict[str, Any]:
            rng = np.random.default_rng([seed, trial.number])
            asked = strategy.ask(_seen(study, trial), rng)
            return _every(problem, next(asked, problem.start[0]), rng)  # a known one after the last

        def sample_independent(
            self, study: Study, trial: FrozenTrial, param_name: str, distribution: BaseDistribution
        ) -> Any:
            raise ValueError(f"{param_name} is no choice of the space that is searched")

    def _seen(study: Study, asking: FrozenTrial) -> Seen:
        trials = [t for t in study.get_trials(deepcopy=False) if t.params and t is not asking]
        codes = [problem.choices.code(trial.params) for trial in trials]
        scores = [_score(trial) for trial in trials]
        if not trials:
            return Seen.none(problem)
        return Seen.of(problem.canonical(np.array(codes)), np.array(scores))

    def _score(trial: FrozenTrial) -> float:
        if trial.state == states.COMPLETE:
            return float(trial.values[0])
        return np.nan if not trial.state.is_finished() else -np.inf

    return Sampler()


def _every(problem: Problem, code: Ints, rng: np.random.Generator) -> dict[str, Any]:
    """A value for every parameter, random if the code has none."""
    values = problem.choices.values(code[None])[0]
    parameters = problem.choices.parameters
    drawn = [rng.integers(len(parameter.values)) for parameter in parameters]
    values = np.where(values == ABSENT, drawn, values)
    return {p.name: p.values[v] for p, v in zip(parameters, values, strict=True)}
