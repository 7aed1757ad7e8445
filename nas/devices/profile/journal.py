"""Everything a profile has measured, one line each, on the disk as soon as it is known.

A profile that was killed goes on from here; what it loses is the part in hand.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from nas.devices.profile.parts import Key
from nas.errors import ResultError
from nas.files.csv import CsvRow, append_csv, read_csv, write_csv
from nas.space.columns import Floats

MOST = 10**12
"""Larger than any count of an entry."""
NEIGHBOURS = 9
"""Entries whose anchors tell how fast the machine was."""
FUSION, PART, WHOLE, HELD_OUT = ROLES = "fusion", "part", "whole", "held out"


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One measurement."""

    role: str
    """One of `ROLES`."""
    name: str
    """A point's code, or an op that may be fused."""
    start: int
    stop: int
    """Rows of the point."""
    ms: float
    """Of an op that may be fused: its share of an addition."""
    ms_low: float
    ms_high: float
    runs: int
    anchor_ms: float
    seconds: float
    """That it took, with what led to it."""
    note: str

    @property
    def key(self) -> Key:
        """What was measured."""
        return self.name, self.start, self.stop

    @property
    def sd(self) -> float:
        """Relative, of the median: its interval is one of 90 %."""
        return (self.ms_high - self.ms_low) / (2 * 1.645 * self.ms)


COLUMNS = tuple(field.name for field in fields(JournalEntry))


class Journal:
    """An append-only CSV below one comment line of settings."""

    def __init__(self, path: Path, settings: Mapping[str, Any], *, force: bool = False) -> None:
        """Go on with the journal of these settings, or start it; `force` drops one of others.

        Raises:
            ResultError: there is one of other settings.
            DocumentError: it is damaged before its last line.
        """
        self.path = path
        comment = json.dumps(dict(settings), sort_keys=True)
        head = f"# {comment}\n"
        kept = path.read_bytes() if path.exists() else b""
        kept = kept[: kept.rfind(b"\n") + 1]  # without a line that a kill left half written
        if kept and not kept.startswith(head.encode()):
            if not force:
                raise ResultError(
                    f"{path.parent} is a profile of other settings that was stopped:"
                    f" {kept.splitlines()[0].decode(errors='replace')[2:]};"
                    " repeat them to go on with it, choose another --out, or --force"
                )
            kept = b""
        if len(kept) > len(head):
            os.truncate(path, len(kept))
        else:
            write_csv(path, COLUMNS, (), [comment])
        self.entries = [_entry(row) for row in read_csv(path, COLUMNS, closed=True, by_hand=True)]

    def add(self, entry: JournalEntry) -> None:
        """Append; on the disk when this returns."""
        append_csv(self.path, COLUMNS, astuple(entry))
        self.entries.append(entry)

    def of(self, role: str, *others: str) -> list[JournalEntry]:
        """The entries of these roles, in the order of time."""
        return [entry for entry in self.entries if entry.role in (role, *others)]

    def seconds(self, role: str, *others: str) -> float:
        """Spent on these roles."""
        return sum(entry.seconds for entry in self.of(role, *others))


def drift(entries: Sequence[JournalEntry]) -> Floats:
    """How slow the machine was at each entry, relative to all: running median of the anchor."""
    anchors = [entry.anchor_ms for entry in entries]
    if not anchors:
        return np.array([])
    slow: Floats = running_median(anchors) / np.median(anchors)
    return slow


def running_median(values: Sequence[float]) -> Floats:
    """Over `NEIGHBOURS` around each. Shapes: (n,)."""
    half = NEIGHBOURS // 2
    around = (values[max(0, i - half) : i + half + 1] for i in range(len(values)))
    return np.array([np.median(own) for own in around])


def _entry(row: CsvRow) -> JournalEntry:
    start, stop, runs = (row.integer(name, 0, MOST) for name in ("start", "stop", "runs"))
    ms, low, high, seconds = map(row.number, ("ms", "ms_low", "ms_high", "seconds"))
    role, anchor_ms = row.name("role", "role", ROLES), row.positive("anchor_ms")
    name, note = row.cells["name"], row.cells["note"]
    return JournalEntry(role, name, start, stop, ms, low, high, runs, anchor_ms, seconds, note)
