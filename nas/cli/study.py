"""`nas search --data`: the part of the command that trains."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas.cli.progress import RESUME, say_complete, show_progress
from nas.cli.streams import say
from nas.files.resources import BEST

if TYPE_CHECKING:
    from nas.cli.options import Kept
    from nas.optimize import SearchResult
    from nas.study.results import StudyResult, TrainedCandidate
    from nas.train.run import Task


def study(
    task: Task,
    asked: Mapping[str, Any],
    training: Mapping[str, Any],
    where: Mapping[str, Any],
    kept: Kept,
    *,
    test: Sequence[str],
    json: bool,
) -> None:
    """Search, train, write and print; a study that was stopped or is to grow goes on.

    `test` are the options that `nas train` tests the best with.
    """
    from nas.errors import BudgetError, InfeasibleError, StorageError, UnknownNameError
    from nas.files.settings import RunSettings
    from nas.files.staging import ResumableDir
    from nas.report.folders.write_search import write_result
    from nas.report.tables.text import print_json
    from nas.study.plan import Plan
    from nas.study.run import study as run
    from nas.study.settings import SIZES, inputs
    from nas.study.trainer import remove_run_files

    sizes = {key: training[key] for key in SIZES}
    assert kept.name is not None
    settings = RunSettings.of("search --data", kept.name, sizes, inputs(task, asked, training))
    with ResumableDir(kept.out, kept.name, settings, resume=kept.resume, force=kept.force) as work:
        trials, epochs, finalists, seeds = (work.settings.sizes[key] for key in SIZES)
        plan = Plan(epochs, finalists=finalists, seeds=seeds, inherit=training["inherit"])
        if work.complete:
            say_complete(work.path, work.settings.sizes)
        try:
            with work.open_folder() as folder, show_progress(on_interrupt=RESUME) as progress:
                result, studied = run(
                    task,
                    folder,
                    plan,
                    trials=trials,
                    zero_cost=training["zero_cost"],
                    strategy=training["strategy"],
                    objectives=training["objectives"],
                    **where,
                    scope=work.settings.scope(where["storage"]),
                    on_progress=progress,
                    on_message=say,
                    **asked,
                )
        except (BudgetError, InfeasibleError, UnknownNameError):
            work.discard()  # no work on this question can be gone on with
            raise
        except StorageError:  # it cannot be opened: what was begun elsewhere stays
            if not kept.resume:
                work.discard()
            raise
        if not work.complete:
            write_result(work.folder, result, ["nas", *sys.argv[1:]], studied)
            remove_run_files(work.folder, checkpoints=not plan.inherit)
            work.commit()
    if json:
        print_json(_as_json(result, studied, work.path))
    else:
        _print(result, studied, work.path, test)


def _as_json(result: SearchResult, studied: StudyResult, folder: Path) -> dict[str, Any]:
    from nas.cli.search import as_json
    from nas.report.tables.network import summarise

    best, top1 = studied.trials[0], studied.accuracy
    trials = [
        {
            "name": trial.candidate.arch.name,
            "arch_id": trial.candidate.arch.arch_id,
            "state": trial.state,
            "predicted_ms": trial.candidate.ms,
            "estimated_top1": trial.candidate.top1,
            "trained_top1": {str(epoch): top1 for epoch, top1 in trial.top1s.items()},
            "final_top1": list(trial.finals),
            "error": trial.error or None,
        }
        for trial in studied.trials
    ]
    found = summarise(best.candidate.arch, result.device, result.surrogate).as_json()
    trained: dict[str, object] = {
        "top1": top1.top1,
        "low": top1.low,
        "high": top1.high,
        "sd": top1.sd,
    }
    trained |= {"seeds": top1.seeds, "images": top1.images, "epochs": studied.plan.longest}
    trained |= {"data": studied.data, "recipe": studied.recipe}
    trained |= {"weights": str(folder / studied.weights.name)}
    own: dict[str, object] = {"path": str(folder / BEST), "trained": trained}
    own |= {"probability": result.probability(best.candidate)}
    return as_json(result, folder) | {"best": found | own, "trials": trials}


def _print(result: SearchResult, studied: StudyResult, folder: Path, test: Sequence[str]) -> None:
    from nas.cli.search import facts_of_latency
    from nas.report.tables.text import (
        Column,
        interval,
        numbers,
        print_facts,
        print_line,
        print_table,
    )

    plan, best, top1 = studied.plan, studied.trials[0].candidate, studied.accuracy
    columns = [
        Column("network"),
        *numbers("predicted\nms", "estimated\nImageNet %", "trained\n%", "epochs", "finals\n%"),
        Column("state"),
    ]
    title = f"{result.space.name} on {result.device.name}, trained on {studied.data}"
    print_table(columns, [_cells(trial) for trial in studied.trials], title=title)
    print_line()
    over = f"{top1.seeds} seeds" if top1.seeds > 1 else "one seed"
    print_facts(
        [
            ("best", f"{best.arch.name}: nas show {shlex.quote(str(folder))}"),
            (
                "trained top-1 %",
                f"{interval(top1.top1, top1.low, top1.high)} (95 % interval over {over};"
                f" {top1.images:,} held-out images, {plan.longest} epochs of {studied.recipe})",
            ),
            *facts_of_latency(result, best),
            ("written to", str(folder)),
            ("its test", "not looked at yet; this line does:"),
        ]
    )
    print_line(shlex.join(["nas", "train", str(folder), *test]))  # whole, to be copied


def _cells(trial: TrainedCandidate) -> list[str | None]:
    longest, found = max(trial.top1s, default=None), trial.candidate
    finals = trial.finals
    return [
        found.arch.name,
        f"{found.ms:.2f}",
        f"{found.top1:.1f}",
        None if longest is None else f"{trial.top1s[longest]:.2f}",
        None if longest is None else str(longest),
        f"{sum(finals) / len(finals):.2f}" if finals else None,
        trial.state,
    ]
