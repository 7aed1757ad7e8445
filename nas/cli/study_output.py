"""What `nas search` prints with `--data` or `--supernet`."""

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

SHOWN = 20
"""Most candidates of a supernet in the table, which judges hundreds."""
UNTESTED = "the test split was not used yet; this line does:"


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
            **({"inherited_top1": trial.top1s.get(0)} if studied.supernet else {}),
            "trained_top1": {str(epoch): top1 for epoch, top1 in trial.top1s.items() if epoch},
            "final_top1": list(trial.finals) if studied.plan.longest else [],
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
        "split": "test" if studied.supernet else "validation",
        **({"supernet": str(studied.supernet)} if studied.supernet else {}),
    }
    found |= {"path": str(folder / BEST), "trained": trained}
    found |= latency_json(result, best.candidate)
    return search_json(result, folder) | {"best": found, "trials": trials}


def print_study(
    result: SearchResult, studied: StudyResult, folder: Path, test: Sequence[str]
) -> None:
    """Print the candidates, the best, and a command that tests it; `test` are its options."""
    from nas.cli.search_output import best_name, facts_left_out, facts_of_latency
    from nas.report.tables.network import describe_task

    best = studied.trials[0].candidate
    several = len(result.devices) > 1
    ms = [f"{d.name}\n{d.unit}" if several else f"predicted\n{d.unit}" for d in result.devices]
    estimated = [] if several else ["estimated\nsupervised\nImageNet %"]  # 80 columns hold no more
    figures = [*ms, *estimated, *_figures(studied)]
    columns = [NameHeader("network"), *numbers(*figures), NameHeader("state")]
    devices = " and ".join(device.name for device in result.devices)
    how = f"weights of {studied.supernet}" if studied.supernet else "trained"
    title = f"{result.space.name} on {devices}, {how} on {studied.data}"
    shown = studied.trials[:SHOWN] if studied.supernet else studied.trials
    print_table(columns, [_cells(result, studied, trial) for trial in shown], title=title)
    if left := len(studied.trials) - len(shown):
        print_line(f"and {left:,} more in {folder / 'trials.csv'}")
    print_facts_below(
        [
            *facts_left_out(result),
            ("best", best_name(best)),
            _accuracy(studied),
            *facts_of_latency(result, best),
            ("as trained", describe_task(studied.trained, result.device)),
            ("written to", str(folder)),
            *([] if studied.supernet else [("its test", UNTESTED)]),
        ]
    )
    if not studied.supernet:
        print_line(shlex.join(["nas", "train", str(folder), *test]))  # whole, to be copied


def _accuracy(studied: StudyResult) -> tuple[str, str]:
    """The accuracy of the best: what it is of, its interval, how it came about."""
    plan, top1 = studied.plan, studied.accuracy
    over = f"{top1.seeds} seeds" if top1.seeds > 1 else "one seed"
    trained, images = f"{count(plan.longest, 'epoch')} of {studied.recipe}", f"{top1.images:,}"
    if not studied.supernet:
        made = f"95 % interval over {over}; {images} held-out images, {trained}"
    else:
        made = f"95 % interval; {images} test images, which selected nothing"
        if plan.longest:
            made = f"{trained} from inherited weights, {over}; {made}"
    kind = "trained" if plan.longest else "inherited"
    return f"{kind} top-1 %", f"{interval(top1.top1, top1.low, top1.high)} ({made})"


def _figures(studied: StudyResult) -> list[str]:
    """Columns of a candidate's accuracies."""
    if not studied.supernet:
        return ["trained\n%", "epochs", "finals\n%"]
    return ["inherited\n%", *(["trained on\n%"] if studied.plan.longest else [])]


def _cells(result: SearchResult, studied: StudyResult, trial: TrainedCandidate) -> list[str | None]:
    found = trial.candidate
    last = f"{trial.top1s[trial.epochs]:.2f}" if trial.top1s else None
    final = f"{sum(trial.finals) / len(trial.finals):.2f}" if trial.finals else None
    figures = [last, str(trial.epochs) if trial.top1s else None, final]
    if studied.supernet:
        figures = [last, *([final] if studied.plan.longest else [])]
    return [
        found.arch.name,
        *(plain(own.ms) for own in result.latencies(found.arch)),
        *([] if result.others else [f"{found.top1:.1f}"]),
        *figures,
        trial.state,
    ]
