"""`nas bench`: search strategies on benchmarks where every accuracy is known."""

from __future__ import annotations

import os
from collections.abc import Sequence
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nas.cli import complete
from nas.cli.options import (
    WORKERS_HELP,
    DeviceName,
    Json,
    Seed,
    argument,
    gathered,
    option,
    output_options,
)
from nas.cli.progress import show_progress
from nas.cli.streams import say
from nas.cli.training import listed
from nas.files.output import Output
from nas.files.resources import BENCH_DEVICE
from nas.report.tables.text import numbers, print_facts, print_json, print_line, print_table

if TYPE_CHECKING:
    from nas.evaluate.bench.comparison import Comparison
    from nas.evaluate.bench.optimism import Optimism
    from nas.evaluate.bench.strategies import BenchResult

SHOWN = (50, 100)
"""Evaluations after which a table shows the regret, and after the last one."""


@gathered
def bench(
    names: Annotated[
        list[str] | None,
        argument(
            f"{', '.join(complete.BENCHMARKS)}; all by default.",
            "BENCHMARK...",
            complete.BENCHMARKS,
        ),
    ] = None,
    *,
    strategy: Annotated[
        str,
        option(
            "--strategy",
            "Comma-separated; see docs/strategies.md.",
            "LIST",
            complete.strategies,
            show_default="all but gp",
        ),
    ] = "",
    runs: Annotated[
        int | None,
        option("--runs", "Runs of each strategy.", "N", min=1, show_default="20; 3 if quick"),
    ] = None,
    evaluations: Annotated[
        int | None,
        option(
            "--evaluations", "Evaluations per run.", "N", min=1, show_default="300; 80 if quick"
        ),
    ] = None,
    data: Annotated[
        Path | None, option("--data", "Folder with tables that are not shipped.", "DIR")
    ] = None,
    share: Annotated[
        float,
        option(
            "--budget-share",
            "Share of networks within the budget; 1: no budget.",
            "X",
            min=0,
            max=1,
        ),
    ] = 0.5,
    device: DeviceName = BENCH_DEVICE,
    seed: Seed = 0,
    workers: Annotated[
        int | None, option("--workers", WORKERS_HELP, "N", min=1, show_default="one per core")
    ] = None,
    quick: Annotated[
        bool, option("--quick", "Test for a minute at most; exit with 1 on a fault.")
    ] = False,
    output: Annotated[Output, output_options("out", "name", "force")],
    json: Json = False,
) -> None:
    """Compare search strategies where every accuracy is known.

    Random search is always included. --quick writes nothing without --out or --name.

    Examples:
        nas bench --quick
        nas bench accel-nasbench --strategy model,gp --runs 5 --evaluations 100
    """
    # before numpy is imported: products here are small, threads slow them down and, with
    # their number, change last digits
    os.environ.setdefault("OMP_NUM_THREADS", "1")

    from nas.evaluate.bench.strategies import BenchSettings, compare_strategies
    from nas.report.folders.bench import write_comparison

    settings = BenchSettings(
        names or (), listed(strategy), runs, evaluations, data, share, device, seed, quick
    )
    written = not quick or output.name is not None or output.out != Path("results")
    with show_progress() as progress:
        found = compare_strategies(
            settings,
            output if written else None,
            write=write_comparison,
            workers=workers,
            on_progress=progress,
            on_message=say,
        )
    _print(found, json=json)
    for fault in found.faults:
        say(fault)
    if found.faults:
        raise typer.Exit(1)


def _print(found: BenchResult, *, json: bool) -> None:
    from nas.report.folders.bench import summary

    comparisons, path = found.comparisons, found.path
    if json:
        rows = [row for own in comparisons for row in summary(own)]
        winners = [own.row() for own in found.optimisms]
        print_json({"path": str(path) if path else None, "summary": rows, "winners": winners})
        return
    for own in comparisons:
        _print_table(own)
        print_line()
    if found.optimisms:
        _print_optimism(found.optimisms)
        print_line()
    every = [figures for own in comparisons for figures in own.figures]
    twice, over = (sum(getattr(own, key) for own in every) for key in ("duplicates", "over"))
    counted = f"{sum(own.evaluations for own in every):,}: {twice} of a network evaluated before"
    facts = [("evaluations", f"{counted}, {over} over the budget")]
    print_facts([*facts, *([("written to", str(path))] if path else [])])


def _print_optimism(optimisms: Sequence[Optimism]) -> None:
    columns = [
        *("benchmark", "estimate"),
        *numbers("optimism\npoints", "optimism\nsd", "too high\n%", "in 90 %\ninterval, %"),
        *numbers("its width\npoints"),
    ]
    rows = []
    for own in optimisms:
        for name, errors in (("as searched", own.estimated), ("corrected", own.corrected)):
            shares = [f"{100 * share:.0f}" for share in (errors.over, errors.covered)]
            means = [f"{errors.points:+.2f}", f"{errors.sds:+.2f}"]
            rows.append([own.benchmark, name, *means, *shares, f"{errors.width:.2f}"])
    title = "Winners of searches by the surrogate, fitted to a part of each benchmark"
    title += f"\n{optimisms[0].searches} searches; optimism is estimate minus truth"
    print_table(columns, rows, title=title)


def _print_table(comparison: Comparison) -> None:
    first = comparison.figures[0]
    last = first.after[-1].evaluations
    shown = [n for n, own in enumerate(first.after) if own.evaluations in (*SHOWN, last)]
    columns = [
        "strategy",
        *numbers(f"top-1 % after {last}\n[95 % interval]"),
        *numbers(*(f"regret\nat {first.after[n].evaluations}" for n in shown)),
        *numbers("runs at\nbest %", "ms an\nask"),
    ]
    rows = []
    for own in comparison.figures:
        end = own.after[-1]
        sure = f" [{end.best_low:.2f}, {end.best_high:.2f}]" if isfinite(end.best_low) else ""
        regrets = [f"{own.after[n].regret:.3f}" for n in shown]
        counts = [f"{100 * end.at_optimum:.0f}", f"{own.ask_ms:.3g}"]
        rows.append([own.strategy, f"{end.best:.2f}{sure}", *regrets, *counts])
    best = f"{'optimum' if comparison.proven else 'best known'} {comparison.optimum:.2f} %"
    title = f"{comparison.title}\n{first.runs} runs; {best}; regret in points"
    print_table(columns, rows, title=title)
