from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

from nas.arch import Arch, read_arch

# the same examples on every machine and in every run
settings.register_profile("fixed", derandomize=True, deadline=None, max_examples=50)
settings.load_profile("fixed")

ARCHS = sorted((Path(__file__).parents[1] / "search_spaces" / "archs").glob("*.yaml"))


@pytest.fixture(scope="session", params=ARCHS, ids=lambda path: path.stem)
def seed(request: pytest.FixtureRequest) -> Arch:
    """Every shipped architecture."""
    return read_arch(request.param)
