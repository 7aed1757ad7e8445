"""Plotly figures of a page; groups differ in colour and shape."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log10
from typing import TYPE_CHECKING, Any

from nas.report.pages.page import plain
from nas.report.plots.search import FAMILIES, FOUND, MARGIN
from nas.report.svg.drawing import DARK, GREY, WHITE
from nas.space.family import family_of
from nas.system.extras import require

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

SYMBOLS = ("circle", "square", "diamond", "triangle-up", "triangle-down", "cross", "x", "pentagon")
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#882255", "#56B4E9", "#777777")
BAR = "#0072B2"
GRID = "#e0e0e0"
SPAN = 4.0
"""The latency axis is logarithmic if the slowest takes more than this many times the fastest."""


@dataclass(frozen=True, slots=True)
class PlotPoint:
    """A network in a plot, with intervals."""

    name: str
    x: float
    x_low: float
    x_high: float
    y: float
    y_low: float
    y_high: float
    more: str = ""
    """Further text for the hover label."""
    label: str = ""
    """Short text beside the point."""

    @property
    def hover(self) -> str:
        more = f"<br>{plain(self.more)}" if self.more else ""
        return f"<b>{plain(self.name)}</b>{more}"


def scatter(
    groups: Mapping[str, Sequence[PlotPoint]],
    x_title: str,
    y_title: str,
    *,
    colours: Mapping[str, str] | None = None,
    scale_of: Sequence[PlotPoint] = (),
) -> Figure:
    """Plot points with intervals, grouped by colour and shape; the axis also fits `scale_of`."""
    figure = framed(x_title, y_title)
    every = [*(spot for group in groups.values() for spot in group), *scale_of]
    figure.update_xaxes(**_latency_axis(every))
    for index, (name, group) in enumerate(groups.items()):
        figure.add_scatter(
            name=plain(name),
            **_points(group),
            **_intervals(group),
            **_labels(group),
            marker={
                "color": (colours or {}).get(name, COLOURS[index % len(COLOURS)]),
                "symbol": SYMBOLS[index % len(SYMBOLS)],
                "size": 10,
                "line": {"color": DARK, "width": 1},
            },
        )
    return figure


def front_figure(
    front: Sequence[PlotPoint],
    best: PlotPoint | None,
    seeds: Sequence[PlotPoint],
    budget_ms: float,
    x_title: str,
) -> Figure:
    """Plot the front and the known networks: estimated top-1 over predicted latency."""
    groups: dict[str, list[PlotPoint]] = {}
    for seed in seeds:
        family = family_of(seed.name)
        label = f"known: {family if family in FAMILIES else 'others'}"
        groups.setdefault(label, []).append(seed)
    named = [*seeds, *([best] if best else [])]
    y_title = "estimated ImageNet top-1 [%] ± 1 sd"
    colours = {f"known: {family}": colour for family, colour in FAMILIES.items()}
    figure = scatter(groups, x_title, y_title, colours=colours, scale_of=[*named, *front])
    _band(figure, front)
    if best:
        star = {"symbol": "star", "size": 18, "color": FOUND, "line": {"color": DARK, "width": 1}}
        shown = {**_points([best]), **_intervals([best])}
        figure.add_scatter(name="best", **shown, mode="markers", marker=star)
    lowest = min((spot.y_low for spot in named), default=0.0)
    if named and front and min(spot.y for spot in front) < lowest:
        # otherwise the front's fast end would squeeze the others together
        top = max(spot.y_high for spot in [*named, *front])
        figure.update_yaxes(range=[lowest - MARGIN, top + 1])
    _line_at(figure, budget_ms, f"budget {budget_ms:g} ms")
    return figure


def join(figure: Figure, spots: Sequence[PlotPoint], name: str) -> None:
    """Add a line through points that are already drawn."""
    figure.add_scatter(
        name=name,
        x=[spot.x for spot in spots],
        y=[spot.y for spot in spots],
        mode="lines",
        line={"color": FOUND, "width": 1.5, "dash": "dot"},
        hoverinfo="skip",
    )


def bars(names: Sequence[str], values: Sequence[float], texts: Sequence[str], title: str) -> Figure:
    """Horizontal bars, the first at the top."""
    figure = framed(title, "")
    figure.add_bar(
        orientation="h",
        y=[plain(name) for name in names],
        x=list(values),
        text=[plain(text) for text in texts],
        textposition="auto",
        marker={"color": BAR},
        hoverinfo="skip",
    )
    height = 110 + 28 * len(names)
    figure.update_layout(height=height, showlegend=False, margin={"l": 150, "t": 10, "r": 60})
    figure.update_yaxes(autorange="reversed", ticks="", showgrid=False)
    return figure


def points_and_line(
    points: tuple[str, Sequence[float], Sequence[float], Sequence[str]],
    line: tuple[str, Sequence[float], Sequence[float]],
    x_title: str,
    y_title: str,
    *,
    steps: bool = False,
) -> Figure:
    """Points (name, x, y, hover texts) and a line (name, x, y)."""
    figure = framed(x_title, y_title)
    name, x, y, told = points
    figure.add_scatter(
        name=name,
        x=list(x),
        y=list(y),
        mode="markers",
        marker={"color": BAR, "size": 8},
        hovertext=[plain(text) for text in told],
        hovertemplate="%{hovertext}<br>%{y:.2f} %<extra></extra>",
    )
    name, x, y = line
    shape = "hv" if steps else "linear"
    drawn = {"color": FOUND, "shape": shape, "width": 2}
    figure.add_scatter(name=name, x=list(x), y=list(y), mode="lines", line=drawn, hoverinfo="skip")
    return figure


def framed(x_title: str, y_title: str) -> Figure:
    """An empty figure in the page's style."""
    figure: Figure = require("report", "plotly.graph_objects").Figure()
    axis = {"gridcolor": GRID, "linecolor": GREY, "zeroline": False, "ticks": "outside"}
    figure.update_layout(
        font={"family": "system-ui, sans-serif", "size": 13, "color": DARK},
        paper_bgcolor=WHITE,
        plot_bgcolor=WHITE,
        margin={"l": 60, "r": 20, "t": 30, "b": 50},
        hovermode="closest",
        xaxis={**axis, "title": {"text": plain(x_title)}, "automargin": True},
        yaxis={**axis, "title": {"text": plain(y_title)}, "automargin": True},
    )
    return figure


