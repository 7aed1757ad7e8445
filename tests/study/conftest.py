"""A space of a few small networks, and a study specification."""

from __future__ import annotations

from dataclasses import replace
from math import inf
from pathlib import Path

import pytest
import torch

from nas.optimize.limits import Limits
from nas.study.spec import StudySpec
from nas.train.data import load_data
from nas.train.recipe import Augment, Regularise, load_recipe
from nas.train.run import Task

TEXT = """
name: four
source: "made for tests"
input: [3, 32, 32]
columns: [op, k, out, act, s]
rows:
  - [conv, 3, [1, 2, 32, 48], relu, 4]
  - [conv, 3, 32, relu, 2]
  - [pool, ~, ~, ~, ~]
  - [linear, ~, 10, ~, ~]
"""
QUEUE = tuple((0, gene, 0, 0, 0) for gene in range(4))


@pytest.fixture
def spec(tmp_path: Path) -> StudySpec:
    """All four networks, in the order of their width."""
    path = tmp_path / "four.yaml"
    path.write_text(TEXT)
    limits = Limits((inf,), (1.0,))
    return StudySpec(str(path), ("pixel1-cpu",), "imagenet", limits, QUEUE, "random")


@pytest.fixture
def task() -> Task:
    """500 images of digits, without augmentation."""
    plain = replace(load_recipe("proxy"), batch=8, augment=Augment(), regularise=Regularise())
    few = load_data("digits")
    few = replace(few, train=few.train.take(torch.arange(500)))
    return Task(few, replace(plain, schedule=replace(plain.schedule, lr=0.02)))
