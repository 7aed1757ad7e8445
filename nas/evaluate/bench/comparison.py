"""All runs on one scenario, and a check of what must not be in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

from nas.evaluate.bench.figures import Figures, figures
from nas.evaluate.bench.optimum import optimum
from nas.evaluate.bench.run import Run, run_all
from nas.evaluate.bench.scenario import Scenario, load_scenario
from nas.system.progress import OnProgress, ignore, part_of

OPTIMA_SHARE = 0.1
"""Share of the progress that finding the optima takes."""
BASELINE = "random"
"""The strategy that every other is compared with, at the same number of evaluations."""


@dataclass(frozen=True)
class Comparison:
    """All runs on one scenario."""

    scenario: Scenario
    budget_ms: float
    """Predicted milliseconds; infinite without a budget."""
    searched: float
    """The best accuracy known before the runs, in points."""
    proven: bool
    """Whether that is proven to be the optimum."""
    runs: Mapping[str, Sequence[Run]]
    """Strategy -> its runs."""

    @cached_property
    def optimum(self) -> float:
        """The optimum in points, or the best known if none is proven."""
        return max(self.searched, *(float(own.best[-1]) for o in self.runs.values() for own in o))

    @cached_property
    def figures(self) -> list[Figures]:
        """Figures of each strategy, least regret first."""
        found = [figures(runs, self.optimum) for runs in self.runs.values()]
        return sorted(found, key=lambda own: [after.regret for after in reversed(own.after)])

    @property
    def title(self) -> str:
        """The scenario in words."""
        name, share = self.scenario.benchmark, self.scenario.share
        if share is None:
            return f"{name} without a budget"
        within = f"within {self.budget_ms:g} ms on {self.scenario.device}"
        return f"{name}, {100 * share:g} % of it {within}"


def compared(
    scenarios: Sequence[Scenario],
    strategies: Sequence[str],
    runs: int,
    evaluations: int,
    *,
    seed: int = 0,
    workers: int = 1,
    on_progress: OnProgress = ignore,
) -> list[Comparison]:
    """Run all strategies on all scenarios with the same seeds."""
    known = _optima(scenarios, part_of(on_progress, 0.0, OPTIMA_SHARE))
    on_progress("starting processes", OPTIMA_SHARE)
    running = part_of(on_progress, OPTIMA_SHARE, 1.0)
    found: dict[Scenario, dict[str, list[Run]]] = {
        scenario: {strategy: [] for strategy in strategies} for scenario in scenarios
    }
    jobs = [
        (scenario, strategy, evaluations, own)
        for own in range(seed, seed + runs)
        for scenario in scenarios
        for strategy in strategies
    ]
    for done, (scenario, own) in enumerate(run_all(jobs, workers), 1):
        found[scenario][own.strategy].append(own)
        running(f"{done} of {len(jobs)} runs", done / len(jobs))
    for by_strategy in found.values():
        for of_one in by_strategy.values():
            of_one.sort(key=lambda own: own.seed)
    return [
        Comparison(scenario, load_scenario(scenario).budget_ms, *known[scenario], found[scenario])
        for scenario in scenarios
    ]


def _optima(
    scenarios: Sequence[Scenario], on_progress: OnProgress
) -> dict[Scenario, tuple[float, bool]]:
    """The best accuracy known of each scenario, and whether it is proven."""
    known = {}
    for number, scenario in enumerate(scenarios):
        step = f"optimum of {scenario.benchmark}"
        own = part_of(on_progress, number / len(scenarios), (number + 1) / len(scenarios))
        own(step, 0.0)
        known[scenario] = optimum(load_scenario(scenario), on_share=partial(own, step))
    return known


def faults(comparison: Comparison, better: str = "") -> list[str]:
    """Return violations of what must hold; the strategy `better` must also beat random search."""
    where, found = comparison.title, []
    last = {own.strategy: own.after[-1].best for own in comparison.figures}
    for own in comparison.figures:
        if own.duplicates:
            found.append(f"{where}: {own.strategy} proposed {own.duplicates} networks twice")
        if own.over:
            found.append(f"{where}: {own.strategy} proposed {own.over} networks over the budget")
    if better in last and last[better] <= last[BASELINE]:
        ends = f"{last[better]:.3f}, and {BASELINE} at {last[BASELINE]:.3f}"
        found.append(f"{where}: {better} ends at {ends}")
    return found
