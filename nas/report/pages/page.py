"""The parts of a page, and the page: one HTML file that asks the network for nothing.

Scripts are named by their hashes and everything else is forbidden, so that no text from a file can
become one. Every plot has its figures in a table beside it.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from nas.report.tables.text import Column
from nas.system.extras import require

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

FILES = Path(__file__).parent / "web"


@dataclass(frozen=True, slots=True)
class BarCell:
    """A number with a bar under it."""

    text: str
    share: float
    """Of the longest one's, from 0 to 1."""


@dataclass(frozen=True, slots=True)
class LinkCell:
    """A place on the page."""

    text: str
    anchor: str


PageCell = str | BarCell | LinkCell | None
"""None is printed as a dash: there is no such figure."""


@dataclass(frozen=True, slots=True)
class TablePart:
    """Rows under headers; a caption says what they are."""

    caption: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[PageCell]]
    total: Sequence[PageCell] = ()
    groups: Sequence[str] = ()
    """Of each row; of a plot's table only rows of what is chosen are shown."""
    kind: Literal["table"] = "table"


@dataclass(frozen=True, slots=True)
class PlotPart:
    """A figure for each choice, and a table of what it shows."""

    name: str
    """For links, and unique on its page."""
    caption: str
    choice: str
    """What the reader chooses: `Device`."""
    figures: Mapping[str, Figure]
    table: TablePart
    note: str = ""
    intervals: bool = False
    """Whether they can be hidden."""
    kind: Literal["plot"] = "plot"


@dataclass(frozen=True, slots=True)
class PicturePart:
    """An SVG of ours."""

    caption: str
    svg: str
    kind: Literal["picture"] = "picture"


@dataclass(frozen=True, slots=True)
class FactsPart:
    """Names and values."""

    pairs: Sequence[tuple[str, str]]
    kind: Literal["facts"] = "facts"

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> FactsPart:
        """A document, its keys joined by points."""
        return cls(list(_flat(content)))


@dataclass(frozen=True, slots=True)
class TextPart:
    """A paragraph."""

    text: str
    kind: Literal["text"] = "text"


@dataclass(frozen=True, slots=True)
class DownloadPart:
    """A file inside the page."""

    label: str
    name: str
    content: str
    kind: Literal["download"] = "download"

    @property
    def href(self) -> str:
        return f"data:text/yaml;base64,{b64encode(self.content.encode()).decode()}"


Part = TablePart | PlotPart | PicturePart | FactsPart | TextPart | DownloadPart


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and what stands under it."""

    name: str
    """For links, and unique on its page."""
    title: str
    parts: Sequence[Part]
    folded: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """Everything that a reader sees."""

    title: str
    lead: str
    figures: Sequence[tuple[str, str, str]]
    """What matters most: its name, value, and what kind of figure it is."""
    sections: Sequence[Section]
    cautions: Sequence[str] = ()

    def html(self) -> str:
        """The file.

        Raises:
            MissingExtraError: what writes it is not installed.
        """
        jinja2 = require("report", "jinja2")
        plotly = require("report", "plotly.offline")
        loader = jinja2.FileSystemLoader(FILES)
        environment = jinja2.Environment(
            loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
        )
        plots = [part for s in self.sections for part in s.parts if isinstance(part, PlotPart)]
        scripts = [(FILES / "page.js").read_text(encoding="utf-8")]
        scripts = [plotly.get_plotlyjs(), *scripts] if plots else scripts
        text: str = environment.get_template("page.html").render(
            page=self,
            style=(FILES / "page.css").read_text(encoding="utf-8"),
            scripts=scripts,
            policy=" ".join(f"'sha256-{_hash(script)}'" for script in scripts),
            drawn={plot.name: {c: _drawn(f) for c, f in plot.figures.items()} for plot in plots},
        )
        return text


def _hash(script: str) -> str:
    return b64encode(sha256(script.encode()).digest()).decode()


def _drawn(figure: Figure) -> Mapping[str, Any]:
    """What plotly.js is given: traces and layout without the template of Python's defaults."""
    content: dict[str, Any] = figure.to_plotly_json()
    content["layout"].pop("template", None)
    return content


def _flat(content: object, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(content, Mapping):
        for key, value in content.items():
            yield from _flat(value, f"{path}.{key}" if path else str(key))
    elif isinstance(content, list) and any(isinstance(each, Mapping) for each in content):
        for index, value in enumerate(content, start=1):
            yield from _flat(value, f"{path} {index}")
    else:
        yield path, ", ".join(map(str, content)) if isinstance(content, list) else str(content)


def plain(text: str) -> str:
    """A text for a figure, where plotly would read tags."""
    return escape(text, quote=False)
