"""What a profile has measured survives a kill, and is not mixed with another profile's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nas.devices.profile.journal import (
    FUSION,
    HELD_OUT,
    PART,
    Journal,
    JournalEntry,
    busy_machine,
    drift,
)
from nas.errors import DocumentError, ResultError

SETTINGS = {"runtime": "onnxruntime", "seed": 0}


def entry(start: int, role: str = PART, anchor_ms: float = 1.0) -> JournalEntry:
    return JournalEntry(
        role, "0-1-2", start, start + 1, 2.5, 2.4, 2.6, 90, anchor_ms, 1.5, "a, note"
    )


def test_what_is_added_is_there_when_it_is_opened_again(tmp_path: Path) -> None:
    path = tmp_path / "journal.csv"
    journal = Journal(path, SETTINGS)
    journal.add(entry(0))
    journal.add(entry(1, HELD_OUT))
    assert Journal(path, SETTINGS).entries == journal.entries  # on the disk at once
    again = Journal(path, SETTINGS)
    assert again.of(PART) == [entry(0)]
    assert again.seconds(PART, HELD_OUT) == 3.0


@pytest.mark.parametrize("lost", [1, 7, 30])
def test_a_line_torn_by_a_kill_is_all_that_is_lost(tmp_path: Path, lost: int) -> None:
    path = tmp_path / "journal.csv"
    journal = Journal(path, SETTINGS)
    journal.add(entry(0))
    journal.add(entry(1))
    path.write_bytes(path.read_bytes()[:-lost])
    again = Journal(path, SETTINGS)
    again.add(entry(2))
    assert Journal(path, SETTINGS).entries == [entry(0), entry(2)]


@pytest.mark.parametrize("kept", [8, -1, -9])
def test_a_header_torn_by_a_kill_is_written_again(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "journal.csv"
    Journal(path, SETTINGS)
    path.write_bytes(path.read_bytes()[:kept])
    assert Journal(path, SETTINGS).entries == []


def test_other_settings_are_not_mixed_in_unless_forced(tmp_path: Path) -> None:
    path = tmp_path / "journal.csv"
    journal = Journal(path, SETTINGS)
    journal.add(entry(0))
    with pytest.raises(ResultError, match=r'other settings.*"seed": 0.*--force'):
        Journal(path, SETTINGS | {"seed": 1})
    assert Journal(path, SETTINGS | {"seed": 1}, force=True).entries == []


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("role,", "roll,", "line 2: unknown column 'roll'; nearest: role"),
        ("2.5", "fast", "line 3 \\(ms\\): found 'fast', expected a number"),
        ("part,", "", "line 3: found 10 cells, expected 11"),
        ("part,", "party,", "unknown role 'party'; nearest: part"),
    ],
)
def test_damage_is_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = tmp_path / "journal.csv"
    journal = Journal(path, SETTINGS)
    journal.add(entry(0))
    journal.add(entry(1))
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(DocumentError, match=message):
        Journal(path, SETTINGS)


def test_drift_follows_the_anchor_and_not_its_outliers() -> None:
    anchors = [1.0] * 20 + [1.2] * 21
    anchors[5] = 9.0
    slow = drift([entry(i, anchor_ms=ms) for i, ms in enumerate(anchors)])
    np.testing.assert_allclose(slow[[0, 5, 10, 40]], np.array([1, 1, 1, 1.2]) / 1.2)


def test_a_busy_machine_is_said_once_more_than_a_tenth_of_the_timings_waited() -> None:
    waited = replace(entry(0), note="busy machine, 41% of the time waiting for a core")
    quiet = [entry(number) for number in range(8)]
    assert busy_machine([]) == ""
    assert busy_machine([*quiet, entry(8), waited]) == ""
    assert busy_machine([*quiet, waited, replace(waited, role=FUSION)]).startswith(
        "busy machine: in 1 of 9 timings"
    )
