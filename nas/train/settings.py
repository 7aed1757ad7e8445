"""What a training depends on: images, the keys of a recipe, a teacher's weights, the precision."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from nas.files.resources import content_hash
from nas.files.settings import RunInputs
from nas.train.recipe import Recipe
from nas.train.run import Task

WORDS = ("name", "source", "notes")
"""Keys of a recipe that say nothing about the training."""


def inputs(task: Task) -> RunInputs:
    """Of everything that is trained for a task; the epochs are a size of the run."""
    data, teacher = task.data, task.recipe.teacher
    contents = {"data set": data.fingerprint}
    keys = _keys(task.recipe)
    if teacher.weights and Path(teacher.weights).is_file():
        contents["teacher"] = content_hash(Path(teacher.weights))
        keys["teacher"]["weights"] = "a file"
    values = {
        "training images": len(data.train.labels),
        "test images": len(data.test.labels),
        "images to train on": task.images,
        "precision": task.setting.precision,
        "recipe": keys,
    }
    return RunInputs(contents, values, {"recipe": _keys(Recipe("", ""))})


def _keys(recipe: Recipe) -> dict[str, Any]:
    """What a recipe says of the training, by key."""
    left_out = (*WORDS, "epochs")
    found: Mapping[str, Any] = asdict(recipe)
    return {key: own for key, own in found.items() if key not in left_out}
