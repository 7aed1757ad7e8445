"""The sections of a page about trained candidates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING

from nas.errors import MissingExtraError
from nas.report.folders.search import SearchFolder, TrialRecord
from nas.report.folders.trial_history import ENOUGH, TrialHistory, read_history
from nas.report.pages import charts
from nas.report.pages.page import PlotPart, Section, TablePart, TextPart
from nas.report.tables.text import count, numbers

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


def training_sections(result: SearchFolder) -> Iterator[Section]:
    """Progress, all candidates, and importance of choices; nothing without training."""
    training = result.training
    if training is None:
        return
    rungs = training["rungs"] or [[0, 0]]
    epochs, whole = rungs[0][0], rungs[-1][0]
    trained = not training.get("supernet")
    missing = "the store of the trials is elsewhere"
    try:
        history = read_history(result.folder, epochs, whole)
    except MissingExtraError as error:  # the page may be made on another machine
        history, missing = None, str(error)
    order: PlotPart | TextPart = TextPart(f"The order of the trials is not shown: {missing}.")
    if history and history.trials:
        order = _progress(history, epochs, training["data"])
    parts = [order, _trial_table(result.trials, "trained" if trained else "inherited")]
    title = "Candidates that were trained" if trained else "Candidates with inherited weights"
    yield Section("trials", title, parts)
    if history and history.importances:
        yield Section("importances", "Which choices mattered", [_importances(history)])


def _progress(history: TrialHistory, epochs: int, data: str) -> PlotPart:
    trials = history.trials
    judged = f"after {count(epochs, 'epoch')} on" if epochs else "with inherited weights on"
    judged = f"{judged} {data}"

    def figure(places: Sequence[float], x_title: str) -> Figure:
        """Trials ordered by these positions, with a line of the best so far."""
        order = sorted(range(len(trials)), key=lambda index: places[index])
        x, y = [places[i] for i in order], [trials[i].top1 for i in order]
        told = [f"{trials[i].name}, {trials[i].ms:.2f} ms predicted" for i in order]
        best = list(accumulate(y, max))
        y_title = f"top-1 {judged} [%]"
        return charts.points_and_line(
            ("candidate", x, y, told), ("best so far", x, best), x_title, y_title, steps=True
        )

    figures = {
        "trials": figure([trial.number for trial in trials], "trial"),
        "time": figure([trial.minutes for trial in trials], "minutes since the first trial began"),
    }
    columns = [*numbers("trial"), "network"]
    columns += numbers(
        "predicted\nms", f"{'trained' if epochs else 'inherited'}\ntop-1 %", "minutes"
    )
    rows = [
        [str(t.number), t.name, f"{t.ms:.2f}", f"{t.top1:.2f}", f"{t.minutes:.1f}"] for t in trials
    ]
    table = TablePart("Trials in the order they were begun.", columns, rows)
    caption = f"Search progress: every candidate {judged}."
    return PlotPart("progress", caption, "Over", figures, table)


def _importances(history: TrialHistory) -> PlotPart:
    found = history.importances
    names, shares = [name for name, _ in found], [100 * share for _, share in found]
    texts = [f"{share:.1f} %" for share in shares]
    rows = [[name, text] for name, text in zip(names, texts, strict=True)]
    table = TablePart("Choices by importance.", ["choice", *numbers("share")], rows)
    note = (
        f"Optuna's PED-ANOVA over the {len(history.trials)} trials of the first rung: how well a"
        " choice of the space's table (row and column) separates the better trials from all. Shares"
        " are of the choices that every trial has."
    )
    if len(history.trials) < ENOUGH:
        note += f" With fewer than {ENOUGH} trials the order is mostly chance."
    figure = charts.bars(names, shares, texts, "share of the importance [%]")
    return PlotPart("choices", "Importance of choices.", "", {"all": figure}, table, note)


def _trial_table(trials: Sequence[TrialRecord], how: str) -> TablePart:
    """All candidates; `how` their weights came about: `trained` or `inherited`."""
    columns = [
        "network",
        *numbers("predicted\nms", "estimated\nsupervised\nImageNet %", f"{how}\ntop-1 %", "epochs"),
        *numbers("finals\ntop-1 %"),
        "state",
        "error",
    ]
    rows = []
    for trial in trials:
        longest = max(trial.trained, default=None)
        finals = trial.finals
        rows.append(
            [trial.name, f"{trial.predicted_ms:.2f}", f"{trial.estimated_top1:.1f}"]
            + [None if longest is None else f"{trial.trained[longest]:.2f}"]
            + [None if longest is None else str(longest)]
            + [f"{sum(finals) / len(finals):.2f}" if finals else None]
            + [trial.state, trial.error or None]
        )
    final = "trained anew, longer" if how == "trained" else "trained on"
    return TablePart(f"All candidates, best first; finals are {final}.", columns, rows)
