"""Progress of a long command and what happens on the way, on stderr."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def show_progress(*, shown: bool = True) -> Iterator[Callable[[str, float], None]]:
    """A bar on stderr that says the step; nothing where stderr is no terminal."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(
        console=console, transient=True, disable=not (shown and console.is_terminal)
    ) as bar:
        task = bar.add_task("", total=1.0)
        yield lambda step, share: bar.update(task, description=step, completed=share)


def say(note: str) -> None:
    """One line that is no result."""
    sys.stderr.write(f"nas: {note}\n")
