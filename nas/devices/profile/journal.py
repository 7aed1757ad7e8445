"""The journal of a profile: one line for each measurement, on disk as soon as it is made.

An interrupted profile resumes from its journal and loses only the measurement in progress.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from nas.devices.measure.timing import BUSY, BUSY_MACHINE
from nas.devices.profile.parts import Key
from nas.errors import ResultError
from nas.files.csv import CsvRow, append_csv, read_csv, write_csv
from nas.space.columns import Floats

MOST = 10**12
"""Larger than any count of an entry."""
NEIGHBOURS = 9
"""Width of the running median over the anchor's times."""
FUSION, PART, WHOLE, HELD_OUT = ROLES = "fusion", "part", "whole", "held out"


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One measurement."""

    role: str
    """One of `ROLES`."""
    name: str
    """Code of a point, or an op that may be fused."""
    start: int
    stop: int
    """Rows of the point."""
    ms: float
    """Milliseconds; for an op that may be fused, its cost as a share of an addition's."""
    ms_low: float
    ms_high: float
    runs: int
    anchor_ms: float
    seconds: float
    """Seconds spent on the measurement, with its preparation."""
    note: str

    @property
    def key(self) -> Key:
        """Identifies what was measured."""
        return self.name, self.start, self.stop

    @property
    def sd(self) -> float:
        """Relative standard deviation of the median, from its 90 % interval."""
        return (self.ms_high - self.ms_low) / (2 * 1.645 * self.ms)

    @property
    def busy(self) -> bool:
        """Whether other processes held the cores for a share of the time that matters."""
        return BUSY_MACHINE in self.note


def busy_machine(entries: Sequence[JournalEntry]) -> str:
    """How many timings other processes disturbed, as a sentence; empty if they are few."""
    timed = [entry for entry in entries if entry.role != FUSION]
    busy = sum(entry.busy for entry in timed)
    if busy <= BUSY * len(timed):
        return ""
    return (
        f"{BUSY_MACHINE}: in {busy} of {len(timed)} timings, over {BUSY:.0%} of the time was"
        " waiting for a core; stop other programs and profile again"
    )


COLUMNS = tuple(field.name for field in fields(JournalEntry))


class Journal:
    """An append-only CSV below one comment line of settings."""

    def __init__(self, path: Path, settings: Mapping[str, Any], *, force: bool = False) -> None:
        """Resume the journal with these settings, or start one; `force` replaces one of others.

        Raises:
            ResultError: the journal was made with other settings.
            DocumentError: the journal is damaged before its last line.
        """
        self.path = path
        comment = json.dumps(dict(settings), sort_keys=True)
        head = f"# {comment}\n"
        kept = path.read_bytes() if path.exists() else b""
        kept = kept[: kept.rfind(b"\n") + 1]  # without a line that a kill left half written
        if kept and not kept.startswith(head.encode()):
            if not force:
                raise ResultError(
                    f"{path.parent} holds an interrupted profile with other settings:"
                    f" {kept.splitlines()[0].decode(errors='replace')[2:]};"
                    " use the same settings to resume, choose another --out,"
                    " or use --force to start over"
                )
            kept = b""
        if len(kept) > len(head):
            os.truncate(path, len(kept))
        else:
            write_csv(path, COLUMNS, (), [comment])
        self.entries = [_entry(row) for row in read_csv(path, COLUMNS, closed=True, by_hand=True)]

    def add(self, entry: JournalEntry) -> None:
        """Append an entry; it is on disk on return."""
        append_csv(self.path, COLUMNS, astuple(entry))
        self.entries.append(entry)

    def of(self, role: str, *others: str) -> list[JournalEntry]:
        """Return the entries of these roles, oldest first."""
        return [entry for entry in self.entries if entry.role in (role, *others)]

    def seconds(self, role: str, *others: str) -> float:
        """Return the seconds spent on these roles."""
        return sum(entry.seconds for entry in self.of(role, *others))


def drift(entries: Sequence[JournalEntry]) -> Floats:
    """Return the slowness at each entry: the anchor's running median over its median."""
    anchors = [entry.anchor_ms for entry in entries]
    if not anchors:
        return np.array([])
    slow: Floats = running_median(anchors) / np.median(anchors)
    return slow


def running_median(values: Sequence[float]) -> Floats:
    """Return the median of the `NEIGHBOURS` values around each value. Shapes: (n,) -> (n,)."""
    half = NEIGHBOURS // 2
    around = (values[max(0, i - half) : i + half + 1] for i in range(len(values)))
    return np.array([np.median(own) for own in around])


def _entry(row: CsvRow) -> JournalEntry:
    start, stop, runs = (row.integer(name, 0, MOST) for name in ("start", "stop", "runs"))
    ms, low, high, seconds = map(row.number, ("ms", "ms_low", "ms_high", "seconds"))
    role, anchor_ms = row.name("role", "role", ROLES), row.positive("anchor_ms")
    name, note = row.cells["name"], row.cells["note"]
    return JournalEntry(role, name, start, stop, ms, low, high, runs, anchor_ms, seconds, note)
