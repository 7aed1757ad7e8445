"""Rules of a search space: what holds between the stages of each of its networks.

A stage is a run of blocks that yield one shape. Rows of stem and head belong to none, so a stem may
be wider than the first stage, as in MobileNetV2. The rule on widths is that of AnyNetX_D
(arXiv:2003.13678, section 3.2).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise

from nas.blocks import Row
from nas.files.records import one_of
from nas.graph.ops import Shape

NONDECREASING = "nondecreasing"


@dataclass(frozen=True, slots=True)
class Rules:
    """Rules on the stages of each network."""

    widths: str = one_of("any", NONDECREASING)
    """nondecreasing: no stage has fewer channels than the one before (AnyNet, arXiv:2003.13678)"""

    @property
    def stated(self) -> dict[str, str]:
        """Rules that restrict, by key: `{"widths": "nondecreasing"}`."""
        return {key: value for key, value in asdict(self).items() if value != "any"}

    def broken_by(self, rows: Sequence[Row], shapes: Sequence[Shape]) -> str:
        """What breaks a rule, or "". `shapes` are those of the inputs of `rows`, and of the end."""
        if self.widths != NONDECREASING:
            return ""
        stages = list(_stages(rows, shapes))
        for number, ((_, before), (row, width)) in enumerate(pairwise(stages), 2):
            if width < before:
                return (
                    f"stage {number} (from row {row}) has {width} channels, stage {number - 1} has"
                    f" {before}, and the rule is widths: {self.widths}"
                )
        return ""


def in_stage(row: Row) -> bool:
    """Whether a row belongs to a stage, not to stem or head."""
    return row.stage and not row.reads_vector


def _stages(rows: Sequence[Row], shapes: Sequence[Shape]) -> Iterator[tuple[int, int]]:
    """Number of the first row, from 1, and width of each stage."""
    last: Shape = ()
    for number, (row, shape) in enumerate(zip(rows, shapes[1:], strict=True), 1):
        if in_stage(row) and shape != last:
            yield number, shape[0]
            last = shape
