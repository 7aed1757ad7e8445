"""The training task of a sweep's candidates."""

from __future__ import annotations

from pathlib import Path

from nas.study.sweep.plan import Sweep
from nas.train.data import load_data
from nas.train.loop import Setting
from nas.train.recipe import check_fits, load_recipe
from nas.train.run import Task


def load_task(sweep: Sweep) -> Task:
    """The training task of the candidates; each worker chooses its own device."""
    data, recipe = sweep.data, load_recipe(sweep.recipe)
    root = Path(data.root).absolute() if data.root else None
    loaded = load_data(
        data.name,
        root=root,
        download=data.download,
        split=data.split or None,
        skip_damaged=data.skip_damaged,
    )
    task = Task(loaded, recipe, Setting(), data.images or None)
    check_fits(recipe, len(task.splits[0].labels))
    return task
