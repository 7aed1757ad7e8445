"""Where the result of long work goes."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path


def started_with() -> tuple[str, ...]:
    """The command line of this process: `nas ...`, or a script and its arguments."""
    program = Path(sys.argv[0])
    name = program.parent.name if program.name == "__main__.py" else program.name
    return (name, *sys.argv[1:])


@dataclass(frozen=True, slots=True)
class Output:
    """Folder and name of a result, and what to do with a result that is already there."""

    out: Path = Path("results")
    name: str | None = None
    """None takes a name that says what was asked for, such as `mobile-iphone12-lut-1ms`."""
    resume: bool = False
    """Continue an interrupted run of the same settings, or return its finished result."""
    force: bool = False
    """Replace a result of the same name."""
    command: tuple[str, ...] = field(default_factory=started_with)
    """Recorded in the result as the command that made it."""
