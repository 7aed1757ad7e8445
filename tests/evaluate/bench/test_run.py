"""Runs, what they count, and what they say of strategies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import inf
from multiprocessing import active_children

import numpy as np
import pytest

from nas import library
from nas.errors import MissingExtraError, UnknownNameError
from nas.evaluate.bench import chosen
from nas.evaluate.bench import optimum as bests
from nas.evaluate.bench.benchmark import Benchmark
from nas.evaluate.bench.comparison import Comparison, compared, faults
from nas.evaluate.bench.figures import figures, marks
from nas.evaluate.bench.optimum import optimum
from nas.evaluate.bench.run import Run, run, run_all
from nas.evaluate.bench.scenario import LoadedScenario, Scenario, load_scenario, scenario_of
from nas.optimize.pricing import MS, Pricing
from nas.optimize.strategies import STRATEGIES
from nas.optimize.strategies.base import Strategy
from nas.optimize.strategies.problem import Problem
from nas.optimize.strategies.seen import Seen
from nas.space.columns import Floats, Ints
from nas.space.space import Space

TEXT = """
name: few
source: "made for tests"
input: [3, 16, 16]
columns: [op, k, exp, out, s, n, repeat]
rows:
  - [conv, 3, ~, [8, 16], 2, 1, ~]
  - [mv2, [3, 5], 2x, 16, 1, [1, 2, 3], independent]
  - [pool, ~, ~, ~, ~, 1, ~]
  - [linear, ~, ~, 10, ~, 1, ~]
