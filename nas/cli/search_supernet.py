"""`nas search --supernet`: candidates are judged with the weights of a trained supernet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from nas.cli.progress import RESUME, show_progress
from nas.cli.streams import say
from nas.cli.training import TrainingOptions
from nas.files.output import Output
from nas.report.tables.text import print_json
from nas.system.extras import require_extras
from nas.train.sources import NAMES

if TYPE_CHECKING:
    from nas.cli.search import StudyOptions


def search_supernet(
    asked: dict[str, Any],
    supernet: str,
    study: StudyOptions,
    training: TrainingOptions,
    output: Output,
    *,
    json: bool,
) -> None:
    """Search with the weights of a supernet; a space of None is its own."""
    from nas import library
    from nas.api import supernet as api
    from nas.cli.study_output import as_json, print_study
    from nas.optimize.settings import check_found
    from nas.supernet.facts import check_space, read_facts, supernet_folder

    require_extras("train", *study.extras)
    if study.inherit:
        raise typer.BadParameter("--inherit has no effect with --supernet: all inherit its weights")
    settings = study.settings()
    settings.check()
    folder = supernet_folder(supernet)
    facts = read_facts(folder)
    given = asked.pop("space")
    space = None if given is None else library.load_space(given)
    if space is not None:
        check_space(folder, facts, space)
    check_found(asked)
    if study.data is None and facts.data not in NAMES:
        raise typer.BadParameter(f"{folder} was trained on {facts.data}: give it as --data PATH")
    data = study.data or facts.data
    training.check(data)
    if output.name is not None:
        training.check_output(output)
    task = training.task(data)
    with show_progress(on_interrupt=RESUME) as progress:
        result, found = api.search_supernet(
            folder,
            output,
            task=task,
            space=space,
            study=settings,
            workers=study.workers,
            storage=study.storage,
            on_progress=progress,
            on_message=say,
            **asked,
        )
    assert result.path is not None
    if json:
        print_json(as_json(result, found, result.path))
    else:
        print_study(result, found, result.path, test=[])
