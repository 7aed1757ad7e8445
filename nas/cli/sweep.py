"""`nas sweep`: many searches with training on a Ray cluster, or on this machine."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nas.cli.help import App, Group
from nas.cli.options import Address, Json, Out, argument, gathered, option, output_options
from nas.cli.progress import EVERY_S, RESUME, show_progress
from nas.cli.streams import say
from nas.files.output import Output
from nas.files.staging import ResumableDir
from nas.report.tables.text import print_facts, print_facts_below, print_json, print_table
from nas.system.extras import require
from nas.system.progress import time_of
from nas.train.device import check_device
from nas.train.sources import check_source

if TYPE_CHECKING:
    from nas.study.ray.driver import OnStatus
    from nas.study.ray.simulate import Usage
    from nas.study.sweep.cell_status import CellStatus


class _RunsFiles(Group):
    """`nas sweep FILE.yaml` is `nas sweep run FILE.yaml`, `--simulate` the command `simulate`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, self._named(ctx, args))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        return super().resolve_command(ctx, self._named(ctx, args))

    def _named(self, ctx: Any, args: list[str]) -> list[str]:
        if args[:1] == ["--simulate"]:
            return ["simulate", *args[1:]]
        known = (*self.commands, *ctx.help_option_names)
        return ["run", *args] if args and args[0] not in known else args


app = App(cls=_RunsFiles, help="Search many budgets, devices, spaces and seeds on a cluster.")


@app.command()
@gathered
def run(
    file: Annotated[Path, argument("Sweep file; see docs/cluster.md.", "FILE.yaml")],
    *,
    address: Address = None,
    output: Annotated[Output, output_options("out", "resume", "force")],
    json: Json = False,
) -> None:
    """Run or resume a sweep; `nas sweep FILE.yaml` is the same.

    Examples:
        nas sweep run docs/cluster/sweep.yaml
        nas sweep run docs/cluster/sweep.yaml --address auto --resume
    """
    from nas.files.text import read_text
    from nas.study.sweep.plan import load_sweep

    began, sweep = time.monotonic(), load_sweep(file)
    if address is None:  # else data, devices and results are those of the cluster
        check_source(sweep.data.name)
        check_device(sweep.on)
        ResumableDir.check(output.out, sweep.name, resume=output.resume, force=output.force)
    require("ray")
    from nas.report.folders.write_search import write_result
    from nas.report.plots.sweep import save_sweep_plots
    from nas.study.ray.driver import SweepDriver
    from nas.study.ray.remote import run_at

    driver = SweepDriver(sweep, read_text(file), output, write_result, save_sweep_plots)
    with _shown(sweep.name) as on_status:
        statuses = run_at(driver, address, on_status, say)
    _print(statuses, output.out / sweep.name, time.monotonic() - began, json=json)
    _end(statuses)


@app.command()
def status(
    sweep: Annotated[Path, argument("File, name or folder of the sweep.", "SWEEP")],
    out: Out = Path("results"),
    json: Json = False,
) -> None:
    """Show the progress of a sweep.

    Examples:
        nas sweep status docs/cluster/sweep.yaml
        nas sweep status results/phones --json
    """
    from nas.study.sweep.status import current_statuses, find_sweep

    folder = find_sweep(sweep, out)
    _print(current_statuses(folder), folder, None, json=json)


@app.command()
def simulate(
    nodes: Annotated[
        int, argument("Virtual workers, one trial each.", "N", min=1, show_default=True)
    ] = 1000,
    trials: Annotated[
        int, option("--candidates", "Candidates per cell, of six cells.", "N", min=1)
    ] = 1000,
    seconds: Annotated[
        float, option("--seconds", "Mean time of one training.", "S", min=0.1)
    ] = 60.0,
    cut: Annotated[bool, option("--cut", "Let ASHA stop trainings early.")] = False,
    json: Json = False,
) -> None:
    """Simulate many workers to test scheduler and store.

    Strategies, store and scheduler are real; trainings are looked up.

    Examples:
        nas sweep simulate 1000
        nas sweep simulate 100 --candidates 50 --cut --json
    """
    from tempfile import TemporaryDirectory

    require("ray")
    from nas.study.ray.simulate import Simulation

    with TemporaryDirectory() as folder, show_progress() as progress:
        scheduler = "asha" if cut else "none"
        usage = Simulation(
            Path(folder), nodes, trials, seconds, scheduler=scheduler, on_progress=progress
        ).run()
    print_json(asdict(usage)) if json else print_facts(_facts(usage))


def _facts(usage: Usage) -> list[tuple[str, str]]:
    return [
        ("virtual workers", f"{usage.workers:,}"),
        ("trials", f"{usage.trials:,}, {usage.stopped:,} of them stopped early"),
        ("busy", f"{usage.busy_while_full:.1%} while there were trials for all of them"),
        ("", f"{usage.busy:.1%} from the first trial's start to the last one's end"),
        ("asking", f"{usage.asking_ms:.1f} ms a trial, claiming it in the store included"),
        ("telling", f"{usage.telling_ms:.1f} ms a trial, scheduler and store included"),
        ("virtual time", time_of(usage.virtual_s)),
        ("real time", time_of(usage.seconds)),
    ]


@contextmanager
def _shown(name: str) -> Iterator[OnStatus]:
    """A table on the terminal that follows the sweep; elsewhere a line every so often."""
    from rich.console import Console
    from rich.live import Live

    from nas.report.tables.sweep import cell_table
    from nas.report.tables.text import fitted

    console = Console(stderr=True)
    live = console.is_terminal and not console.is_dumb_terminal
    last = time.monotonic()
    with Live(console=console, auto_refresh=False, transient=True) as screen:

        def on_status(statuses: Sequence[CellStatus], eta_s: float | None) -> None:
            nonlocal last
            left = "" if eta_s is None else f", about {time_of(eta_s)} left"
            line = f"{_summary(statuses)}{left}"
            if live:
                table, _ = fitted(*cell_table(statuses), console, title=f"{name}: {line}")
                screen.update(table, refresh=True)
            elif time.monotonic() - last >= EVERY_S:
                last = time.monotonic()
                say(line)

        try:
            yield on_status
        except KeyboardInterrupt as error:
            error.add_note(RESUME)
            raise


def _summary(statuses: Sequence[CellStatus]) -> str:
    done, running = (sum(getattr(s, name) for s in statuses) for name in ("trials", "running"))
    ended = sum(status.ended for status in statuses)
    return f"{ended} of {len(statuses)} cells ended, {done} trainings done, {running} running"


def _print(
    statuses: Sequence[CellStatus], folder: Path, seconds: float | None, *, json: bool
) -> None:
    from nas.report.tables.sweep import cell_table

    if json:
        cells = [asdict(status) for status in statuses]
        print_json({"path": str(folder), "seconds": seconds, "cells": cells})
        return
    print_table(*cell_table(statuses), title=folder.name)
    facts = [(status.cell, status.error) for status in statuses if status.error]
    facts.append(("written to", str(folder)))
    print_facts_below(facts if seconds is None else [*facts, ("time", time_of(seconds))])


def _end(statuses: Sequence[CellStatus]) -> None:
    """Exit codes: 3 where every cell is infeasible, 2 where none came to an end."""
    states = {status.state for status in statuses}
    if "done" not in states:
        raise typer.Exit(3 if states == {"infeasible"} else 2)
