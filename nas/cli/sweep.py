"""`nas sweep`: many searches with training on a Ray cluster, or on this machine."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from nas.cli.options import Json
from nas.cli.progress import say
from nas.cli.training import Force, Out, Resume

if TYPE_CHECKING:
    from nas.cluster.drive import Told
    from nas.sweep.standing import Standing

PLAIN_S = 30.0
"""Between two lines of progress where stderr is no terminal."""


class _RunsFiles(TyperGroup):
    """`nas sweep FILE.yaml` is `nas sweep run FILE.yaml`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in (*self.commands, *ctx.help_option_names):
            args = ["run", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_RunsFiles,
    no_args_is_help=True,
    help="Search many budgets, devices, spaces and seeds on a cluster, as a file says.",
)

File = Annotated[Path, typer.Argument(help="A sweep file; see docs/cluster.md.", metavar="FILE")]
Address = Annotated[
    str | None,
    typer.Option(
        "--address",
        help="Of a Ray cluster: auto, HOST:6379 or ray://HOST:10001 [default: this machine]",
    ),
]


@app.command()
def run(
    file: File,
    address: Address = None,
    out: Out = Path("results"),
    resume: Resume = False,
    force: Force = False,
    json: Json = False,
) -> None:
    """Run a sweep, or go on with it."""
    from nas.document import read_text
    from nas.extras import require
    from nas.sweep.plan import load_sweep

    require("ray")
    sweep = load_sweep(file)
    from nas.cluster.drive import Drive
    from nas.cluster.remote import drive_at

    began = time.monotonic()
    drive = Drive(sweep, read_text(file), out, ("nas", *sys.argv[1:]), resume, force)
    with _shown(sweep.name) as told:
        standings = drive_at(drive, address, told, say)
    _print(standings, drive.path, time.monotonic() - began, json=json)
    _end(standings)


@app.command()
def status(
    sweep: Annotated[Path, typer.Argument(help="The sweep file, or the folder of results.")],
    out: Out = Path("results"),
    json: Json = False,
) -> None:
    """Show how far a sweep is, from any process that sees its folder."""
    from nas.sweep.status import find, look

    folder = find(sweep, out)
    _print(look(folder), folder, None, json=json)


@contextmanager
def _shown(name: str) -> Iterator[Told]:
    """A table on the terminal that follows the sweep; elsewhere a line every so often."""
    from rich.console import Console
    from rich.live import Live

    from nas.report.table import render
    from nas.sweep.report import cell_table, spent

    console = Console(stderr=True)
    if not console.is_terminal:
        last = time.monotonic() - PLAIN_S

        def told(standings: Sequence[Standing], eta_s: float | None) -> None:
            nonlocal last
            if time.monotonic() - last >= PLAIN_S:
                last = time.monotonic()
                say(f"{_summary(standings)}, {spent(eta_s)} left")

        yield told
        return
    with Live(console=console, auto_refresh=False, transient=True) as live:

        def drawn(standings: Sequence[Standing], eta_s: float | None) -> None:
            title = f"{name}: {_summary(standings)}, {spent(eta_s)} left"
            live.update(render(*cell_table(standings), title=title, gap=1), refresh=True)

        yield drawn


def _summary(standings: Sequence[Standing]) -> str:
    done, wanted = (sum(getattr(s, name) for s in standings) for name in ("trials", "wanted"))
    running = sum(standing.running for standing in standings)
    ended = sum(standing.ended for standing in standings)
    return f"{ended} of {len(standings)} cells ended, {done} trainings done, {running} running"


def _print(
    standings: Sequence[Standing], folder: Path, seconds: float | None, *, json: bool
) -> None:
    from nas.report.table import print_facts, print_json, print_line, print_table
    from nas.sweep.report import cell_table, spent

    if json:
        cells = [asdict(standing) for standing in standings]
        print_json({"path": str(folder), "seconds": seconds, "cells": cells})
        return
    print_table(*cell_table(standings), title=folder.name)
    print_line()
    for standing in standings:
        if standing.error:
            print_line(f"{standing.cell}: {standing.error}")
    facts = [("written to", str(folder))]
    print_facts(facts if seconds is None else [("time", spent(seconds)), *facts])


def _end(standings: Sequence[Standing]) -> None:
    """Exit codes: 3 where every cell is infeasible, 2 where none came to an end."""
    states = {standing.state for standing in standings}
    if "done" not in states:
        raise typer.Exit(3 if states == {"infeasible"} else 2)
