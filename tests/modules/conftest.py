from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from nas.files.resources import named
from nas.library import load_arch
from nas.space.arch import Arch

LARGE = 30_000_000
"""Parameters above which a network is built only in slow runs, and on the meta device in all."""


def _params() -> Iterator[object]:
    for name in named("architecture"):
        large = load_arch(name).expect["params"] > LARGE
        yield pytest.param(name, marks=pytest.mark.slow) if large else name


@pytest.fixture(scope="session", params=_params())
def seed(request: pytest.FixtureRequest) -> Arch:
    """Every shipped architecture; the large ones in slow runs only."""
    return load_arch(request.param)


@pytest.fixture(params=named("architecture"))
def seed_on_meta(request: pytest.FixtureRequest) -> Iterator[Arch]:
    """Every shipped architecture, while tensors are made without data."""
    with torch.device("meta"):
        yield load_arch(request.param)
