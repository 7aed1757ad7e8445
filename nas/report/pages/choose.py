"""Choose the report page for a results folder: search, sweep or adapted network."""

from __future__ import annotations

from pathlib import Path

from nas.adapt.result import FACTS as ADAPTED
from nas.errors import DocumentError
from nas.report.folders.search import STUDY, read_search
from nas.report.folders.sweep import read_sweep
from nas.report.pages.adapted import adapted_page, read_adapted
from nas.report.pages.page import Page
from nas.report.pages.search import search_page
from nas.report.pages.sweep import sweep_page
from nas.study.sweep.files import SWEEP_FILE


def page_of(folder: Path) -> Page:
    """Make the page of a results folder.

    Raises:
        DocumentError: the folder holds no results, or one of its files is damaged.
        MissingExtraError: the `report` extra is not installed.
    """
    if not folder.is_dir():
        raise DocumentError(f"{folder}: no such folder")
    if (folder / SWEEP_FILE).exists():
        return sweep_page(read_sweep(folder))
    if (folder / STUDY).exists():
        return search_page(read_search(folder))
    if (folder / ADAPTED).exists():
        return adapted_page(read_adapted(folder))
    raise DocumentError(
        f"{folder}: not a results folder: expected {STUDY} (nas search), {SWEEP_FILE} (nas sweep)"
        f" or {ADAPTED} (nas adapt)"
    )
