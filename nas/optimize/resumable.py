"""A search without training as a result folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from nas.files.output import Output
from nas.files.settings import RunSettings
from nas.files.staging import StagedDir, check_not_shipped, is_result_of
from nas.optimize.result import SearchResult
from nas.optimize.run import search
from nas.optimize.settings import inputs, result_name
from nas.system.progress import OnMessage, OnProgress, ignore

Write = Callable[[Path, SearchResult, Sequence[str]], None]
"""Writes a result folder, as `nas.report.folders.write_search.write_result` does."""


def search_into(
    output: Output,
    *,
    write: Write,
    on_progress: OnProgress = ignore,
    on_message: OnMessage = ignore,
    **arguments: Any,
) -> tuple[SearchResult, Path]:
    """Search and write a result folder; `arguments` are those of `nas.optimize.search`.

    With `output.resume`, the folder of a finished search of the same settings is kept. The search
    is repeated, which takes seconds.

        result, path = search_into(Output(), write=write_result, budget_ms=1.0)

    Raises:
        BudgetError, InfeasibleError: see `nas.optimize.search`.
        ResultError: the result exists already, or is of other settings.
    """
    name = output.name or result_name(arguments)
    path = output.out / name
    check_not_shipped("architecture", path)
    settings = RunSettings.of("search", name, {}, inputs(arguments))
    if output.resume and not output.force and is_result_of(path, settings):
        on_message(f"{path} is complete already")
        return search(**arguments, on_progress=on_progress), path
    with StagedDir(output.out, name, force=output.force) as draft:
        result = search(**arguments, on_progress=on_progress)
        on_progress("writing the result", 1.0)
        write(draft.folder, result, output.command)
        settings.write(draft.folder)
        draft.commit()
    return result, path
