"""The training task of a sweep's candidates."""

from __future__ import annotations

from pathlib import Path

from nas.study.sweep.plan import Sweep
from nas.system.progress import OnMessage, ignore
from nas.train.data import load_data
from nas.train.loop import Setting
from nas.train.recipe import load_recipe
from nas.train.run import Task


def load_task(sweep: Sweep, on_message: OnMessage = ignore) -> Task:
    """The training task of the candidates; each worker chooses its own device.

    Raises:
        DataError, RecipeError: nothing can be trained.
    """
    data = sweep.data
    images = load_data(
        data.name,
        root=Path(data.root).absolute() if data.root else None,
        download=data.download,
        split=data.split or None,
        skip_damaged=data.skip_damaged,
        on_message=on_message,
    )
    task = Task(images, load_recipe(sweep.recipe), Setting(), data.images or None)
    return task.with_enough_steps(on_message)