def _points(spots: Sequence[PlotPoint]) -> dict[str, Any]:
    """Positions and hover labels of a trace."""
    return {
        "x": [spot.x for spot in spots],
        "y": [spot.y for spot in spots],
        "hovertext": [spot.hover for spot in spots],
        "hovertemplate": "%{hovertext}<br>%{x:.3g} ms, %{y:.2f} %<extra></extra>",
    }


def _labels(spots: Sequence[PlotPoint]) -> dict[str, Any]:
    """How points and the texts beside them are drawn."""
    if not any(spot.label for spot in spots):
        return {"mode": "markers"}
    texts = [plain(spot.label) for spot in spots]
    return {"mode": "markers+text", "text": texts, "textposition": "top right"}


def _intervals(spots: Sequence[PlotPoint]) -> dict[str, Any]:
    """Error bars of a trace."""
    bar = {"type": "data", "symmetric": False, "thickness": 1, "width": 0, "color": GREY}
    right, left = [s.x_high - s.x for s in spots], [s.x - s.x_low for s in spots]
    up, down = [s.y_high - s.y for s in spots], [s.y - s.y_low for s in spots]
    return {
        "error_x": bar | {"array": right, "arrayminus": left},
        "error_y": bar | {"array": up, "arrayminus": down},
    }


def _band(figure: Figure, front: Sequence[PlotPoint]) -> None:
    """Draw the front as a line within a band of one standard deviation."""
    figure.add_scatter(
        name="± 1 sd of the front",
        x=[spot.x for spot in (*front, *front[::-1])],
        y=[spot.y_low for spot in front] + [spot.y_high for spot in front[::-1]],
        fill="toself",
        fillcolor="rgba(213, 94, 0, 0.15)",
        line={"width": 0},
        mode="lines",
        hoverinfo="skip",
    )
    figure.add_scatter(
        name="found, the best at each ms",
        **_points(front),
        mode="lines+markers",
        line={"color": FOUND, "width": 2},
        marker={"size": 6},
    )


def _line_at(figure: Figure, x: float, text: str) -> None:
    figure.add_vline(x=x, line={"color": DARK, "width": 1, "dash": "dash"})
    figure.add_annotation(
        # an annotation on a logarithmic axis takes the exponent
        x=log10(x) if figure.layout.xaxis.type == "log" else x,
        y=1,
        yref="paper",
        yanchor="bottom",
        text=plain(text),
        showarrow=False,
    )


def _latency_axis(spots: Sequence[PlotPoint]) -> dict[str, Any]:
    """A logarithmic axis with plain numbers as ticks, if latencies differ enough."""
    found = [spot.x for spot in spots if spot.x > 0]
    if not found or max(found) <= SPAN * min(found):
        return {}
    ends = min(s.x_low for s in spots) / 1.1, max(s.x_high for s in spots) * 1.1
    ticks = [digit * 10.0**power for power in range(-3, 5) for digit in (1, 1.5, 2, 3, 5, 7)]
    shown = [tick for tick in ticks if ends[0] <= tick <= ends[1]]
    return {"type": "log", "tickvals": shown, "ticktext": [f"{tick:g}" for tick in shown]}
