from __future__ import annotations

import pytest
from hypothesis import settings

from nas.arch import Arch
from nas.folders import named
from nas.library import load_arch

# the same examples on every machine and in every run
settings.register_profile("fixed", derandomize=True, deadline=None, max_examples=50)
settings.load_profile("fixed")


@pytest.fixture(scope="session", params=named("architecture"))
def seed(request: pytest.FixtureRequest) -> Arch:
    """Every shipped architecture, variants included."""
    return load_arch(request.param)
