"""What every strategy promises: proposals that are new and within the limits, from what was seen.

State follows from what was seen, so one that is made anew goes on as the one that was stopped.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from itertools import compress, islice, pairwise, product

import numpy as np
import pytest

from nas import library
from nas.blocks.mobilenet import MV2
from nas.evaluate.bench.benchmark import load_benchmark
from nas.optimize.limits import Limits
from nas.optimize.pricing import MS, PARAMS, Pricing
from nas.optimize.strategies import DEFAULT, ON_OPTUNA, STRATEGIES
from nas.optimize.strategies.base import Strategy
from nas.optimize.strategies.problem import Problem, problem_of
from nas.optimize.strategies.seen import Seen
from nas.space.columns import Floats, Ints
from nas.space.layered import keys
from nas.space.rules import Rules
from nas.space.space import Space

from ...conftest import BRANCHES

FEW = """
name: few
source: "made for tests"
input: [3, 16, 16]
columns: [op, k, exp, out, s, n, repeat]
rows:
  - [conv, 3, ~, [8, 16], 2, 1, ~]
  - [mv2, [3, 5], [2x, 3x], 16, 1, [1, 2, 3], independent]
  - [pool, ~, ~, ~, ~, 1, ~]
  - [linear, ~, ~, 10, ~, 1, ~]
"""
"""2 x (4 + 4^2 + 4^3) networks, and a code more where two repeats of three are there, or one."""
RULED = """
name: ruled
source: "made for tests"
input: [3, 16, 16]
rules: {widths: nondecreasing}
columns: [op, k, exp, out, s, n, repeat]
rows:
  - [conv, 3, ~, 24, 2, 1, ~]
  - [mv2, 3, 2x, [8, 16], 1, 1, ~]
  - [mv2, [3, 5], 2x, [8, 16, 24], 1, 1, ~]
  - [mv2, 3, 2x, [8, 16], 1, [0, 1], independent]
  - [pool, ~, ~, ~, ~, 1, ~]
  - [linear, ~, ~, 10, ~, 1, ~]
