"""Plain SVG: boxes, lines and text at given positions.

Text widths are those of DejaVu Sans and Verdana, the widest common fonts, so text that fits here
fits everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree

FONT = 'system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, "DejaVu Sans", sans-serif'
EM = 0.65
"""Mean width of a character, as a fraction of the font size."""
DARK, GREY, PALE, WHITE = "#1a1a1a", "#595959", "#f2f2f2", "#ffffff"
"""Text, secondary text (contrast 7 on white), and two backgrounds."""


def text_width(text: str, size: float = 12, *, bold: bool = False) -> float:
    """Maximum width of a text in pixels."""
    return len(text) * size * EM * (1.08 if bold else 1)


class Drawing:
    """An SVG document; its size is given at the end."""

    def __init__(self, title: str, description: str) -> None:
        self.root = ElementTree.Element(
            "svg", {"xmlns": "http://www.w3.org/2000/svg", "role": "img", "aria-label": title}
        )
        self.root.set("font-family", FONT)
        ElementTree.SubElement(self.root, "title").text = title
        ElementTree.SubElement(self.root, "desc").text = description

    def svg(self, width: float, height: float) -> str:
        """The drawing as an SVG document, which HTML may also embed."""
        size = {"width": f"{width:.0f}", "height": f"{height:.0f}"}
        self.root.attrib |= size | {"viewBox": f"0 0 {size['width']} {size['height']}"}
        ElementTree.indent(self.root, " ")
        return ElementTree.tostring(self.root, encoding="unicode") + "\n"

    def box(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        fill: str,
        *,
        stroke: str = "",
        dashed: bool = False,
        round_by: float = 0,
    ) -> None:
        """Draw a rectangle."""
        shape = {"x": x, "y": y, "width": width, "height": height, "rx": round_by}
        line = {"stroke": stroke, "stroke-width": "1.5"} if stroke else {}
        line |= {"stroke-dasharray": "4 3"} if dashed else {}
        self._add("rect", shape, {"fill": fill, **line})

    def line(self, points: Sequence[tuple[float, float]], colour: str = GREY) -> None:
        """Draw a line through points."""
        path = " ".join(f"{x:g},{y:g}" for x, y in points)
        self._add("polyline", {}, {"points": path, "fill": "none", "stroke": colour})

    def arc(self, x: float, top: float, bottom: float, reach: float, colour: str = GREY) -> None:
        """Draw an arc from `top` to `bottom` that bulges to the right."""
        far = x + reach * 4 / 3
        path = f"M{x:g},{top:g} C{far:g},{top:g} {far:g},{bottom:g} {x:g},{bottom:g}"
        self._add("path", {}, {"d": path, "fill": "none", "stroke": colour})

    def text(
        self,
        x: float,
        baseline: float,
        text: str,
        *,
        size: float = 12,
        colour: str = DARK,
        anchor: str = "start",
        bold: bool = False,
    ) -> None:
        """Draw one line of text; its `start`, `middle` or `end` (`anchor`) is at x."""
        style = {"fill": colour, "text-anchor": anchor} | ({"font-weight": "bold"} if bold else {})
        self._add("text", {"x": x, "y": baseline, "font-size": size}, style).text = text

    def _add(
        self, name: str, numbers: dict[str, float], words: dict[str, str]
    ) -> ElementTree.Element:
        rounded = {key: f"{round(value, 2):g}" for key, value in numbers.items() if value}
        return ElementTree.SubElement(self.root, name, rounded | words)
