from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from nas.train.augment import augmented, normalised
from nas.train.data.base import DataSet
from nas.train.recipe import Augment, Recipe, Regularise

IMAGES = torch.arange(64, dtype=torch.uint8).expand(6, 1, 64, 64) * 3
LABELS = torch.arange(6)


def augment(
    data: DataSet, images: torch.Tensor = IMAGES, labels: torch.Tensor = LABELS, **wanted: object
) -> tuple[torch.Tensor, torch.Tensor]:
    recipe = Recipe("r", "s", augment=Augment(**wanted))  # type: ignore[arg-type]
    return augmented(images, labels, recipe, data)


def test_nothing_asked_for_is_only_normalised(few: DataSet) -> None:
    x, targets = augment(few)
    assert x.shape == (6, 3, 64, 64)
    assert torch.equal(x, normalised(IMAGES, few))
    assert torch.equal(x[:, 0], x[:, 2])
    assert torch.equal(targets, torch.eye(10)[:6])
    assert x.is_contiguous(memory_format=torch.channels_last)


def test_images_of_a_whole_set_have_mean_0_and_deviation_1(few: DataSet) -> None:
    x = normalised(few.train.pixels, few)  # type: ignore[attr-defined]
    assert float(x.mean()) == pytest.approx(0, abs=0.1)
    assert float(x.std()) == pytest.approx(1, abs=0.1)


def test_half_are_mirrored_unless_the_data_forbid_it(few: DataSet) -> None:
    torch.manual_seed(0)
    mirrored = replace(few, mirrored=True)
    x, _ = augment(mirrored, IMAGES.repeat(20, 1, 1, 1), LABELS.repeat(20), flip=True)
    falling = (x[:, 0, 0, -1] < x[:, 0, 0, 0]).float().mean()
    assert 0.35 < float(falling) < 0.65  # a false alarm once in a thousand seeds
    kept, _ = augment(few, flip=True)
    assert torch.equal(kept, normalised(IMAGES, few))


def test_smoothing_and_mixup_keep_a_distribution(few: DataSet) -> None:
    torch.manual_seed(0)
    recipe = Recipe("r", "s", regularise=Regularise(label_smoothing=0.1))
    _, targets = augmented(IMAGES, LABELS, recipe, few)
    assert targets[0].tolist() == pytest.approx([0.91, *[0.01] * 9])
    x, targets = augment(few, mixup=0.8)
    assert targets.sum(1).tolist() == pytest.approx([1.0] * 6)
    assert ((targets > 0).sum(1) <= 2).all()
    assert x.shape == (6, 3, 64, 64)


def test_randaugment_changes_images_of_a_group_alike(few: DataSet) -> None:
    torch.manual_seed(3)
    x, _ = augment(few, IMAGES.repeat(8, 1, 1, 1), LABELS.repeat(8), randaugment=10.0)
    assert not torch.equal(x, normalised(IMAGES.repeat(8, 1, 1, 1), few))
    first, second = x[:8], x[8:16]
    assert all(torch.equal(first[0], image) for image in first)
    assert not torch.equal(first[0], second[0])
