"""`nas fidelity`: which cheap judge ranks networks as long training does."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nas.cli.options import Json
from nas.cli.progress import show_progress
from nas.cli.training import (
    Batch,
    Data,
    DataRoot,
    Download,
    Force,
    On,
    Precision,
    Recipe,
    Resume,
    listed,
    task_of,
)

if TYPE_CHECKING:
    from nas.fidelity.ranking import Ranking


def fidelity(
    space: Annotated[str, typer.Option("--space", help="See: nas list spaces.")] = "mobile",
    data: Data = "digits",
    recipe: Recipe = "proxy",
    networks: Annotated[int, typer.Option("--networks", min=3, help="Of the sample.")] = 30,
    long: Annotated[int, typer.Option("--long", min=1, help="Epochs of the long training.")] = 20,
    epochs: Annotated[
        str, typer.Option("--epochs", help="Of the short trainings: a list as 1,2,5,10.")
    ] = "1,2,5,10",
    zero_cost: Annotated[
        str, typer.Option("--zero-cost", help="Proxies that are compared.")
    ] = "naswot,synflow,zico,zen",
    surrogate: Annotated[str, typer.Option("--surrogate")] = "imagenet",
    most_mmacs: Annotated[
        float, typer.Option("--most-mmacs", min=1, help="Largest network, as in the space.")
    ] = 1000,
    images: Annotated[
        int | None, typer.Option("--images", min=10, help="Of the training split [default: all].")
    ] = None,
    workers: Annotated[
        int, typer.Option("--workers", min=1, help="Processes, with a core each.")
    ] = 1,
    seed: Annotated[int, typer.Option("--seed", min=0)] = 0,
    data_root: DataRoot = None,
    download: Download = False,
    batch: Batch = None,
    on: On = "auto",
    precision: Precision = "auto",
    out: Annotated[Path, typer.Option("--out", help="Folder of results.")] = Path(
        "results/fidelity"
    ),
    name: Annotated[str | None, typer.Option("--name", help="[default: space-data-recipe]")] = None,
    resume: Resume = False,
    force: Force = False,
    json: Json = False,
) -> None:
    """Train networks of a space long, and say how well every cheaper judge ranks them."""
    from nas import library
    from nas.draft import Work
    from nas.errors import RecipeError
    from nas.fidelity.judges import judges, sample
    from nas.fidelity.ranking import facts_of, write_fidelity
    from nas.fidelity.run import Fidelity
    from nas.folders import named
    from nas.proxies import check
    from nas.report.table import print_json

    proxies = listed(zero_cost)
    check(proxies)
    try:
        short = sorted({int(part) for part in listed(epochs)})
    except ValueError:
        raise RecipeError(f"--epochs: expected a list as 1,2,5, found {epochs!r}") from None
    task = task_of(
        data, recipe, root=data_root, download=download, batch=batch, on=on, precision=precision
    )
    task = replace(task, images=images)
    where = library.load_space(space)
    asked: dict[str, object] = {
        "space": where.space_hash,
        "data": task.data.source,
        "recipe": repr(task.recipe),
    }
    asked |= {
        "long": long,
        "most_mmacs": most_mmacs,
        "seed": seed,
        "networks": networks,
        "images": images,
    }
    name = name or f"{where.name}-{task.data.name}-{task.recipe.name}"
    work = Work(out, name, asked, resume=resume, force=force)
    known = [library.load_arch(arch) for arch in named("architecture")]
    archs = sample(where, known, networks, seed, most_mmacs)
    with show_progress() as progress:
        study = Fidelity(
            task, archs, work.folder, library.load_surrogate(surrogate), seed, workers, progress
        )
        rankings = study.run(judges(short, long, proxies))
    facts = facts_of(task, ["nas", *sys.argv[1:]], long=long, seed=seed)
    write_fidelity(work.folder, rankings, archs, facts)
    work.keep()
    if json:
        print_json(facts | {"path": str(work.path), "judges": [_as_json(r) for r in rankings]})
    else:
        _print(rankings, f"{networks} networks of {where.name} on {task.data.name}", work.path)


def _as_json(found: Ranking) -> dict[str, object]:
    from dataclasses import asdict
    from math import isfinite

    return asdict(found) | {"tau": found.tau if isfinite(found.tau) else None}


def _print(rankings: list[Ranking], title: str, folder: Path) -> None:
    from nas.report.table import Column, numbers, print_facts, print_line, print_table

    columns = [
        Column("judge"),
        *numbers("Kendall's tau\n[90 % interval]", "seconds per\nnetwork", "networks"),
    ]
    rows = [
        [
            found.judge,
            f"{found.tau:.2f} [{found.low:.2f}, {found.high:.2f}]",
            f"{found.seconds:.3g}",
            str(found.networks),
        ]
        for found in rankings
    ]
    print_table(columns, rows, title=title)
    print_line()
    print_facts([("written to", str(folder))])
