"""`nas fidelity`: cheap estimates of accuracy, compared with long training."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nas.cli.options import (
    Address,
    Json,
    OutputOptions,
    Seed,
    Space,
    Surrogate,
    Workers,
    ZeroCost,
    gathered,
)
from nas.cli.progress import RESUME, show_progress
from nas.cli.streams import say
from nas.cli.training import Data, TrainingOptions, listed, training_option
from nas.files.resources import SPACE, SURROGATE

if TYPE_CHECKING:
    from nas.evaluate.fidelity.job import Elsewhere
    from nas.evaluate.fidelity.ranking import Ranking


@gathered
def fidelity(
    *,
    space: Space = SPACE,
    networks: Annotated[
        int, typer.Option("--networks", min=3, help="Networks of the sample.", metavar="N")
    ] = 30,
    most_mmacs: Annotated[
        float,
        typer.Option("--most-mmacs", min=1, help="Largest network, in million MACs.", metavar="X"),
    ] = 1000,
    zero_cost: ZeroCost = "naswot,synflow,zico,zen",
    surrogate: Surrogate = SURROGATE,
    seed: Seed = 0,
    workers: Workers = 1,
    address: Address = None,
    data: Data = "digits",
    long: Annotated[
        int, training_option("--long", "Epochs of the long training.", "N", min=1)
    ] = 20,
    epochs: Annotated[
        str, training_option("--epochs", "Epochs of the short trainings, as 1,2,5,10.", "LIST")
    ] = "1,2,5,10",
    images: Annotated[
        int | None,
        training_option("--images", "Training images used.", "N", min=10, show_default="all"),
    ] = None,
    training: TrainingOptions,
    output: OutputOptions,
    json: Json = False,
) -> None:
    """Compare cheap accuracy estimates with long training.

    Examples:
        nas fidelity --space mobile --data fashion-mnist --download
        nas fidelity --data digits --networks 10 --long 5 --epochs 1,2 --resume
    """
    from dataclasses import replace

    from nas import library
    from nas.errors import RecipeError
    from nas.evaluate.fidelity.resumable import FidelitySettings, compare_estimators
    from nas.evaluate.proxies import check
    from nas.report.tables.text import print_json

    proxies = listed(zero_cost)
    check(proxies)
    try:
        short = sorted({int(part) for part in listed(epochs)})
    except ValueError:
        raise RecipeError(f"--epochs: expected a list as 1,2,5, found {epochs!r}") from None
    task = replace(training.task(data), images=images)
    where, by = library.load_space(space), library.load_surrogate(surrogate)
    settings = FidelitySettings(where, by, networks, most_mmacs, proxies, long, short, seed)
    with _scores(address, workers) as scores, show_progress(on_interrupt=RESUME) as progress:
        found = compare_estimators(
            settings,
            task,
            output,
            workers=workers,
            elsewhere=scores,
            on_progress=progress,
            on_message=say,
        )
    if json:
        rankings = [_as_json(ranking) for ranking in found.rankings]
        print_json({**found.facts, "path": str(found.path), "judges": rankings})
    else:
        title = f"{networks} networks of {where.name} on {task.data.name}"
        _print(found.rankings, title, found.path)


@contextmanager
def _scores(address: str | None, workers: int) -> Iterator[Elsewhere | None]:
    """Scores networks on a cluster, if there is an address."""
    if address is None:
        yield None
        return
    from nas.system.extras import require

    require("ray")
    from nas.study.ray.connect import cluster
    from nas.study.ray.pool import scores

    with cluster(address):
        yield scores(workers)


def _as_json(found: Ranking) -> dict[str, object]:
    from dataclasses import asdict
    from math import isfinite

    figures = asdict(found)
    name = {"judge": figures.pop("estimator")}
    return name | figures | {"tau": found.tau if isfinite(found.tau) else None}


def _print(rankings: Sequence[Ranking], title: str, folder: Path) -> None:
    from nas.report.tables.text import Column, numbers, print_facts, print_line, print_table

    columns = [
        Column("judge"),
        *numbers("Kendall's tau\n[90 % interval]", "seconds per\nnetwork", "networks"),
    ]
    rows = [
        [
            found.estimator,
            f"{found.tau:.2f} [{found.low:.2f}, {found.high:.2f}]",
            f"{found.seconds:.3g}",
            str(found.networks),
        ]
        for found in rankings
    ]
    print_table(columns, rows, title=title)
    print_line()
    print_facts([("written to", str(folder))])
