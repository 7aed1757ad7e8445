"""What a search with training depends on, and which numbers of it may grow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nas.files.settings import RunInputs
from nas.optimize import settings as search_settings
from nas.train import settings as train_settings
from nas.train.run import Task

SIZES = ("trials", "epochs", "finalists", "seeds")


def inputs(task: Task, asked: Mapping[str, Any], training: Mapping[str, Any]) -> RunInputs:
    """Of the arguments of `nas.optimize`, and of those that say how candidates are chosen."""
    values = {key: own for key, own in training.items() if key not in SIZES}
    return search_settings.inputs(asked) | RunInputs(values=values) | train_settings.inputs(task)
