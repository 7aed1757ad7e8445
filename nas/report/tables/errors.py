"""Prediction errors of latency models as a table, and what a device says of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nas.report.tables.text import TableRow, numbers, print_table


def print_errors(errors: Mapping[str, Mapping[str, float]], title: str) -> None:
    """Print the errors of each model, as from `nas.latency.fit.assess.errors`."""
    columns = [
        "model",
        *numbers("median\nerror %", "mean\nerror %", "90th\npercentile %"),
        *numbers("within\n5 %", "within\n10 %", "within\n20 %", "Spearman"),
    ]
    print_table(columns, [_cells(*each) for each in errors.items()], title=title)


def _cells(model: str, errors: Mapping[str, float]) -> TableRow:
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


def interval_fact(interval: Mapping[str, Any], left_out: str) -> tuple[str, str]:
    """A device's interval, and how often it held for the `left_out`."""
    return (
        f"{interval['level']:.0%} interval",
        f"{interval['low_ratio']:.2f} to {interval['high_ratio']:.2f} times the estimate;"
        f" covers {interval['coverage_across_families_pct']:.0f} % of {left_out} left out",
    )