"""
SLOW = pytest.mark.slow
NAMES = [pytest.param(name, marks=[SLOW] if name == "gp" else []) for name in STRATEGIES]
STEPS = 30


@dataclass(frozen=True)
class Case:
    """A problem, and the accuracies of its networks."""

    problem: Problem
    judge: Callable[[Ints], Floats]


def priced(space: Space, device: str, share: float) -> tuple[Pricing, Problem]:
    """The problem with a budget that this share of random networks keeps."""
    pricing = Pricing(space, library.load_device(device), library.load_surrogate("imagenet"))
    ms = pricing.price(pricing.layered.sample(1000, np.random.default_rng(0)))[:, MS]
    limits = Limits((float(np.quantile(ms, share)),), (1.0,))
    return pricing, problem_of(pricing, limits, estimate=False)


@cache
def small() -> Case:
    """A space with every kind of choice, and accuracies that are nearly additive."""
    _, problem = priced(Space.from_yaml(BRANCHES), "iphone12-lut", 0.7)
    return Case(problem, additive(problem))


def additive(problem: Problem) -> Callable[[Ints], Floats]:
    rng = np.random.default_rng(1)
    weights = rng.normal(size=problem.choices.one_hot(problem.start).shape[1])

    def judge(codes: Ints) -> Floats:
        worth: Floats = problem.choices.one_hot(codes) @ weights
        return 60 + 5 * np.tanh(worth / 3)

    return judge


@cache
def accel() -> Case:
    """A benchmark of which half is over the budget."""
    truth = load_benchmark("accel-nasbench")
    return Case(priced(truth.space, "pixel1-cpu", 0.5)[1], truth.evaluate)


CASES = {"small": small, "accel-nasbench": accel}


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]()


def asked(strategy: Strategy, seen: Seen, n: int = 1) -> Ints:
    """The first proposals of the question that follows from how much was seen."""
    rng = np.random.default_rng([0, len(seen.scores) + len(seen.running)])
    return np.array([*islice(strategy.ask(seen, rng), n)])


def checked(problem: Problem, seen: Seen, codes: Ints) -> None:
    assert problem.within(codes).all()
    assert (problem.canonical(codes) == codes).all()
    assert not set(keys(codes)) & set(keys(np.concatenate([seen.codes, seen.running])))


def test_the_default_is_one_of_them() -> None:
    assert DEFAULT in STRATEGIES
    assert set(ON_OPTUNA) < set(STRATEGIES)


def test_proposals_are_new_canonical_and_within_the_limits(name: str, case: Case) -> None:
    strategy, seen = STRATEGIES[name](case.problem), Seen.none(case.problem)
    for _ in range(STEPS):
        codes = asked(strategy, seen, 3)
        checked(case.problem, seen, codes)
        seen.add(codes[0], case.judge(codes[:1])[0])


def with_costs(problem: Problem) -> Problem:
    """The same where parameters and used budget are minimised, too."""
    features = problem.features
    return replace(problem, costs=lambda codes: features(codes)[:, [MS, PARAMS]])


@pytest.mark.parametrize("fronts", [False, True], ids=["accuracy", "several objectives"])
def test_one_made_anew_goes_on_as_if_never_stopped(name: str, case: Case, fronts: bool) -> None:
    problem = with_costs(case.problem) if fronts else case.problem
    steps = 14 if name == "gp" else STEPS
    answers, seen = continued(name, problem, case.judge, steps)
    for step in range(4, steps, 8):
        before = Seen.of(answers[:step], seen.scores[:step])
        assert (asked(STRATEGIES[name](problem), before)[0] == answers[step]).all(), step


def continued(
    name: str, problem: Problem, judge: Callable[[Ints], Floats], steps: int
) -> tuple[Ints, Seen]:
    """What one strategy proposes step by step, a seventh of which fails."""
    strategy, seen, answers = STRATEGIES[name](problem), Seen.none(problem), []
    for step in range(steps):
        answers.append(asked(strategy, seen)[0])
        seen.add(answers[-1], -np.inf if step % 7 == 3 else judge(answers[-1][None])[0])
    return np.array(answers), seen


@pytest.mark.parametrize("name", ["nsga2", "nsga3", "model", "reinforce"])
def test_so_does_one_after_several_generations(name: str) -> None:
    case = small()
    problem = case.problem if name == "model" else with_costs(case.problem)
    answers, seen = continued(name, problem, case.judge, 75)
    for step in (24, 30, 48, 74):
        before = Seen.of(answers[:step], seen.scores[:step])
        assert (asked(STRATEGIES[name](problem), before)[0] == answers[step]).all(), step


def test_others_finishing_first_change_nothing(name: str, case: Case) -> None:
    """Trials finish out of order where several processes work; only what is known counts."""
    strategy, problem = STRATEGIES[name](case.problem), case.problem
    codes = problem.sample(30, np.random.default_rng(3))
    scores = case.judge(codes)
    asked(strategy, Seen.of(codes, np.where(np.arange(30) == 5, np.nan, scores)))
    now = Seen.of(codes, scores)
    assert (asked(strategy, now) == asked(STRATEGIES[name](problem), now)).all()


def test_what_runs_is_not_proposed_again(name: str, case: Case) -> None:
    problem, codes = case.problem, case.problem.sample(STEPS, np.random.default_rng(4))
    scores = np.where(np.arange(STEPS) % 3 == 0, np.nan, case.judge(codes))
    seen = Seen.of(codes, scores)
    assert len(seen.running) == STEPS / 3
    checked(problem, seen, asked(STRATEGIES[name](problem), seen, 20))


def test_nothing_is_known_while_the_first_run(name: str, case: Case) -> None:
    problem = case.problem
    codes = problem.sample(5, np.random.default_rng(5))
    seen = Seen.of(codes, np.full(5, np.nan))
    checked(problem, seen, asked(STRATEGIES[name](problem), seen, 3))


@pytest.mark.parametrize("fronts", [False, True], ids=["accuracy", "several objectives"])
def test_failures_are_survived(name: str, case: Case, fronts: bool) -> None:
    """The first twelve fail, then every second one."""
    problem = with_costs(case.problem) if fronts else case.problem
    strategy, seen = STRATEGIES[name](problem), Seen.none(problem)
    for step in range(STEPS):
        codes = asked(strategy, seen)
        checked(problem, seen, codes)
        failed = step < 12 or step % 2
        seen.add(codes[0], -np.inf if failed else case.judge(codes)[0])


def test_equal_scores_are_survived(name: str, case: Case) -> None:
    strategy, seen = STRATEGIES[name](case.problem), Seen.none(case.problem)
    for _ in range(20):
        codes = asked(strategy, seen)
        checked(case.problem, seen, codes)
        seen.add(codes[0], 50.0)


def test_a_small_space_is_exhausted(name: str) -> None:
    """Every distinct network once, then nothing."""
    pricing, problem = priced(Space.from_yaml(FEW), "iphone12-lut", 0.3)
    codes = np.array([*product(*(range(n) for n in pricing.layered.n_options))])
    codes = codes[np.isfinite(pricing.price(codes)[:, MS])]
    codes = codes[problem.within(codes)]
    networks = {pricing.space.decode(code).arch_id for code in codes}
    assert 20 < len(networks) < len(codes)
    judge = additive(problem)
    strategy, seen = STRATEGIES[name](problem), Seen.none(problem)
    while len(found := asked(strategy, seen)):
        seen.add(found[0], judge(found)[0])
    ids = [pricing.space.decode(code).arch_id for code in seen.codes]
    assert len(ids) == len(set(ids))
    assert set(ids) == networks


def test_every_network_that_keeps_the_rule_is_proposed_and_no_other(name: str) -> None:
    space = Space.from_yaml(RULED)
    pricing, problem = priced(space, "iphone12-lut", 1.0)
    judge, strategy, seen = additive(problem), STRATEGIES[name](problem), Seen.none(problem)
    while len(found := asked(strategy, seen)):
        seen.add(found[0], judge(found)[0])
    proposed = {space.decode(code).arch_id for code in seen.codes}
    free = Space(replace(space.table, rules=Rules()))
    codes = np.array([*product(*(range(n) for n in pricing.layered.n_options))])
    networks = [free.decode(code) for code in codes]
    outs = [[row.out for row in arch.rows if isinstance(row, MV2)] for arch in networks]
    keeps = [all(a <= b for a, b in pairwise(widths)) for widths in outs]
    assert 0 < sum(keeps) < len(codes)
    assert problem.within(codes).tolist() == keeps
    assert proposed == {arch.arch_id for arch in compress(networks, keeps)}


def test_a_start_in_another_order_is_not_proposed_as_it_is() -> None:
    """What stands in for codes that nothing near is within the limits of is canonical, too."""
    problem = small().problem
    swapped = problem.sample(200, np.random.default_rng(6))
    out = problem.layered.n_options - 1
    layer = int(np.flatnonzero(problem.swaps)[0])
    swapped = swapped[(swapped[:, layer] == out[layer]) & (swapped[:, layer - 1] != out[layer])]
    swapped = swapped[:1]
    swapped[:, [layer - 1, layer]] = swapped[:, [layer, layer - 1]]
    only = keys(problem.canonical(swapped))[0]
    alone = replace(
        problem, start=swapped, within=lambda codes: keys(problem.canonical(codes)) == only
    )
    code = problem.sample(1, np.random.default_rng(7))[0]
    found = alone.pulled(code, np.random.default_rng(8))
    assert (found == problem.canonical(swapped)).all()
