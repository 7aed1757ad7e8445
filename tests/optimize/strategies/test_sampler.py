"""Strategies inside Optuna: the same questions and answers as outside."""

from __future__ import annotations

import numpy as np
import optuna
import pytest

from nas.evaluate.bench.scenario import Scenario, load_scenario
from nas.library import load_device, load_surrogate
from nas.optimize.limits import Limits
from nas.optimize.pricing import Pricing
from nas.optimize.strategies import STRATEGIES
from nas.optimize.strategies.sampler import sampler_of, suggest
from nas.optimize.strategies.seen import Seen
from nas.space.space import Space
from nas.study.spec import problem_of

optuna.logging.set_verbosity(optuna.logging.WARNING)
STEPS = 25


def study(sampler: optuna.samplers.BaseSampler) -> optuna.Study:
    """A study of the benchmark that notes the code of each trial."""
    case = load_scenario(Scenario("accel-nasbench"))

    def objective(trial: optuna.Trial) -> float:
        code = suggest(trial, case.problem)
        trial.set_user_attr("code", code.tolist())
        if trial.number % 7 == 3:
            raise optuna.TrialPruned
        return float(case.benchmark.evaluate(code[None])[0])

    found = optuna.create_study(direction="maximize", sampler=sampler)
    found.optimize(objective, STEPS)
    return found


@pytest.mark.parametrize("name", ["model", "evolution", "reinforce"])
def test_it_asks_as_the_strategy_does(name: str) -> None:
    case = load_scenario(Scenario("accel-nasbench"))
    trials = study(sampler_of(STRATEGIES[name](case.problem), seed=5)).trials
    strategy, seen = STRATEGIES[name](case.problem), Seen.none(case.problem)
    for trial in trials:
        code = next(strategy.ask(seen, np.random.default_rng([5, trial.number])))
        assert trial.user_attrs["code"] == code.tolist()
        seen.add(code, trial.value if trial.values else -np.inf)
    assert len(trials) == STEPS


def test_what_another_sampler_chooses_over_the_budget_is_not_evaluated() -> None:
    trials = study(optuna.samplers.RandomSampler(seed=0)).trials
    case = load_scenario(Scenario("accel-nasbench"))
    codes = np.array([t.user_attrs["code"] for t in trials if "code" in t.user_attrs])
    assert 5 < len(codes) < STEPS
    assert case.problem.within(codes).all()


def test_a_space_without_another_network_is_asked_on() -> None:
    """Optuna's samplers have an answer to every question."""
    space = Space.from_yaml(
        """
name: two
source: "made for tests"
input: [3, 16, 16]
columns: [op, k, out, s]
rows:
  - [conv, 3, [8, 16], 2]
  - [pool, ~, ~, ~]
  - [linear, ~, 10, ~]
"""
    )
    pricing = Pricing(space, load_device("iphone12-lut"), load_surrogate("imagenet"))
    problem = problem_of(pricing, Limits((1e9,), (1.0,)), estimate=False)
    found = optuna.create_study(sampler=sampler_of(STRATEGIES["random"](problem)))
    found.optimize(lambda trial: float(suggest(trial, problem).sum()), 4)
    assert len({trial.value for trial in found.trials}) == 2
