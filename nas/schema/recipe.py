"""Training recipes."""

from __future__ import annotations

from pathlib import Path

from nas.schema.kind import Found, kind_of_record
from nas.train.recipe import Recipe, load_recipe


def _load(path: Path) -> Found:
    recipe = load_recipe(path)
    holds = f"{recipe.epochs} epochs of {recipe.optimiser.name}, {recipe.batch} images a step"
    return Found("recipe", recipe.name, holds)


RECIPE = kind_of_record("recipe", "Training recipe", "nas/train/recipes/*.yaml", Recipe, _load)
