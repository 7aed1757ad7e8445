"""Search strategies compared on benchmarks, written to a result folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from nas.errors import BudgetError
from nas.evaluate.bench.chosen import QUICK, benchmarks, strategies
from nas.evaluate.bench.comparison import Comparison, compared, faults
from nas.evaluate.bench.optimism import ON_IMAGENET, Optimism, optimism
from nas.evaluate.bench.scenario import Scenario
from nas.files.output import Output
from nas.files.resources import BENCH_DEVICE
from nas.files.staging import StagedDir
from nas.optimize.strategies import DEFAULT
from nas.system.processes import cores
from nas.system.progress import OnMessage, OnProgress, ignore, part_of

MANY, FEW = (20, 300), (3, 80)
"""Runs of each strategy and evaluations of a run: by default, and for a quick test."""
SEARCHES = 10
"""Searches for each run that measure the winner's optimism: they take a fraction of a second."""
COMPARING = 0.8
"""Share of the progress that the strategies take."""

Write = Callable[[Path, Sequence[Comparison], Sequence[Optimism], Sequence[str]], object]
"""Writes a result folder, as `nas.report.folders.bench.write_comparison` does."""


@dataclass(frozen=True, slots=True)
class BenchSettings:
    """Which strategies are compared on which benchmarks."""

    benchmarks: Sequence[str] = ()
    """Names; without any, all that are installed."""
    strategies: Sequence[str] = ()
    """Names; random search is always added. Without any, all but the slow ones."""
    runs: int | None = None
    """Runs of each strategy."""
    evaluations: int | None = None
    """Evaluations of each run."""
    data: Path | None = None
    """Folder with the tables that are not shipped."""
    budget_share: float = 0.5
    """Share of random networks that the latency budget allows; 1 sets no budget."""
    device: str = BENCH_DEVICE
    seed: int = 0
    quick: bool = False
    """Take fast strategies, fewer runs and fewer evaluations, where none are named."""

    def scenarios(self, on_message: OnMessage = ignore) -> list[Scenario]:
        """Benchmarks under their budgets.

        Raises:
            BudgetError: the share is none.
            UnknownNameError: a benchmark, with the nearest names.
        """
        share = self.budget_share
        if not 0 < share <= 1:
            raise BudgetError(
                f"--budget-share: expected a share above 0 and up to 1, found {share:g}"
            )
        names = benchmarks(self.benchmarks, self.data, on_message, shipped=self.quick)
        budget = share if share < 1 else None
        return [Scenario(name, budget, self.device, self.data) for name in names]


@dataclass(frozen=True, slots=True)
class BenchResult:
    """Comparisons of the strategies, one for each benchmark."""

    comparisons: Sequence[Comparison]
    optimisms: Sequence[Optimism]
    """Of the winners of searches by the surrogate, for each benchmark on ImageNet."""
    faults: Sequence[str]
    """What must never happen; of a quick test also a default strategy no better than random."""
    path: Path | None
    """The folder of the result."""


def compare_strategies(
    settings: BenchSettings,
    output: Output | None = None,
    *,
    write: Write = ignore,
    workers: int | None = None,
    on_progress: OnProgress = ignore,
    on_message: OnMessage = ignore,
) -> BenchResult:
    """Compare strategies where every accuracy is known, and write a folder if there is an output.

        settings = BenchSettings(["accel-nasbench"], ["model", "local"], runs=5, evaluations=100)
        result = compare_strategies(settings, workers=2)

    Raises:
        BudgetError: the share of networks within the budget is none.
        MissingExtraError: a strategy that is named needs Optuna.
        ResultError: the result exists already.
        UnknownNameError: a benchmark or strategy, with the nearest names.
    """
    quick, scenarios = settings.quick, settings.scenarios(on_message)
    chosen = strategies(settings.strategies or (QUICK if quick else ()), on_message)
    runs, evaluations = FEW if quick else MANY
    with _draft(settings, output) as draft:
        comparisons = compared(
            scenarios,
            chosen,
            settings.runs or runs,
            settings.evaluations or evaluations,
            seed=settings.seed,
            workers=workers or cores(),
            on_progress=part_of(on_progress, 0.0, COMPARING),
        )
        searches = SEARCHES * (settings.runs or runs)
        optimisms = _optimisms(scenarios, searches, settings, part_of(on_progress, COMPARING, 1.0))
        if draft and output:
            write(draft.folder, comparisons, optimisms, output.command)
            draft.commit()
    found = [fault for own in comparisons for fault in faults(own, DEFAULT if quick else "")]
    return BenchResult(comparisons, optimisms, found, draft.path if draft else None)


def _optimisms(
    scenarios: Sequence[Scenario],
    searches: int,
    settings: BenchSettings,
    on_progress: OnProgress,
) -> list[Optimism]:
    """Optimism of the winner on each benchmark that the surrogate estimates."""
    names = [own.benchmark for own in scenarios if own.benchmark in ON_IMAGENET]
    return [
        optimism(
            name,
            searches,
            device=settings.device,
            seed=settings.seed,
            on_progress=part_of(on_progress, number / len(names), (number + 1) / len(names)),
        )
        for number, name in enumerate(names)
    ]


def _draft(settings: BenchSettings, output: Output | None) -> StagedDir | nullcontext[None]:
    if output is None:
        return nullcontext()
    what, share = "-".join(settings.benchmarks or ["all"]), settings.budget_share
    name = output.name or f"bench-{what}-{Path(settings.device).name}-{share:g}"
    return StagedDir(output.out, name, force=output.force)
