from __future__ import annotations

from nas.system.progress import part_of


def test_a_part_of_a_part_of_the_work() -> None:
    heard: list[tuple[str, float]] = []
    half = part_of(lambda *report: heard.append(report), 0.5, 1.0)
    half("first", 0.0)
    part_of(half, 0.0, 0.5)("second", 1.0)
    half("third", 1.0)
    assert heard == [("first", 0.5), ("second", 0.75), ("third", 1.0)]
