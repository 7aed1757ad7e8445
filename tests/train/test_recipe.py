"""Recipes are read strictly, and say what their papers say."""

from __future__ import annotations

from pathlib import Path

import pytest

from nas.errors import NasError, RecipeError
from nas.train.optimiser import learning_rate
from nas.train.recipe import Recipe, check_fits, load_recipe, note_of_batch, recipes


@pytest.mark.parametrize("name", recipes())
def test_every_shipped_recipe_opens_and_has_a_source(name: str) -> None:
    recipe = load_recipe(name)
    assert recipe.name == name
    assert "arXiv" in recipe.source or name == "proxy"
    rates = [learning_rate(recipe.schedule, e / 10, 100, 1000) for e in range(1000)]
    assert max(rates) == pytest.approx(recipe.schedule.lr, rel=0.02)
    assert min(rates) >= 0


def test_mobilevit_follows_its_paper() -> None:
    """Section 4.1: 0.0002 to 0.002 in 3000 steps, then a cosine to 0.0002; decay 0.01."""
    recipe = load_recipe("mobilevit")
    per_epoch = 1_281_167 // 1024

    def rate(step: int) -> float:
        return learning_rate(recipe.schedule, step / per_epoch, 300, per_epoch)

    assert rate(0) == pytest.approx(0.0002)
    assert rate(1500) == pytest.approx(0.0011)
    assert rate(3000) == pytest.approx(0.002)
    assert rate(300 * per_epoch) == pytest.approx(0.0002)
    assert (recipe.optimiser.name, recipe.optimiser.weight_decay) == ("adamw", 0.01)
    assert recipe.sides == (160, 192, 224, 256, 288, 320)


@pytest.mark.parametrize(
    ("name", "side", "magnitude", "mixup", "dropout"),
    [
        ("efficientnetv2-s", 300, 15, 0.0, 0.3),
        ("efficientnetv2-m", 380, 20, 0.2, 0.4),
        ("efficientnetv2-l", 380, 25, 0.5, 0.5),
    ],
)
def test_progressive_learning_follows_table_6(
    name: str, side: int, magnitude: float, mixup: float, dropout: float
) -> None:
    recipe = load_recipe(name)
    first, last = recipe.stage(0, 350), recipe.stage(349, 350)
    assert (first.sides, first.augment.randaugment, first.augment.mixup) == ((128,), 5, 0)
    assert first.regularise.dropout == 0.1
    assert (last.sides, last.augment.randaugment) == ((side,), magnitude)
    assert (last.augment.mixup, last.regularise.dropout) == (mixup, dropout)
    sides = [recipe.stage(epoch, 350).sides[0] for epoch in range(350)]
    assert sides == sorted(sides)
    assert len(set(sides)) == 4
    assert len({recipe.stage(epoch, 4).sides for epoch in range(4)}) == 4


def test_a_step_schedule_falls_by_steps() -> None:
    schedule = load_recipe("mobilenetv3").schedule
    assert learning_rate(schedule, 8.9, 600, 300) == pytest.approx(0.1 * 0.99**2)
    assert learning_rate(schedule, 9.0, 600, 300) == pytest.approx(0.1 * 0.99**3)


def test_a_warm_up_is_never_most_of_a_short_training() -> None:
    schedule = load_recipe("mobilevit").schedule
    assert learning_rate(schedule, 0.4, 2, 10) == pytest.approx(0.002)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "key 'name' is missing"),
        ("name: a\nsource: b\nepoch: 3", "unknown key 'epoch'; nearest: epochs"),
        (
            "name: a\nsource: b\nepochs: 2.5",
            r"\(epochs\): expected a whole number from 1 to 10000, found 2.5",
        ),
        (
            "name: a\nsource: b\nepochs: 0",
            r"\(epochs\): expected a whole number from 1 to 10000, found 0",
        ),
        ("name: a\nsource: b\noptimiser: {name: adam}", "unknown value 'adam'; nearest: adamw"),
        ("name: a\nsource: b\noptimiser: [adam]", "expected keys and values, found"),
        ("name: a\nsource: b\nschedule: {rate: 1}", "unknown key 'rate'"),
        ("name: a\nsource: b\naugment: {flip: 1}", "expected true or false, found 1"),
        ("name: a\nsource: b\nsides: []", "expected a list"),
        ("name: a\nsource: b\nsides: [4]", "expected a whole number from 8 to 2048, found 4"),
        ("name: a\nsource: b\nsides: [32]\nstages: [{side: 32}]", "found both"),
        ("name: a\nsource: b\nteacher: {name: resnet50}", "expected timm:NAME"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text + "\n")
    if not text:
        path.write_text("source: b\n")
    with pytest.raises(NasError, match=message):
        load_recipe(path)


def test_unknown_names_and_too_few_images() -> None:
    with pytest.raises(NasError, match="unknown recipe 'prox'; nearest: proxy"):
        load_recipe("prox")
    with pytest.raises(RecipeError, match="a batch is 128 images, there are 100"):
        check_fits(Recipe("r", "s"), 100)


@pytest.mark.parametrize(
    ("images", "batch"), [(1295, 128), (1024, 128), (1000, 64), (102, 8), (20, 8), (6, 4), (3, 2)]
)
def test_the_batch_follows_few_images(images: int, batch: int) -> None:
    """Halved until an epoch has eight steps, below 8 only for fewer than 16 images."""
    recipe = load_recipe("proxy").for_few(images)
    assert recipe.batch == batch
    assert recipe.schedule.lr == pytest.approx(0.003 * batch / 128)
    check_fits(recipe, images)


def test_a_batch_that_follows_is_explained() -> None:
    recipe = load_recipe("proxy")
    assert note_of_batch(132, recipe, recipe.for_few(132)) == (
        "132 training images are 1 step of batch 128, so the batch is 16 (8 steps an epoch) and"
        " the learning rate 0.00038"
    )
    assert "102 training images are less than one step" in note_of_batch(102, recipe, recipe)
