"""Where a network's milliseconds go adds up to its prediction."""

from __future__ import annotations

import pytest

from nas import library
from nas.files.resources import named
from nas.report.pages.page import BarCell
from nas.report.pages.winner import breakdown, row_table
from nas.report.tables.network import summarise


@pytest.mark.parametrize("device", named("device"))
def test_sorts_of_kernels_add_up(device: str) -> None:
    found, arch = library.load_device(device), library.load_arch("mobilevit-xs")
    parts = breakdown(arch, found)
    assert sum(ms for _, _, ms in parts) == pytest.approx(found.predict(arch).ms)
    assert [ms for _, _, ms in parts] == sorted((ms for _, _, ms in parts), reverse=True)
    assert "fixed part" in {name for name, _, _ in parts}


def test_the_longest_bar_is_of_the_slowest_row() -> None:
    arch = library.load_arch("efficientnet-b0")
    shown = summarise(arch, library.load_device("iphone12-lut"))
    bars = [row[-1] for row in row_table(shown).rows]
    assert all(isinstance(bar, BarCell) and 0 <= bar.share <= 1 for bar in bars)
    assert len(bars) == len(arch.rows) + 1
    assert max(bar.share for bar in bars if isinstance(bar, BarCell)) == 1
    assert not any(
        isinstance(cell, BarCell) for row in row_table(summarise(arch)).rows for cell in row
    )
