"""Prediction errors of latency models as table cells."""

from __future__ import annotations

from collections.abc import Mapping

from nas.report.tables.text import TableRow, numbers

ERROR_COLUMNS = (
    "model",
    *numbers("median\nerror %", "mean\nerror %", "90th\npercentile %"),
    *numbers("within\n5 %", "within\n10 %", "within\n20 %", "Spearman"),
)


def error_cells(model: str, errors: Mapping[str, float]) -> TableRow:
    """Errors of one model (from `nas.latency.fit.assess.errors`) under `ERROR_COLUMNS`."""
    keys = ("median_error_pct", "mean_error_pct", "p90_error_pct")
    shares = (f"within_{pct}_pct" for pct in (5, 10, 20))
    return [
        model,
        *(f"{errors[key]:.1f}" for key in keys),
        *(f"{errors[key]:.0f} %" for key in shares),
        f"{errors['spearman']:.3f}" if "spearman" in errors else None,
    ]


def trivial_errors(score: Mapping[str, float]) -> dict[str, float]:
    """Errors of the trivial model, out of a device's `held_out`."""
    start = "trivial_"
    return {key.removeprefix(start): score[key] for key in score if key.startswith(start)}
