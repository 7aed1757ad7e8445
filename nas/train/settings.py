"""What identifies a training: images, keys of the recipe, the teacher's weights, the precision."""

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
"""Keys of a recipe that do not affect the training."""


def inputs(task: Task) -> RunInputs:
    """Inputs of any run that trains on a task. Epochs are no input but a size of the run."""
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
    """Keys of a recipe that affect the training."""
    left_out = (*WORDS, "epochs")
    found: Mapping[str, Any] = asdict(recipe)
    return {key: own for key, own in found.items() if key not in left_out}
