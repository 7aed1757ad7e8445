"""What identifies a training: images, keys of the recipe, the teacher's weights, the precision."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas.files.output import name_parts
from nas.files.resources import RECIPE, content_hash
from nas.files.settings import RunInputs
from nas.train.device import precision_of
from nas.train.recipe import Recipe, load_recipe, recipes

if TYPE_CHECKING:
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


def task_parts(task: Task, seed: int = 0, *, recipe: str = RECIPE) -> list[str]:
    """`training_parts` of a task."""
    precision = task.setting.precision
    usual = precision == precision_of("auto", task.setting.device)
    images = len(task.splits[0].labels)
    precision = "" if usual else precision
    return training_parts(task.data.name, task.recipe, precision, seed, images, recipe=recipe)


def training_parts(
    data: str,
    own: Recipe,
    precision: str = "",
    seed: int = 0,
    images: int | None = None,
    *,
    recipe: str = RECIPE,
) -> list[str]:
    """Parts of a result's name: the data, and settings that are not the default.

    `precision` is empty if it is the device's own, `recipe` the one that goes without saying. So
    does a batch that follows the number of training `images`.
    """
    usual = load_recipe(own.name) if own.name in recipes() else own
    if images is not None and own.batch != usual.batch:
        usual = usual.for_few(images)
    found = {"recipe": own.name, "batch": own.batch, "precision": precision, "seed": seed}
    defaults = {"recipe": recipe, "batch": usual.batch, "precision": "", "seed": 0}
    return [data, *name_parts(found, defaults)]


def _keys(recipe: Recipe) -> dict[str, Any]:
    return {key: own for key, own in asdict(recipe).items() if key not in LEFT_OUT}