"""
NETWORKS = 2 * (2 + 2**2 + 2**3)
ACCEL = Scenario("accel-nasbench")


def few(share: float | None = None) -> LoadedScenario:
    """28 networks of 36 codes; accuracy is a hash of what a network computes."""
    space = Space.from_yaml(TEXT)

    def accuracy(codes: Ints) -> Floats:
        return np.array([50 + int(space.decode(code).arch_id[:6], 16) / 1e6 for code in codes])

    truth = Benchmark("few", space, accuracy, None, "made for tests", "0" * 12)
    return scenario_of(truth, library.load_device("iphone12-lut"), share)


def test_half_of_the_networks_keep_the_budget() -> None:
    case, free = load_scenario(ACCEL), load_scenario(Scenario("accel-nasbench", None))
    codes = free.problem.layered.sample(4000, np.random.default_rng(5))
    assert free.budget_ms == inf
    assert free.problem.within(codes).all()
    assert case.problem.within(codes).mean() == pytest.approx(0.5, abs=0.03)
    device = library.load_device("pixel1-cpu")
    for code in codes[:20]:
        ms = device.predict(case.benchmark.space.decode(code)).ms
        assert case.problem.within(code[None])[0] == (ms <= case.budget_ms)


def test_the_shipped_surrogate_is_no_feature() -> None:
    case = load_scenario(ACCEL)
    assert case.problem.features(case.problem.start[:1]).shape == (1, 3)


def test_a_run_follows_from_its_seed_and_is_longer_with_more_evaluations() -> None:
    case = load_scenario(ACCEL)
    long, again, other = (run(case, "evolution", 60, seed) for seed in (3, 3, 4))
    short = run(case, "evolution", 40, 3)
    assert long.accuracies.tolist() == again.accuracies.tolist() != other.accuracies.tolist()
    assert short.accuracies.tolist() == long.accuracies[:40].tolist()
    assert (long.duplicates, long.over) == (0, 0)
    assert (long.best == np.maximum.accumulate(long.accuracies)).all()
    assert len(long.ask_ms) == 60
    assert (long.ask_ms > 0).all()


def test_a_space_that_ends_leaves_the_best_as_it_is() -> None:
    found = run(few(), "random", 40, 0)
    assert np.isfinite(found.accuracies[:NETWORKS]).all()
    assert np.isnan(found.accuracies[NETWORKS:]).all()
    assert (found.duplicates, found.over, len(found.ask_ms)) == (0, 0, NETWORKS)
    assert found.best[-1] == found.accuracies[:NETWORKS].max()
    assert figures([found], float(found.best[-1])).evaluations == NETWORKS


class Broken(Strategy):
    """Proposes the slowest network, then one network in both of its codes."""

    def propose(self, problem: Problem, seen: Seen, rng: np.random.Generator) -> Ints:
        raise NotImplementedError

    def ask(self, seen: Seen, rng: np.random.Generator) -> Iterator[Ints]:
        out = int(self.problem.layered.n_options[3] - 1)
        slow, one, same = [0, 1, 1, 1, 1, 0, 0], [0, 0, 0, 0, out, 0, 0], [0, 0, 0, out, 0, 0, 0]
        yield np.array([slow, one, same][len(seen.scores)])


def test_what_must_not_happen_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(STRATEGIES, "model", Broken)  # type: ignore[index]
    case = few(0.5)
    found = run(case, "model", 3, 0)
    assert (found.duplicates, found.over) == (1, 1)
    runs = {name: [run(case, name, 3, 0)] for name in ("model", "random")}
    told = faults(Comparison(Scenario("few"), case.budget_ms, 100, False, runs))
    assert [fault.partition(": ")[2] for fault in told] == [
        "model proposed 1 networks twice",
        "model proposed 1 networks over the budget",
    ]


@pytest.mark.parametrize("share", [None, 0.3])
def test_the_optimum_is_proven_or_found(
    share: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = few(share)
    found, proven = optimum(case)
    codes = case.problem.layered.sample(20_000, np.random.default_rng(0))
    assert proven
    assert found == case.benchmark.evaluate(case.problem.kept(codes)).max()
    monkeypatch.setattr(bests, "ENUMERATED", 0)
    monkeypatch.setattr(bests, "GENERATIONS", 5)
    assert optimum(case) == (found, False)


def test_nothing_finds_more_than_the_optimum(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bests, "GENERATIONS", 20)
    case = load_scenario(ACCEL)
    found, proven = optimum(case)
    assert not proven
    assert run(case, "evolution", 400, 0).best[-1] <= found


def made(strategy: str, *accuracies: Sequence[float]) -> list[Run]:
    return [
        Run(strategy, seed, np.array(own), np.full(len(own), 2.0 + seed), 1.0 + seed, 0, 0)
        for seed, own in enumerate(accuracies)
    ]


def test_figures_by_hand() -> None:
    found = figures(made("local", [60, 70, 65], [68, 60, 66], [60, 61, 70]), 70)
    (end,) = found.after
    assert (end.evaluations, end.best, end.regret) == (
        3,
        pytest.approx(208 / 3),
        pytest.approx(2 / 3),
    )
    # sd of 70, 68, 70 is 2 / sqrt(3); Student's quantile for 2 degrees of freedom 4.303
    assert end.best_high - end.best == pytest.approx(4.30265 * 2 / 3, rel=1e-4)
    assert end.at_optimum == pytest.approx(2 / 3)
    assert found.optimum_after == 3
    assert (found.seconds, found.ask_ms, found.evaluations) == (2, 3, 9)
    row = found.row()
    assert (row["best_3"], row["regret_3"], row["at_optimum_3"]) == (69.3333, 0.6667, 0.6667)


def test_one_run_has_no_interval_and_few_no_median() -> None:
    found = figures(made("local", [60, 70]), 71)
    assert found.optimum_after is None
    assert found.row()["best_low_2"] is None


def test_figures_are_taken_after_round_numbers_and_the_last() -> None:
    assert marks(30) == [30]
    assert marks(100) == [50, 100]
    assert marks(301) == [50, 100, 200, 300, 301]


def test_the_best_of_the_runs_counts_where_it_is_better() -> None:
    runs = {"random": made("random", [60, 72]), "model": made("model", [71, 71])}
    comparison = Comparison(ACCEL, 1.0, 70.0, False, runs)
    assert comparison.optimum == 72
    assert [own.strategy for own in comparison.figures] == ["random", "model"]
    assert faults(comparison) == []
    assert faults(comparison, "model")[0].endswith("model ends at 71.000, and random at 72.000")


def test_a_comparison_has_every_run_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bests, "GENERATIONS", 1)
    named, steps = dict[str, None](), list[float]()

    def listen(step: str, share: float) -> None:
        named[step] = None
        steps.append(share)

    (found,) = compared(
        [ACCEL],
        ["evolution", "random"],
        3,
        12,
        seed=5,
        on_progress=listen,
    )
    assert {name: [own.seed for own in runs] for name, runs in found.runs.items()} == {
        "evolution": [5, 6, 7],
        "random": [5, 6, 7],
    }
    assert steps == sorted(steps)
    assert steps[-1] == 1
    assert [*named][:3] == ["optimum of accel-nasbench", "starting processes", "1 of 6 runs"]
    # both begin with random networks of the same draws
    first = [runs[0].accuracies[:1].tolist() for runs in found.runs.values()]
    assert first[0] == first[1]


@pytest.mark.slow
def test_several_workers_find_what_one_finds() -> None:
    jobs = [(ACCEL, strategy, 30, seed) for strategy in ("model", "exact") for seed in (0, 1)]

    def found(workers: int) -> dict[tuple[str, int], list[float]]:
        ran = run_all(jobs, workers)
        return {(own.strategy, own.seed): own.accuracies.tolist() for _, own in ran}

    assert found(1) == found(2)


def test_names_are_checked_and_random_is_always_there() -> None:
    said: list[str] = []
    assert chosen.strategies(["local", "local"], said.append) == ["local", "random"]
    assert chosen.strategies([], said.append) == [name for name in STRATEGIES if name != "gp"]
    assert chosen.benchmarks(["accel-nasbench"], None, said.append) == ["accel-nasbench"]
    assert not said
    assert "nas-bench-macro" not in chosen.benchmarks([], None, said.append)
    assert said == ["nas-bench-macro is left out; it needs --data FOLDER with " + chosen.FILE]
    with pytest.raises(UnknownNameError, match="nearest: evolution"):
        chosen.strategies(["evolutoin"], said.append)
    with pytest.raises(UnknownNameError, match="nearest: accel-nasbench"):
        chosen.benchmarks(["accel-nasbnech"], None, said.append)


def test_without_optuna_its_strategies_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(extra: str, module: str) -> None:
        raise MissingExtraError(f"{module} is not installed")

    monkeypatch.setattr(chosen, "require", missing)
    said: list[str] = []
    assert not {"tpe", "nsga2", "nsga3"} & {*chosen.strategies([], said.append)}
    assert said == ["tpe, nsga2, nsga3 are left out: optuna is not installed"]
    with pytest.raises(MissingExtraError):
        chosen.strategies(["tpe"], said.append)
    assert chosen.strategies(["local"], said.append) == ["local", "random"]


def test_budgets_lie_between_networks() -> None:
    """A budget on a network would let the last digit of a sum decide."""
    case = few(0.5)
    pricing = Pricing(
        case.benchmark.space,
        library.load_device("iphone12-lut"),
        library.load_surrogate("imagenet"),
    )
    ms = pricing.price(pricing.layered.sample(5000, np.random.default_rng(0)))[:, MS]
    assert np.abs(ms - case.budget_ms).min() > 1e-9


def test_a_run_that_breaks_ends_the_others() -> None:
    jobs = [(ACCEL, ("evolution", "nothing")[seed % 2], 300, seed // 2) for seed in range(800)]
    before = active_children()
    with pytest.raises(KeyError, match="nothing"):
        list(run_all(jobs, 2))
    assert active_children() == before
