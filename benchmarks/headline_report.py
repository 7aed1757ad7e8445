"""Report of the headline experiment: its table, its networks, and its plot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from files import write_rows
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nas.files import yaml
from nas.files.provenance import provenance

COLUMNS = (
    *("budget", "budget_ms", "network", "measured_ms", "measured_ms_low", "measured_ms_high"),
    *("test_top1", "top1_low", "top1_high", "sd", "seeds", "test_images", "params", "macs"),
    "file",
)
COLOURS = {
    "mobilenetv3": "#E69F00",
    "efficientnet": "#009E73",
    "mobilevit": "#CC79A7",
    "repvit": "#0072B2",
    "model": "#D55E00",
    "random": "#777777",
}
NAMES = {"model": "searched", "random": "random search"}


def write_report(
    out: Path,
    budgets: dict[str, float],
    finals: dict[str, Any],
    facts: dict[str, Any],
    command: list[str],
) -> None:
    """Write `headline.csv`, `headline.yaml`, `headline.png` and the networks into `out`."""
    (out / "networks").mkdir(parents=True, exist_ok=True)
    rows = []
    for kind, final in finals.items():
        budget, _, family = kind.partition("/")
        file = f"networks/{budget}-{family}.yaml"
        (out / file).write_text(final["table"], encoding="utf-8")
        ms, low, high = final["ms"]
        figures = (budgets[budget], final["network"].partition("/")[2], ms, low, high)
        top1 = (final["top1"], final["low"], final["high"], final["sd"], final["seeds"])
        sizes = (final["images"], final["params"], final["macs"], file)
        rows.append(dict(zip(COLUMNS, (budget, *figures, *top1, *sizes), strict=True)))
    rows.sort(key=lambda row: (row["budget_ms"], -row["test_top1"]))
    write_rows(out / "headline.csv", [{key: _rounded(row[key]) for key in COLUMNS} for row in rows])
    made = provenance(command, "torch", "onnxruntime", "optuna")
    yaml.write(out / "headline.yaml", made | facts)
    _draw(rows, out / "headline.png")


def _rounded(value: object) -> object:
    return f"{value:.4f}" if isinstance(value, float) else value


def _draw(rows: list[dict[str, Any]], path: Path) -> None:
    """Draw one panel for each budget: test accuracy over measured milliseconds, with intervals."""
    budgets = list(dict.fromkeys(row["budget"] for row in rows))
    figure = Figure(figsize=(5 * len(budgets), 4.5), layout="constrained")
    panels = figure.subplots(1, len(budgets), sharey=True, squeeze=False)[0]
    for axes, budget in zip(panels, budgets, strict=True):
        _panel(axes, [row for row in rows if row["budget"] == budget])
    panels[0].set_ylabel("Fashion-MNIST test top-1, %")
    figure.savefig(path, dpi=150)


def _panel(axes: Axes, rows: list[dict[str, Any]]) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.axvline(rows[0]["budget_ms"], color="black", lw=1, ls="--")
    for row in rows:
        family = row["network"].split()[0]
        x, y = row["measured_ms"], row["test_top1"]
        axes.errorbar(
            x,
            y,
            xerr=[[x - row["measured_ms_low"]], [row["measured_ms_high"] - x]],
            yerr=[[y - row["top1_low"]], [row["top1_high"] - y]],
            color=COLOURS[family],
            marker="*" if family == "model" else "o",
            ms=11 if family == "model" else 6,
            capsize=2,
            label=NAMES.get(family, row["network"]),
        )
    axes.set_xlabel(f"measured ms (onnxruntime, 1 thread); budget {rows[0]['budget_ms']:.2f} ms")
    axes.set_title(f"{rows[0]['budget']} budget")
    axes.legend(fontsize=8, frameon=False, loc="best")
