"""Tables in Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

NUMBER = re.compile(r"[-+]?[\d.,]*")


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """Yield the lines of a table; columns of numbers are aligned to the right."""
    body = [["" if cell is None else str(cell).replace("|", r"\|") for cell in row] for row in rows]
    right = [all(NUMBER.fullmatch(row[i]) for row in body) for i in range(len(header))]
    rule = ["--:" if numbers else "---" for numbers in right]
    yield ""
    yield from (f"| {' | '.join(cells)} |" for cells in (header, rule, *body))
    yield ""
