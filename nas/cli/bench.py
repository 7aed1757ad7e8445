"""`nas bench`: search strategies on benchmarks where every accuracy is known."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nas.cli import complete
from nas.cli.options import DEVICE_HELP, WORKERS_HELP, Force, Json, Name, Out, Seed, device_option
from nas.cli.progress import show_progress
from nas.cli.streams import say
from nas.cli.training import listed
from nas.optimize.strategies import DEFAULT

if TYPE_CHECKING:
    from nas.evaluate.bench.comparison import Comparison

MANY, FEW = (20, 300), (5, 80)
"""Runs of each strategy and evaluations of a run: by default, and with --quick."""
SHOWN = (50, 100)
"""Evaluations after which a table shows the regret, and after the last one."""


def bench(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            help=f"{', '.join(complete.BENCHMARKS)}; without: all there are.",
            metavar="BENCHMARK...",
            show_default=False,
            autocompletion=complete.one_of(complete.BENCHMARKS),
        ),
    ] = None,
    strategy: Annotated[
        str,
        typer.Option(
            "--strategy",
            help="A list (see docs/strategies.md).",
            metavar="LIST",
            show_default="all but gp",
            autocompletion=complete.strategies,
        ),
    ] = "",
    runs: Annotated[
        int | None,
        typer.Option(
            "--runs", min=1, help="Of each strategy.", metavar="N", show_default="20; 5 if quick"
        ),
    ] = None,
    evaluations: Annotated[
        int | None,
        typer.Option(
            "--evaluations",
            min=1,
            help="Of a run.",
            metavar="N",
            show_default="300; 80 if quick",
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option("--data", help="Folder with the tables that are not shipped.", metavar="DIR"),
    ] = None,
    share: Annotated[
        float,
        typer.Option(
            "--budget-share",
            min=0,
            max=1,
            help="Of random networks within the budget; 1: no budget.",
            metavar="X",
        ),
    ] = 0.5,
    device: Annotated[str, device_option(DEVICE_HELP)] = "pixel1-cpu",
    seed: Seed = 0,
    workers: Annotated[
        int | None,
        typer.Option("--workers", min=1, help=WORKERS_HELP, metavar="N", show_default="one a core"),
    ] = None,
    quick: Annotated[
        bool,
        typer.Option(
            "--quick", help="A test of half a minute; ends with 1 where something is broken."
        ),
    ] = False,
    out: Out = Path("results"),
    name: Name = None,
    force: Force = False,
    json: Json = False,
) -> None:
    """Compare search strategies where every accuracy is known.

    Random search is always among them. --quick writes nothing unless --out or --name says where.

    Examples:
        nas bench --quick
        nas bench accel-nasbench --strategy model,gp --runs 5 --evaluations 100
    """
    # before numpy is imported: products here are small, threads slow them down and, with
    # their number, change last digits
    os.environ.setdefault("OMP_NUM_THREADS", "1")

    from contextlib import nullcontext

    from nas.errors import BudgetError
    from nas.evaluate.bench.chosen import QUICK, benchmarks, strategies
    from nas.evaluate.bench.comparison import compared, faults
    from nas.evaluate.bench.scenario import Scenario
    from nas.files.staging import StagedDir
    from nas.report.folders.bench import write_comparison
    from nas.system.processes import cores

    if not 0 < share <= 1:
        raise BudgetError(f"--budget-share: expected a share above 0 and up to 1, found {share:g}")
    scenarios = [
        Scenario(benchmark, share if share < 1 else None, device, data)
        for benchmark in benchmarks(names or [], data, say, shipped=quick)
    ]
    chosen = strategies(listed(strategy) or (QUICK if quick else ()), say)
    counts = FEW if quick else MANY
    written = not quick or name is not None or out != Path("results")
    name = name or f"bench-{'-'.join(names or ['all'])}-{Path(device).name}-{share:g}"
    place = StagedDir(out, name, force=force) if written else nullcontext()
    with place as draft:
        with show_progress() as heard:
            comparisons = compared(
                scenarios,
                chosen,
                runs or counts[0],
                evaluations or counts[1],
                seed=seed,
                workers=workers or cores(),
                on_progress=heard,
            )
        if draft:
            write_comparison(draft.folder, comparisons, ["nas", *sys.argv[1:]])
            draft.commit()
    _print(comparisons, draft.path if draft else None, json=json)
    found = [fault for own in comparisons for fault in faults(own, DEFAULT if quick else "")]
    for fault in found:
        say(fault)
    if found:
        raise typer.Exit(1)


def _print(comparisons: Sequence[Comparison], path: Path | None, *, json: bool) -> None:
    from nas.report.folders.bench import summary
    from nas.report.tables.text import print_facts, print_json, print_line

    if json:
        rows = [row for own in comparisons for row in summary(own)]
        print_json({"path": str(path) if path else None, "summary": rows})
        return
    for own in comparisons:
        _print_table(own)
        print_line()
    every = [figures for own in comparisons for figures in own.figures]
    twice, over = (sum(getattr(own, key) for own in every) for key in ("duplicates", "over"))
    counted = f"{sum(own.evaluations for own in every):,}: {twice} of a network evaluated before"
    facts = [("evaluations", f"{counted}, {over} over the budget")]
    print_facts([*facts, *([("written to", str(path))] if path else [])])


def _print_table(comparison: Comparison) -> None:
    from math import isfinite

    from nas.report.tables.text import Column, numbers, print_table

    first = comparison.figures[0]
    last = first.after[-1].evaluations
    shown = [n for n, own in enumerate(first.after) if own.evaluations in (*SHOWN, last)]
    columns = [
        Column("strategy"),
        *numbers(f"top-1 % after {last}\n[95 % interval]"),
        *numbers(*(f"regret\nat {first.after[n].evaluations}" for n in shown)),
        *numbers("runs at\nbest %", "ms an\nask"),
    ]
    rows = []
    for own in comparison.figures:
        end = own.after[-1]
        sure = f" [{end.low:.2f}, {end.high:.2f}]" if isfinite(end.low) else ""
        regrets = [f"{own.after[n].regret:.3f}" for n in shown]
        counts = [f"{100 * end.at_optimum:.0f}", f"{own.ask_ms:.3g}"]
        rows.append([own.strategy, f"{end.best:.2f}{sure}", *regrets, *counts])
    best = f"{'optimum' if comparison.proven else 'best known'} {comparison.optimum:.2f} %"
    title = f"{comparison.title}\n{first.runs} runs; {best}; regret in points"
    print_table(columns, rows, title=title)
