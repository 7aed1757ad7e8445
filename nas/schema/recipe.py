"""Training recipes."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from nas.fields import required
from nas.schema.fields import properties_of
from nas.schema.kind import Found, Kind, Schema
from nas.train.recipe import Recipe, load_recipe


def _content() -> Schema:
    return properties_of(Recipe)


def _load(path: Path) -> Found:
    recipe = load_recipe(path)
    holds = f"{recipe.epochs} epochs of {recipe.optimiser.name}, {recipe.batch} images a step"
    return Found("recipe", recipe.name, holds)


RECIPE = Kind(
    "recipe",
    "Training recipe",
    "nas/train/recipes/*.yaml",
    required(Recipe),
    {field.name for field in fields(Recipe)} - required(Recipe),
    _content,
    _load,
)
