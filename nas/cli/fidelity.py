"""`nas fidelity`: cheap estimates of accuracy, compared with long training."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import asdict
from functools import partial
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
    option,
)
from nas.cli.progress import RESUME, show_progress
from nas.cli.streams import say
from nas.cli.training import Data, TrainingOptions, listed, training_option
from nas.errors import RecipeError
from nas.evaluate.proxy_names import check_proxies
from nas.files.resources import SPACE, SURROGATE
from nas.report.tables.text import numbers, print_facts_below, print_json, print_table
from nas.system.extras import require_extras

if TYPE_CHECKING:
    from nas.evaluate.fidelity.ranking import Ranking
    from nas.evaluate.fidelity.resumable import Connect


@gathered
def fidelity(
    *,
    space: Space = SPACE,
    networks: Annotated[int, option("--networks", "Networks of the sample.", "N", min=3)] = 30,
    most_mmacs: Annotated[
        float, option("--most-mmacs", "Largest network, in million MACs.", "X", min=1)
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
    from nas import library
    from nas.evaluate.fidelity.resumable import FidelitySettings, compare_estimators, result_name
    from nas.train.settings import training_parts
    from nas.train.sources import name_of

    require_extras("train", *(["ray"] if address else []))
    proxies = listed(zero_cost)
    check_proxies(proxies, "--zero-cost")
    try:
        short = sorted({int(part) for part in listed(epochs)})
    except ValueError:
        raise RecipeError(f"--epochs: expected a list as 1,2,5, found {epochs!r}") from None
    where, by = library.load_space(space), library.load_surrogate(surrogate)
    settings = FidelitySettings(where, by, networks, most_mmacs, proxies, long, short, seed)
    parts = training_parts(name_of(data), training.check(data), recipe="")
    training.check_output(output, result_name(settings, *parts, images=images))
    task = training.task(data, images)
    connect: Connect = nullcontext
    if address is not None:
        from nas.study.ray.pool import scores_at

        connect = partial(scores_at, address, workers)
    with show_progress(on_interrupt=RESUME) as progress:
        found = compare_estimators(
            settings,
            task,
            output,
            workers=workers,
            connect=connect,
            on_progress=progress,
            on_message=say,
        )
    if json:
        rankings = [_as_json(ranking) for ranking in found.rankings]
        print_json({**found.facts, "path": str(found.path), "judges": rankings})
    else:
        title = f"{networks} networks of {where.name} on {task.data.name}"
        _print(found.rankings, title, found.path)


def _as_json(found: Ranking) -> dict[str, object]:
    figures = asdict(found)
    name = {"judge": figures.pop("estimator")}
    return name | figures | {"tau": found.tau if isfinite(found.tau) else None}


def _print(rankings: Sequence[Ranking], title: str, folder: Path) -> None:
    columns = [
        "judge",
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
    print_facts_below([("written to", str(folder))])
