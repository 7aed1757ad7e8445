"""Callbacks by which long work reports to its caller, and how it names a time.

The default of each callback is `ignore`.
"""

from __future__ import annotations

from collections.abc import Callable

OnProgress = Callable[[str, float], None]
"""Called with the current step and the share of all the work that is done, 0 to 1."""
OnShare = Callable[[float], None]
"""Called with the share of one step that is done, 0 to 1."""
OnMessage = Callable[[str], None]
"""Called with a line about an event that the caller should know of, such as a worker's death."""


def part_of(on_progress: OnProgress, start: float, end: float) -> OnProgress:
    """The progress of a part of the work, from share `start` to share `end` of the whole."""

    def report(step: str, share: float) -> None:
        on_progress(step, start + (end - start) * share)

    return report


def ignore(*_: object) -> None:
    """Do nothing with a report."""


def time_of(seconds: float) -> str:
    """90 as `2 min`, 7300 as `2 h 2 min`."""
    if round(seconds) < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
