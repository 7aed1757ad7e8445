"""Figures that a file's odd numbers do not break."""

from __future__ import annotations

from nas.report.pages.charts import PlotPoint, front_figure


def test_a_latency_rounded_to_0_does_not_break_a_logarithmic_axis() -> None:
    fast = PlotPoint("fast", 0.0, 0.0, 0.1, 70.0, 69.0, 71.0)
    slow = [PlotPoint(f"at {ms:g}", ms, 0.9 * ms, 1.1 * ms, 75.0, 74.0, 76.0) for ms in (1.0, 9.0)]
    figure = front_figure([fast, *slow], slow[1], [fast], 10.0, "predicted [ms]")
    assert figure.layout.xaxis.type == "log"
    assert min(figure.layout.xaxis.tickvals) > 0
    (budget,) = figure.layout.annotations
    assert (budget.text, budget.x) == ("budget 10 ms", 1.0)


def test_every_network_is_named_when_pointed_at() -> None:
    known = [PlotPoint(f"net{ms}", ms, ms, ms, 75.0, 74.0, 76.0) for ms in (1.0, 2.0)]
    figure = front_figure(known, known[0], known, 2.0, "predicted [ms]")
    texts = [text for trace in figure.data for text in trace.hovertext or ()]
    assert all(any(point.name in text for text in texts) for point in known)


def test_a_short_text_stands_beside_a_known_network() -> None:
    known = [PlotPoint(f"net{ms}", ms, ms, ms, 75.0, 74.0, 76.0, label="7") for ms in (1.0, 2.0)]
    figure = front_figure(known, known[0], known, 2.0, "predicted [ms]")
    texts = [list(trace.text) for trace in figure.data if trace.mode == "markers+text"]
    assert texts == [["7", "7"]]
