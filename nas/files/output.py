"""Where the result of long work goes."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path


def started_with() -> tuple[str, ...]:
    """The command line of this process: `nas ...`, or a script and its arguments."""
    program = Path(sys.argv[0])
    name = program.parent.name if program.name == "__main__.py" else program.name
    return (name, *sys.argv[1:])


def name_parts(values: Mapping[str, object], defaults: Mapping[str, object]) -> Iterator[str]:
    """Parts of a result's name: every setting that is not the default, as `seed1` or `avoid-silu`.

    Two questions have two names then, so that the second does not meet the first one's result.
    """
    for key, default in defaults.items():
        value, name = values.get(key, default), key.replace("_", "-")
        if value == default or (not value and not default):
            continue
        if isinstance(value, bool):
            yield name
        elif isinstance(value, str):
            yield value
        elif isinstance(value, Sequence):
            yield "-".join([name, *map(str, value)])
        else:
            yield f"{name}{value:g}" if isinstance(value, float) else f"{name}{value}"


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

    def __post_init__(self) -> None:
        object.__setattr__(self, "out", Path(self.out))  # a text is taken for a path
