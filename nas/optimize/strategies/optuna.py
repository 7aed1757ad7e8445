"""Optuna's own samplers as strategies: TPE, a Gaussian process, NSGA-II and NSGA-III.

Each proposal comes from a new sampler over a study in memory that holds all evaluations. Optuna has
no hard limits and no layered spaces, so its answers are repaired and moved within the limits. It
learns from the evaluated networks, not from its own answers.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from nas.optimize.strategies.base import Strategy
from nas.optimize.strategies.problem import Problem
from nas.optimize.strategies.seen import Seen
from nas.space.columns import Ints
from nas.system.extras import require

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution
    from optuna.samplers import BaseSampler

STARTS, POPULATION = 10, 20
"""Random networks before a model is fitted; networks of a generation."""
OPTIONS: Mapping[str, Mapping[str, Any]] = {
    # Tree-structured Parzen estimators, joint over all choices (arXiv:2304.11127)
    "TPESampler": {"multivariate": True, "n_startup_trials": STARTS},
    # a Gaussian process with a Matern kernel and log-EI
    "GPSampler": {"n_startup_trials": STARTS, "deterministic_objective": False},
    # NSGA-II (Deb 2002), which with one objective is an elitist genetic algorithm
    "NSGAIISampler": {"population_size": POPULATION},
    # NSGA-III (Deb 2014): diverse by reference points
    "NSGAIIISampler": {"population_size": POPULATION},
}
"""Settings of each of Optuna's samplers."""
ANSWERS = 4
"""Answers to try before random networks are used."""


class OptunaSampler(Strategy):
    """Proposes the answers of a kind of Optuna sampler."""

    fronts = True

    def __init__(self, problem: Problem, *, kind: str, most: int) -> None:
        """`most` is the largest number of trials that the sampler sees."""
        super().__init__(problem)
        self.optuna = require("train", "optuna")
        self.optuna.logging.set_verbosity(self.optuna.logging.WARNING)
        self.kind, self.most = kind, most
        categorical = self.optuna.distributions.CategoricalDistribution
        self.distributions: dict[str, BaseDistribution] = {
            parameter.name: categorical(range(len(parameter.values)))
            for parameter in problem.choices.parameters
        }
        self._mirror: Study | None = None
        self._shown = Seen.none(problem)

    def propose(self, problem: Problem, seen: Seen, rng: np.random.Generator) -> Ints:
        study = self._study(seen, int(rng.integers(2**31)))
        found = []
        for _ in range(ANSWERS):
            values = np.array([[*self._answer(study).values()]])
            found.append(problem.pulled(problem.choices.codes(values)[0], rng))
            if len(seen.new(found[-1])):
                break
        return np.concatenate(found)

    def _answer(self, study: Study) -> dict[str, int]:
        """An answer by parameter; its trial is closed, as another network may be evaluated."""
        trial = study.ask(self.distributions)
        study.tell(trial, state=self.optuna.trial.TrialState.FAIL)
        return {name: trial.params[name] for name in self.distributions}

    def _study(self, seen: Seen, seed: int) -> Study:
        """The study in memory with all evaluations; a new one if earlier ones changed."""
        shown, old = seen.recent(self.most), self._shown
        if self._mirror is None or not np.array_equal(shown.codes[: len(old.codes)], old.codes):
            costs = self.problem.costs
            others = 0 if costs is None else costs(self.problem.start[:1]).shape[1]
            self._mirror = self.optuna.create_study(
                directions=["maximize", *["minimize"] * others], sampler=self._sampler(0)
            )
            old = Seen.none(self.problem)
        for index in range(len(old.scores), len(shown.scores)):
            self._add(self._mirror, shown, index)
        self._mirror.sampler = self._sampler(seed)
        self._shown = shown
        return self._mirror

    def _sampler(self, seed: int) -> BaseSampler:
        with warnings.catch_warnings():
            # the set of experimental samplers differs between versions of Optuna
            warnings.simplefilter("ignore", self.optuna.exceptions.ExperimentalWarning)
            made: BaseSampler = getattr(self.optuna.samplers, self.kind)(
                seed=seed, **OPTIONS[self.kind]
            )
            return made

    def _add(self, study: Study, seen: Seen, index: int) -> None:
        """Add an evaluation, which a genetic sampler must count into its generation."""
        states, code = self.optuna.trial.TrialState, seen.codes[[index]]
        values = np.maximum(self.problem.choices.values(code)[0], 0).tolist()
        params = dict(zip(self.distributions, values, strict=True))
        study.add_trial(
            self.optuna.create_trial(
                state=states.RUNNING, params=params, distributions=self.distributions
            )
        )
        trial = study.get_trials(deepcopy=False)[-1]
        if genetic := isinstance(study.sampler, self.optuna.samplers.BaseGASampler):
            study.sampler.get_trial_generation(study, trial)
        if not np.isfinite(seen.scores[index]):
            study.tell(trial.number, state=states.FAIL)
            return
        costs = () if self.problem.costs is None else self.problem.costs(code)[0]
        study.tell(trial.number, [float(seen.scores[index]), *costs])
        done = len(study.get_trials(deepcopy=False, states=(states.COMPLETE,)))
        if genetic and done % POPULATION == 0:
            # the first request of a generation chooses its parents and gets them in another order
            # than later requests, so make that request now and discard the answer
            study.sampler = self._sampler(0)
            self._answer(study)
