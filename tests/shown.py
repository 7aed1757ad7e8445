"""What README.md and docs/ show: their commands and their Python, in the order of reading."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"


class Block(NamedTuple):
    """What stands between two fences."""

    page: Path
    line: int
    language: str
    text: str

    @property
    def commands(self) -> list[str]:
        """What its lines call of `nas`, also after another program, without comments."""
        if self.language != "sh":
            return []
        text = self.text.replace("\\\n", " ").replace(" && ", "\n")
        words = [shlex.split(line, comments=True) for line in text.splitlines()]
        return [shlex.join(line) for line in words if line[:1] == ["nas"]]


def pages() -> list[Path]:
    """The README, then the site's pages in its order."""
    listed = re.findall(r"^```{toctree}\n(.*?)```", (DOCS / "index.md").read_text(), re.S | re.M)
    names = [line for part in listed for line in part.splitlines() if not line.startswith(":")]
    return [ROOT / "README.md", *(p for name in names if (p := DOCS / f"{name}.md").parent == DOCS)]


def blocks() -> Iterator[Block]:
    for page in pages():
        text = page.read_text(encoding="utf-8")
        for found in re.finditer(r"^```(sh|python)\n(.*?)^```", text, re.S | re.M):
            line = text.count("\n", 0, found.start()) + 2
            yield Block(page, line, *found.groups())
