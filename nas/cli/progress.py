"""Progress of a long command on stderr: a bar in a terminal, elsewhere a line every few seconds."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from nas.cli.streams import say
from nas.system.progress import OnProgress, time_of

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

RESUME = "finished work is kept: run the same command with --resume to continue"
"""Message of an interrupted command that has the option."""
EVERY_S = 10.0
"""Time between two lines if stderr is no terminal."""
DAY_S = 86_400.0


@contextmanager
def show_progress(*, shown: bool = True, on_interrupt: str = "") -> Iterator[OnProgress]:
    """Yield an `OnProgress`; `on_interrupt` is the message after Ctrl-C: how to continue."""
    with _console() as console, _bar(console, live=shown and _is_live(console)) as bar:
        task, told = bar.add_task("", total=1.0), time.monotonic()

        def heard(step: str, share: float) -> None:
            nonlocal told
            begins = bar.tasks[0].description != step
            bar.update(task, description=step, completed=share, refresh=begins)
            now = time.monotonic()
            if shown and not _is_live(console) and now - told >= EVERY_S:
                told = now
                say(_line(step, share, bar.tasks[0].time_remaining))

        try:
            yield heard
        except KeyboardInterrupt as error:
            if on_interrupt:
                error.add_note(on_interrupt)
            raise


@contextmanager
def _console() -> Iterator[Console]:
    """Standard error; if it is a terminal, also while `capture_output` takes what others print."""
    from rich.console import Console

    console = Console(stderr=True)
    if not (_is_live(console) and sys.stderr.isatty()):
        yield console
        return
    number, encoding = os.dup(sys.stderr.fileno()), sys.stderr.encoding
    with open(number, "w", encoding=encoding, errors="replace") as terminal:  # noqa: PTH123
        yield Console(file=terminal)


def _is_live(console: Console) -> bool:
    return console.is_terminal and not console.is_dumb_terminal


def _bar(console: Console, *, live: bool) -> Progress:
    """The bar. If the line is too narrow, the step is cut, never the numbers.

    Something turns, because one step of a converter may take a minute.
    """
    from rich.progress import (
        BarColumn,
        Progress,
        SpinnerColumn,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.table import Column

    step = TextColumn(
        "{task.description}",
        markup=False,
        table_column=Column(no_wrap=True, overflow="ellipsis", ratio=1),
    )
    return Progress(
        SpinnerColumn("line"),  # in ASCII
        step,
        BarColumn(20),
        TaskProgressColumn(),
        TimeRemainingColumn(compact=True),
        console=console,
        transient=True,
        expand=True,
        disable=not live,
        speed_estimate_period=DAY_S,  # a step may take hours
    )


def _line(step: str, share: float, left_s: float | None) -> str:
    """`epoch 3/10, 25 %, about 4 min left`."""
    left = "" if left_s is None else f", about {time_of(left_s)} left"
    return f"{step}, {100 * share:.0f} %{left}"
