"""Callbacks by which long work reports to its caller; the default of each is `ignore`."""

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
