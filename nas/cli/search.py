"""`nas search`: the most accurate network within a latency budget."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, fields
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nas.cli import complete
from nas.cli.options import (
    DEVICE_HELP,
    Json,
    OutputOptions,
    Seed,
    Sources,
    Space,
    Storage,
    Surrogate,
    Workers,
    gathered,
    option,
)
from nas.cli.progress import RESUME, show_progress
from nas.cli.search_supernet import search_supernet
from nas.cli.streams import say
from nas.cli.training import (
    AnyData,
    Epochs,
    Seeds,
    TrainingOptions,
    listed,
    refuse_without_data,
    training_option,
)
from nas.errors import InfeasibleError
from nas.files.output import Output
from nas.files.resources import SPACE, SURROGATE
from nas.optimize.strategies import DEFAULT
from nas.report.tables.text import print_json, print_line
from nas.system.extras import require_extras

if TYPE_CHECKING:
    from nas.study.settings import StudySettings

TRIALS, JUDGED_TRIALS = 16, 256
"""Candidates of a search with training, and of one with a supernet."""
_limit = partial(option, section="Limits")


@dataclass(frozen=True, slots=True)
class SearchOptions:
    """What is searched, for which devices, under which limits."""

    budget_ms: Annotated[
        list[float],
        option("--budget-ms", "Budget in ms; one, or one per device.", "MS"),
    ]
    device: Annotated[
        list[str], option("--device", f"{DEVICE_HELP[:-1]}; repeatable.", "NAME", complete.devices)
    ]
    space: Space = SPACE
    surrogate: Surrogate = SURROGATE
    seed: Seed = 0
    caution: Annotated[float, option("--caution", "Maximise estimate - X sd.", "X", min=0)] = 1.0
    confidence: Annotated[
        float | None,
        _limit("--confidence", "Least probability of meeting the budget, as 0.9.", "P"),
    ] = None
    max_params_m: Annotated[
        float | None, _limit("--max-params-m", "Most parameters, in millions.", "X")
    ] = None
    max_macs_m: Annotated[
        float | None, _limit("--max-macs-m", "Most multiply-adds, in millions.", "X")
    ] = None
    max_peak_m: Annotated[
        float | None,
        _limit("--max-peak-m", "Most activation elements alive at once, in millions.", "X"),
    ] = None

    avoid: Annotated[
        list[str] | None,
        _limit(
            "--avoid",
            "Leave out a block, op or activation; none: allow all.",
            "NAME",
            ["none", *complete.AVOIDABLE],
        ),
    ] = None

    def arguments(self) -> dict[str, Any]:
        """Arguments of `nas.optimize.search`."""
        found = asdict(self)
        for name in ("max_params", "max_macs", "max_peak"):
            if (millions := found.pop(f"{name}_m")) is not None:
                found[name] = millions * 1e6
        return found


@dataclass(frozen=True, slots=True)
class StudyOptions:
    """How candidates are chosen and trained, and by which processes."""

    data: AnyData = None
    supernet: Annotated[
        str | None,
        training_option(
            "--supernet",
            "Judge with the weights of a supernet, not train.",
            "NAME",
            show_default=False,
        ),
    ] = None
    trials: Annotated[
        int | None,
        training_option(
            "--trials",
            "Candidates.",
            "N",
            min=1,
            show_default=f"{TRIALS}, of a supernet {JUDGED_TRIALS}",
        ),
    ] = None
    strategy: Annotated[
        str,
        training_option(
            "--strategy", "Search strategy; see docs/strategies.md.", "NAME", complete.strategies
        ),
    ] = DEFAULT
    objective: Annotated[
        list[str] | None,
        training_option(
            "--objective", "Also minimise ms, params or macs.", "NAME", complete.OBJECTIVES
        ),
    ] = None
    epochs: Epochs = None
    finalists: Annotated[
        int, training_option("--finalists", "Best ones, retrained twice as long.", "N", min=1)
    ] = 2
    seeds: Seeds = 2
    zero_cost: Annotated[
        str,
        training_option(
            "--zero-cost",
            f"Choose by a list of {', '.join(complete.PROXIES)}.",
            "LIST",
            complete.some_of(complete.PROXIES),
        ),
    ] = ""
    inherit: Annotated[
        bool, training_option("--inherit", "Start candidates from a similar network's weights.")
    ] = False
    workers: Workers = 1
    storage: Storage = None

    @property
    def extras(self) -> list[str]:
        """Further optional packages that it needs."""
        return ["postgres"] if (self.storage or "").startswith("postgresql") else []

    def settings(self) -> StudySettings:
        """The part that identifies a study."""
        from nas.study.settings import StudySettings

        return StudySettings(
            self.trials or (JUDGED_TRIALS if self.supernet else TRIALS),
            self.epochs,
            self.finalists,
            self.seeds,
            self.inherit,
            listed(self.zero_cost),
            self.strategy,
            self.objective or [],
        )


@gathered
def search(
    *,
    context: typer.Context,
    what: SearchOptions,
    study: StudyOptions,
    training: TrainingOptions,
    output: OutputOptions,
    json: Json = False,
    sources: Sources = False,
) -> None:
    """Find the most accurate network within a latency budget.

    Estimates take seconds. With --data, candidates are trained.

    Examples:
        nas search --budget-ms 1.0 --device iphone12-lut --confidence 0.9
        nas search --budget-ms 5 --device pixel6-cpu --data photos --trials 8
        nas search --supernet all --budget-ms 0.5 --device iphone12-lut --name phone
    """
    if study.data is None and study.supernet is None:
        refuse_without_data(context, *(field.name for field in fields(StudyOptions)))
    # before NumPy is imported: its products here are small; more threads slow them down and
    # change last digits
    os.environ.setdefault("OMP_NUM_THREADS", "1")

    asked = what.arguments()
    try:
        if study.supernet is not None:
            given = context.get_parameter_source("space")
            own_space = given is None or given.name != "COMMANDLINE"
            asked["space"] = None if own_space else what.space
            search_supernet(asked, study.supernet, study, training, output, json=json)
        elif study.data is None:
            _search(asked, output, json=json, sources=sources)
        else:
            _train(asked, study.data, study, training, output, json=json)
    except InfeasibleError as error:
        _print_smallest(error, json=json)
        raise


def _search(asked: dict[str, Any], output: Output, *, json: bool, sources: bool) -> None:
    from nas.cli.search_output import as_json, print_search
    from nas.optimize.resumable import search_into
    from nas.report.folders.write_search import write_result

    with show_progress() as progress:
        result, path = search_into(
            output, write=write_result, on_progress=progress, on_message=say, **asked
        )
    if json:
        print_json(as_json(result, path))
    else:
        print_search(result, path, sources=sources)


def _train(
    asked: dict[str, Any],
    data: str,
    study: StudyOptions,
    training: TrainingOptions,
    output: Output,
    *,
    json: bool,
) -> None:
    from nas.cli.study_output import as_json, print_study
    from nas.optimize.settings import check_found, result_name
    from nas.report.folders.write_search import write_result
    from nas.study.resumable import search_and_train
    from nas.train.settings import training_parts
    from nas.train.sources import name_of

    require_extras("train", *study.extras)
    settings = study.settings()
    settings.check()
    check_found(asked)
    parts = training_parts(name_of(data), training.check(data))
    training.check_output(output, result_name(asked, *parts, *settings.name_parts()))
    task = training.task(data)
    with show_progress(on_interrupt=RESUME) as progress:
        result, found, path = search_and_train(
            task,
            settings,
            output,
            write=write_result,
            workers=study.workers,
            storage=study.storage,
            on_progress=progress,
            on_message=say,
            **asked,
        )
    if json:
        print_json(as_json(result, found, path))
    else:
        print_study(result, found, path, test=["--data", data, *training.words()])


def _print_smallest(error: InfeasibleError, *, json: bool) -> None:
    """Print the network nearest to the limits; the message follows on stderr."""
    from nas.report.tables.network import summarise

    if json:
        found = summarise(error.arch).as_json()
        least = {f"smallest_{error.quantity}": error.smallest, "device": error.device or None}
        print_json({"best": None, **least, "smallest": found})
    else:
        print_line(error.arch.to_yaml().rstrip())
