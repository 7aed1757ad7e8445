"""Figures that a file's odd numbers do not break."""

from __future__ import annotations

from nas.report.pages.charts import LEAST_MS, PlotPoint, front_figure


def test_a_latency_rounded_to_0_stands_where_a_logarithmic_axis_begins() -> None:
    fast = PlotPoint("fast", 0.0, 0.0, 0.1, 70.0, 69.0, 71.0)
    slow = [PlotPoint(f"at {ms:g}", ms, 0.9 * ms, 1.1 * ms, 75.0, 74.0, 76.0) for ms in (1.0, 9.0)]
    figure = front_figure([fast, *slow], slow[1], [fast], 10.0, "predicted [ms]")
    assert figure.layout.xaxis.type == "log"
    names = {a.text: a.x for a in figure.layout.annotations if a.name == "name"}
    assert 10 ** names["fast"] == LEAST_MS
