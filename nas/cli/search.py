"""`nas search`: the main job."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nas.cli import complete
from nas.cli.options import (
    DEVICE_HELP,
    Json,
    Kept,
    Seed,
    Space,
    Storage,
    Surrogate,
    Workers,
    device_option,
    gathered,
)
from nas.cli.progress import say_complete, show_progress
from nas.cli.training import AnyData, Epochs, Seeds, TrainingOptions, listed, training_option
from nas.files.resources import BEST
from nas.optimize.strategies import DEFAULT

if TYPE_CHECKING:
    from nas.errors import InfeasibleError
    from nas.optimize import Candidate, SearchResult
    from nas.report.tables.network import NetworkSummary

NEIGHBOURS = 5
"""Networks of the front that the table shows beside the best."""
LIMITS = "Limits"
"""A section of the help page."""


def _limit(flag: str, help: str, metavar: str) -> Any:
    return typer.Option(flag, help=help, metavar=metavar, rich_help_panel=LIMITS)


@gathered
def search(
    *,
    budget_ms: Annotated[
        list[float],
        typer.Option("--budget-ms", help="Most predicted ms; one, or one a device.", metavar="MS"),
    ],
    device: Annotated[list[str], device_option(f"{DEVICE_HELP[:-1]}; may be repeated.")],
    space: Space = "mobile",
    surrogate: Surrogate = "imagenet",
    seed: Seed = 0,
    caution: Annotated[
        float,
        typer.Option("--caution", min=0, help="Maximise estimate - caution x sd.", metavar="X"),
    ] = 1.0,
    confidence: Annotated[
        float | None,
        _limit("--confidence", "Least probability of meeting the budget, as 0.9.", "P"),
    ] = None,
    max_params_m: Annotated[
        float | None, _limit("--max-params-m", "Most parameters, in millions.", "X")
    ] = None,
    max_macs_m: Annotated[
        float | None, _limit("--max-macs-m", "Most multiply-adds, in millions.", "X")
    ] = None,
    max_peak_m: Annotated[
        float | None,
        _limit("--max-peak-m", "Most activation elements alive at once, in millions.", "X"),
    ] = None,
    data: AnyData = None,
    trials: Annotated[
        int, training_option("--trials", "Candidates that are trained.", "N", min=1)
    ] = 16,
    strategy: Annotated[
        str,
        training_option(
            "--strategy",
            "Who chooses: docs/strategies.md.",
            "NAME",
            autocompletion=complete.strategies,
        ),
    ] = DEFAULT,
    objective: Annotated[
        list[str] | None,
        training_option(
            "--objective",
            "Minimise too: ms, params, macs.",
            "NAME",
            autocompletion=complete.one_of(complete.OBJECTIVES),
        ),
    ] = None,
    epochs: Epochs = None,
    finalists: Annotated[
        int, training_option("--finalists", "Trained anew, twice as long.", "N", min=1)
    ] = 2,
    seeds: Seeds = 2,
    zero_cost: Annotated[
        str,
        training_option(
            "--zero-cost",
            f"Choose by a list of {', '.join(complete.PROXIES)}.",
            "LIST",
            autocompletion=complete.some_of(complete.PROXIES),
        ),
    ] = "",
    inherit: Annotated[
        bool, training_option("--inherit", "Candidates start from a relative's weights.")
    ] = False,
    training: TrainingOptions,
    workers: Workers = 1,
    storage: Storage = None,
    kept: Kept,
    json: Json = False,
) -> None:
    """Find the most accurate network within a latency budget.

    By estimates, in seconds; with --data candidates are trained.

    Examples:
        nas search --budget-ms 1.0 --device iphone12-lut
        nas search --budget-ms 1.0 --device iphone12-lut --confidence 0.9 --json
        nas search --budget-ms 3 --device iphone12-lut --data digits --trials 8
    """
    # before numpy is imported: products here are small, threads slow them down and, with
    # their number, change last digits
    os.environ.setdefault("OMP_NUM_THREADS", "1")

    from nas.errors import InfeasibleError
    from nas.files.staging import check_not_shipped

    sure = "" if confidence is None else f"-p{confidence:g}"
    on_data = "" if data is None else f"-{Path(data).stem}"
    devices = "-".join(Path(each).name for each in device)
    budgets = "-".join(f"{ms:g}ms" for ms in budget_ms)
    name = kept.name or f"{Path(space).stem}-{devices}-{budgets}{sure}{on_data}"
    check_not_shipped("architecture", kept.out / name)
    limits = {"max_params": max_params_m, "max_macs": max_macs_m, "max_peak": max_peak_m}
    asked = {
        "space": space,
        "device": device,
        "budget_ms": budget_ms,
        "confidence": confidence,
        **{key: most * 1e6 for key, most in limits.items() if most is not None},
        "surrogate": surrogate,
        "seed": seed,
        "caution": caution,
    }
    try:
        if data is None:
            _search(asked, replace(kept, name=name), json=json)
            return
        from nas.cli.study import study

        task = training.task(data)
        trained = {
            "trials": trials,
            "epochs": epochs or task.recipe.epochs,
            "finalists": finalists,
            "seeds": seeds,
            "inherit": inherit,
            "zero_cost": listed(zero_cost),
            "strategy": strategy,
            "objectives": objective or [],
        }
        where = {"workers": workers, "storage": storage}
        test = ["--data", data, *training.words()]
        study(task, asked, trained, where, replace(kept, name=name), test=test, json=json)
    except InfeasibleError as error:
        _print_smallest(error, json=json)
        raise


def _search(asked: dict[str, Any], kept: Kept, *, json: bool) -> None:
    from nas.files.settings import RunSettings
    from nas.files.staging import StagedDir, is_result_of
    from nas.optimize import search as run
    from nas.optimize.settings import inputs
    from nas.report.folders.write_search import write_result
    from nas.report.tables.text import print_json

    assert kept.name is not None
    path, settings = kept.out / kept.name, RunSettings.of("search", kept.name, {}, inputs(asked))
    if kept.resume and not kept.force and is_result_of(path, settings):
        say_complete(path, {})
        with show_progress() as progress:
            result = run(**asked, on_progress=progress)
    else:
        with StagedDir(kept.out, kept.name, force=kept.force) as draft:
            with show_progress() as progress:
                result = run(**asked, on_progress=progress)
            write_result(draft.folder, result, ["nas", *sys.argv[1:]])
            settings.write(draft.folder)
            draft.commit()
    if json:
        print_json(as_json(result, path))
    else:
        _print(result, path)


def _print_smallest(error: InfeasibleError, *, json: bool) -> None:
    """The network that is nearest to the limits, on stdout; the message follows on stderr."""
    from nas.report.tables.network import summarise
    from nas.report.tables.text import print_json, print_line

    if json:
        found = summarise(error.arch).as_json()
        least = {f"smallest_{error.quantity}": error.smallest, "device": error.device or None}
        print_json({"best": None, **least, "smallest": found})
    else:
        print_line(error.arch.to_yaml().rstrip())


def as_json(result: SearchResult, folder: Path) -> dict[str, Any]:
    """What `--json` prints of a search without training."""
    front, seeds = (
        [summary.as_json() | {"probability": result.probability(c)} for c, summary in found]
        for found in map(zip, (result.pareto, result.known), _sheets(result))
    )
    return {
        "best": front[-1] | {"path": str(folder / BEST)},
        "seeds": seeds,
        "pareto": front,
        "budget_ms": result.budget_ms,
        "others": [
            {"device": device.name, "ms": ms, "budget_ms": most}
            for device, ms, most in result.elsewhere(result.best.arch)
        ],
        "confidence": result.confidence,
        "held_ms": result.held_ms,
        "optimality_gap": result.optimality_gap,
        "priced": result.priced,
        "judged": result.evaluated,
        "seed": result.seed,
        "seconds": result.seconds,
    }


def _sheets(result: SearchResult) -> tuple[list[NetworkSummary], list[NetworkSummary]]:
    """Of the front, whose last is the best, and of the seeds."""
    from nas.report.tables.network import summarise

    def sheets(found: Sequence[Candidate]) -> list[NetworkSummary]:
        return [summarise(c.arch, result.device, result.surrogate) for c in found]

    return sheets(result.pareto), sheets(result.known)


def _print(result: SearchResult, folder: Path) -> None:
    from nas.report.tables.side_by_side import print_sources, print_together
    from nas.report.tables.text import print_facts, print_line

    front, seeds = _sheets(result)
    groups = {
        f"best within {result.budget_ms:g} ms": front[-1:],
        "nearest faster ones of the front": front[-1 - NEIGHBOURS : -1][::-1],
        "known points of the space": seeds,
    }
    print_together(groups, title=f"{result.space.name} on {result.device.name}")
    print_line()
    print_facts(_facts(result, folder))
    print_sources(seeds)


def _facts(result: SearchResult, folder: Path) -> list[tuple[str, str]]:
    best = result.best
    return [
        *facts_of_latency(result, best),
        ("objective", f"estimate - {result.risk_aversion:g} sd; of many, the best looks too good"),
        ("optimality gap", f"{result.optimality_gap:.3g} points (best networks recombined)"),
        ("tried", f"{result.priced:,} priced, {result.evaluated:,} within the budget"),
        ("time", f"{result.seconds:.1f} s, seed {result.seed}"),
        ("written to", str(folder)),
    ]


def facts_of_latency(result: SearchResult, best: Candidate) -> list[tuple[str, str]]:
    """What is known of a network's milliseconds, for `print_facts`."""
    from nas.report.tables.text import interval

    level = f"{result.device.info['interval']['level']:.0%}"
    return [
        (
            f"predicted {result.device.unit}",
            f"{interval(best.ms, best.ms_low, best.ms_high)} ({level} interval)",
        ),
        ("within the budget", f"probability {result.probability(best):.2f}{_held(result)}"),
        *(
            (f"on {device.name}", f"{interval(ms, *device.bounds(ms))} of {most:g} {device.unit}")
            for device, ms, most in result.elsewhere(best.arch)
        ),
    ]


def _held(result: SearchResult) -> str:
    """How the budget was kept."""
    least = " on the device that is least sure" if result.others else ""
    if result.confidence is None:
        return f"{least}; the estimate is held under it, see --confidence"
    return f"{least}; the estimate is held under {result.held_ms:.3f} ms for {result.confidence:g}"
