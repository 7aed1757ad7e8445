"""A page and its parts: one HTML file that loads nothing from the network.

The page's policy allows its own scripts by hash and nothing else, so text from a file cannot run.
Beside every plot is a table of its values.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from nas.report.tables.text import justify
from nas.system.extras import require

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

FILES = Path(__file__).parent / "web"


@dataclass(frozen=True, slots=True)
class BarCell:
    """A number with a bar below it."""

    text: str
    share: float
    """Length relative to the longest bar, from 0 to 1."""


@dataclass(frozen=True, slots=True)
class LinkCell:
    """A link to a section of the page."""

    text: str
    anchor: str


PageCell = str | BarCell | LinkCell | None
"""None (there is no value) is shown as a dash."""


@dataclass(frozen=True, slots=True)
class TablePart:
    """A table with a caption."""

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[PageCell]]
    total: Sequence[PageCell] = ()
    groups: Sequence[str] = ()
    """Group of each row; beside a plot only the rows of the chosen figure are shown."""
    kind: Literal["table"] = "table"

    @property
    def sides(self) -> list[str]:
        """Alignment of each column: left or right."""
        return [justify(column) for column in self.columns]


@dataclass(frozen=True, slots=True)
class PlotPart:
    """A figure for each choice, and a table of its values."""

    name: str
    """Anchor for links; unique on the page."""
    caption: str
    choice: str
    """Label of the menu that chooses a figure, for example `Device`."""
    figures: Mapping[str, Figure]
    table: TablePart
    note: str = ""
    intervals: bool = False
    """Whether the reader can hide intervals."""
    kind: Literal["plot"] = "plot"


@dataclass(frozen=True, slots=True)
class PicturePart:
    """An SVG drawing."""

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
        """Flatten a document; nested keys are joined by dots."""
        return cls(list(_flat(content)))


@dataclass(frozen=True, slots=True)
class TextPart:
    """A paragraph."""

    text: str
    kind: Literal["text"] = "text"


@dataclass(frozen=True, slots=True)
class DownloadPart:
    """A file embedded in the page."""

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
    """A heading and its parts."""

    name: str
    """Anchor for links; unique on the page."""
    title: str
    parts: Sequence[Part]
    folded: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """A whole page."""

    title: str
    lead: str
    figures: Sequence[tuple[str, str, str]]
    """Key figures: name, value, and how the value was obtained."""
    sections: Sequence[Section]
    cautions: Sequence[str] = ()

    def html(self) -> str:
        """Render the page as one HTML file.

        Raises:
            MissingExtraError: the `report` extra is not installed.
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
    """Traces and layout for plotly.js, without the template of Plotly's Python defaults."""
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
    """Escape text for a figure, where plotly would read it as HTML."""
    return escape(text, quote=False)
