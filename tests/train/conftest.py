from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from nas.space.arch import Arch
from nas.train.data import load_data
from nas.train.data.base import DataSet
from nas.train.recipe import Augment, Recipe, Regularise, load_recipe
from nas.train.run import Task

TINY = """
name: tiny
source: "a test"
input: [3, 64, 64]
columns: [op, k, exp, out, se, act, s, dim, layers]
rows:
  - [conv, 3, ~, 8, ~, relu, 2, ~, ~]
  - [bneck, 3, 16, 8, 0.25, relu, 1, ~, ~]
  - [mbconv, 3, 4x, 16, ~, ~, 2, ~, ~]
  - [mobilevit, 3, ~, ~, ~, ~, 1, 16, 1]
  - [repvit, 3, 2x, ~, ~, ~, 1, ~, ~]
  - [pool, ~, ~, ~, ~, ~, ~, ~, ~]
  - [linear, ~, ~, 1000, ~, ~, ~, ~, ~]
"""


@pytest.fixture(scope="session")
def tiny() -> Arch:
    """A network of four families that trains in a second."""
    return Arch.from_yaml(TINY)


@pytest.fixture(scope="session")
def few() -> DataSet:
    """Three hundred digits."""
    data = load_data("digits")
    some = torch.arange(300)
    return replace(data, train=data.train.take(some), test=data.test.take(some[:100]))


@pytest.fixture
def recipe() -> Recipe:
    """The proxy with a small batch."""
    return replace(load_recipe("proxy"), batch=32)


@pytest.fixture
def task(few: DataSet, recipe: Recipe) -> Task:
    return Task(few, recipe)


@pytest.fixture
def quick(few: DataSet, recipe: Recipe) -> Task:
    """The same with more steps an epoch and plain images: learns in a second."""
    plain = replace(recipe, batch=10, augment=Augment(), regularise=Regularise(ema=0.9))
    return Task(few, plain)
