"""What identifies a training: images, keys of the recipe, the teacher's weights, the precision."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from nas.files.resources import content_hash
from nas.files.settings import RunInputs
from nas.train.recipe import Recipe
from nas.train.run import Task

LEFT_OUT = ("name", "source", "notes", "epochs")
"""Keys of a recipe that are no input: words, and a size of the run."""


def inputs(task: Task) -> RunInputs:
    """Inputs of any run that trains on a task."""
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
    return {key: own for key, own in asdict(recipe).items() if key not in LEFT_OUT}
