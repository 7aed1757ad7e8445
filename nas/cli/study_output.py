"""What `nas search --data` prints of a search with training."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas.files.resources import BEST
from nas.report.tables.text import (
    NameHeader,
    count,
    interval,
    numbers,
    plain,
    print_facts_below,
    print_line,
    print_table,
)

if TYPE_CHECKING:
    from nas.optimize import SearchResult
    from nas.study.results import StudyResult, TrainedCandidate


def as_json(result: SearchResult, studied: StudyResult, folder: Path) -> dict[str, Any]:
    """The JSON document of a search with training."""
    from nas.cli.search_output import as_json as search_json
    from nas.cli.search_output import latency_json
    from nas.report.tables.network import summarise

    best, top1 = studied.trials[0], studied.accuracy
    trials = [
        {
            "name": trial.candidate.arch.name,
            "arch_id": trial.candidate.arch.arch_id,
            "state": trial.state,
            "predicted_ms": trial.candidate.ms,
            **trial.candidate.estimates(),
            "trained_top1": {str(epoch): top1 for epoch, top1 in trial.top1s.items()},
            "final_top1": list(trial.finals),
            "error": trial.error or None,
        }
        for trial in studied.trials
    ]
    found = summarise(best.candidate.arch, result.device, result.surrogate).as_json()
    predicted, out = result.device.predict(studied.trained), studied.trained.graph.shape[0]
    trained = asdict(top1) | {
        "classes": out,
        "input": list(studied.trained.input),
        "ms": predicted.ms,
        "ms_low": predicted.low_ms,
        "ms_high": predicted.high_ms,
        "epochs": studied.plan.longest,
        "data": studied.data,
        "recipe": studied.recipe,
        "weights": str(folder / studied.weights.name),
    }
    found |= {"path": str(folder / BEST), "trained": trained}
    found |= latency_json(result, best.candidate)
    return search_json(result, folder) | {"best": found, "trials": trials}


def print_study(
    result: SearchResult, studied: StudyResult, folder: Path, test: Sequence[str]
) -> None:
    """Print every candidate, the best, and a command that tests it; `test` are its options."""
    from nas.cli.search_output import best_name, facts_left_out, facts_of_latency
    from nas.report.tables.network import describe_task

    plan, best, top1 = studied.plan, studied.trials[0].candidate, studied.accuracy
    several = len(result.devices) > 1
    ms = [f"{d.name}\n{d.unit}" if several else f"predicted\n{d.unit}" for d in result.devices]
    estimated = [] if several else ["estimated\nsupervised\nImageNet %"]  # 80 columns hold no more
    figures = [*ms, *estimated, "trained\n%", "epochs", "finals\n%"]
    columns = [NameHeader("network"), *numbers(*figures), NameHeader("state")]
    devices = " and ".join(device.name for device in result.devices)
    title = f"{result.space.name} on {devices}, trained on {studied.data}"
    print_table(columns, [_cells(result, trial) for trial in studied.trials], title=title)
    over = f"{top1.seeds} seeds" if top1.seeds > 1 else "one seed"
    print_facts_below(
        [
            *facts_left_out(result),
            ("best", best_name(best)),
            (
                "trained top-1 %",
                f"{interval(top1.top1, top1.low, top1.high)} (95 % interval over {over};"
                f" {top1.images:,} held-out images,"
                f" {count(plan.longest, 'epoch')} of {studied.recipe})",
            ),
            *facts_of_latency(result, best),
            ("as trained", describe_task(studied.trained, result.device)),
            ("written to", str(folder)),
            ("its test", "the test split was not used yet; this line does:"),
        ]
    )
    print_line(shlex.join(["nas", "train", str(folder), *test]))  # whole, to be copied


def _cells(result: SearchResult, trial: TrainedCandidate) -> list[str | None]:
    longest, found = max(trial.top1s, default=None), trial.candidate
    finals = trial.finals
    return [
        found.arch.name,
        *(plain(own.ms) for own in result.latencies(found.arch)),
        *([] if result.others else [f"{found.top1:.1f}"]),
        None if longest is None else f"{trial.top1s[longest]:.2f}",
        None if longest is None else str(longest),
        f"{sum(finals) / len(finals):.2f}" if finals else None,
        trial.state,
    ]
