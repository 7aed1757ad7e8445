from __future__ import annotations

import csv
import re
from collections.abc import Iterator

import pytest
import torch

from nas.files.resources import named
from nas.library import load_arch
from nas.space.arch import Arch

LARGE = 30_000_000
"""Parameters above which a network is built only in slow runs, and on the meta device in all."""


def _sizes() -> Iterator[tuple[str, int]]:
    """Names and parameters, as stated in the files: to build networks takes too long for this."""
    tables = named("architecture")
    with tables["mobilenetv1-0.25"].open(encoding="utf-8") as file:
        variants = {row["name"]: int(row["params"]) for row in csv.DictReader(file)}
    for name, path in tables.items():
        stated = re.search(r"^expect: {params: (\d+)", path.read_text(encoding="utf-8"), re.M)
        yield name, int(stated[1]) if stated else variants[name]


def _params() -> Iterator[object]:
    for name, params in _sizes():
        yield pytest.param(name, marks=pytest.mark.slow) if params > LARGE else name


@pytest.fixture(scope="session", params=_params())
def seed(request: pytest.FixtureRequest) -> Arch:
    """Every shipped architecture; the large ones in slow runs only."""
    return load_arch(request.param)


@pytest.fixture(params=named("architecture"))
def seed_on_meta(request: pytest.FixtureRequest) -> Iterator[Arch]:
    """Every shipped architecture, while tensors are made without data."""
    with torch.device("meta"):
        yield load_arch(request.param)
