"""`nas fidelity`: which cheap estimator ranks networks as long training does."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nas.cli.options import (
    Address,
    Json,
    Kept,
    Seed,
    Space,
    Surrogate,
    Workers,
    ZeroCost,
    gathered,
)
from nas.cli.progress import RESUME, say_complete, show_progress
from nas.cli.training import Data, TrainingOptions, listed, training_option

if TYPE_CHECKING:
    from nas.evaluate.fidelity.ranking import Ranking
    from nas.evaluate.fidelity.run import Elsewhere


@gathered
def fidelity(
    *,
    space: Space = "mobile",
    networks: Annotated[
        int, typer.Option("--networks", min=3, help="Of the sample.", metavar="N")
    ] = 30,
    most_mmacs: Annotated[
        float,
        typer.Option("--most-mmacs", min=1, help="Largest network, as in the space.", metavar="X"),
    ] = 1000,
    zero_cost: ZeroCost = "naswot,synflow,zico,zen",
    surrogate: Surrogate = "imagenet",
    seed: Seed = 0,
    workers: Workers = 1,
    address: Address = None,
    data: Data = "digits",
    long: Annotated[
        int, training_option("--long", "Epochs of the long training.", "N", min=1)
    ] = 20,
    epochs: Annotated[
        str, training_option("--epochs", "Of the short trainings: a list as 1,2,5,10.", "LIST")
    ] = "1,2,5,10",
    images: Annotated[
        int | None,
        training_option("--images", "Of the training split.", "N", min=10, show_default="all"),
    ] = None,
    training: TrainingOptions,
    kept: Kept,
    json: Json = False,
) -> None:
    """Train networks long, and say how well cheaper estimators rank them.

    Examples:
        nas fidelity --space mobile --data fashion-mnist --download
        nas fidelity --data digits --networks 10 --long 5 --epochs 1,2 --resume
    """
    from nas import library
    from nas.errors import RecipeError
    from nas.evaluate.fidelity.estimators import estimators, sample
    from nas.evaluate.fidelity.ranking import facts_of, write_fidelity
    from nas.evaluate.fidelity.run import Fidelity
    from nas.evaluate.proxies import check
    from nas.files.resources import named
    from nas.files.settings import RunInputs, RunSettings
    from nas.files.staging import ResumableDir
    from nas.report.tables.text import print_json
    from nas.train.settings import inputs
    from nas.train.threads import with_threads

    proxies = listed(zero_cost)
    check(proxies)
    try:
        short = sorted({int(part) for part in listed(epochs)})
    except ValueError:
        raise RecipeError(f"--epochs: expected a list as 1,2,5, found {epochs!r}") from None
    compared = estimators(short, long, proxies)
    task = replace(training.task(data), images=images)
    where = library.load_space(space)
    by = library.load_surrogate(surrogate)
    contents = {"space": where.space_hash, "surrogate": by.content_hash}
    asked: dict[str, object] = {"judges": [estimator.name for estimator in compared], "long": long}
    asked |= {"most_mmacs": most_mmacs, "seed": seed, "networks": networks}
    name = kept.name or f"fidelity-{where.name}-{task.data.name}-{task.recipe.name}"
    settings = RunSettings.of("fidelity", name, {}, RunInputs(contents, asked), inputs(task))
    with ResumableDir(kept.out, name, settings, resume=kept.resume, force=kept.force) as work:
        if work.complete:
            say_complete(work.path, {})
        known = [library.load_arch(arch) for arch in named("architecture")]
        archs = sample(where, known, networks, seed, most_mmacs)
        with (
            _scores(address, workers) as scores,
            work.open_folder() as opened,
            show_progress(on_interrupt=RESUME) as progress,
        ):
            folder = opened.absolute()  # as other processes find it
            if not work.complete:
                task = with_threads(task, archs[0], folder, workers)
            study = Fidelity(task, archs, folder, by, seed, workers, progress, elsewhere=scores)
            rankings = study.run(compared)
        facts = facts_of(task, ["nas", *sys.argv[1:]], long=long, seed=seed)
        if not work.complete:
            write_fidelity(work.folder, rankings, archs, facts)
            work.commit()
    if json:
        print_json(facts | {"path": str(work.path), "judges": [_as_json(r) for r in rankings]})
    else:
        _print(rankings, f"{networks} networks of {where.name} on {task.data.name}", work.path)


@contextmanager
def _scores(address: str | None, workers: int) -> Iterator[Elsewhere | None]:
    """Whoever scores on a cluster, if there is an address."""
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


def _print(rankings: list[Ranking], title: str, folder: Path) -> None:
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
