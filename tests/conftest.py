from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

# before torch is imported: several test processes share the cores
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
from hypothesis import settings

from nas.files.resources import VARIANTS, named
from nas.library import load_arch
from nas.space.arch import Arch
from nas.system.extras import EXTRAS

# the same examples on every machine and in every run
settings.register_profile("fixed", derandomize=True, deadline=None, max_examples=50)
settings.load_profile("fixed")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test whose packages are not installed, and say how they are."""
    for mark in item.iter_markers("needs"):
        for module in (module for name in mark.args for module in EXTRAS.get(name, (name,))):
            if find_spec(module) is None:
                pytest.skip(f"{module} is not installed; pip install '.[test-all]'")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The cluster's tests first: they take longest, and those of one process share the cluster."""
    items.sort(key=lambda item: "tests/study/ray/" not in item.nodeid)


def needing(value: object, *names: str) -> Any:
    """A test's parameter that needs these modules or extras; by default the extra of its name."""
    return pytest.param(value, marks=pytest.mark.needs(*(names or [value])))


#: one member of each family: the others have the same rows, wider or more of them
FAMILIES = [
    *("convnext-t", "efficientnet-b0", "efficientnet-lite0", "efficientnetv2-s"),
    *("edgenext-xxs", "efficientformerv2-s0", "efficientvit-b0"),
    *("exmobilevit-576", "fastvit-sa12", "mnasnet", "mnasnet-a1", "mobilenetv1", "mobilenetv2"),
    *("mobilenetv3-large", "mobilenetv3-small", "mobileone-s1", "mobileone-s4", "mobilevit-xxs"),
    *("mobilevitv2-0.5", "shvit-s1", "starnet-s050", "fasternet-t0", "swiftformer-xs"),
    *("alphanet-a0", "fbnetv3-b", "ghostnet-0.5", "lcnet-1.0", "repghost-0.5"),
    *("ghostnetv2-1.0", "ghostnetv3-0.5", "mixnet-s", "rexnet-1.0"),
    *("mobilenetv4-conv-s", "mobilenetv4-hybrid-m", "iformer-t"),
    *("repvit-m0.9", "resnet50", "swin-t", "transnext-micro", "vit-b32", "vit-r50-b16"),
]
TABLES = [name for name, path in named("architecture").items() if path.name != VARIANTS]

#: a small space with branches, alternatives, and rows repeated independently or alike
BRANCHES = """
name: small
source: "made for tests"
input: [[3, 16, 16], [3, 32, 32]]
columns: [op, k, exp, out, se, s, n, repeat]
rows:
  - any:
      - - [conv, 3, ~, [8, 16], ~, 2, 1, ~]
      - - [repvit_stem, ~, ~, 16, ~, 4, 1, ~]
  - either:
      - [bneck, [3, 5], [2x, 4x], 16, [~, 0.25], 2, [1, 2, 3], independent]
      - [mv2, 3, [2x, 6x], 16, ~, 2, [1, 2, 3], independent]
  - [mv2, [3, 5], 2x, 24, ~, 1, [1, 2], shared]
  - [pool, ~, ~, ~, ~, ~, 1, ~]
  - [linear, ~, ~, 10, ~, ~, 1, ~]
"""


@pytest.fixture(scope="session", params=TABLES)
def seed(request: pytest.FixtureRequest) -> Arch:
    """Every shipped architecture with a table of its own."""
    return load_arch(request.param)


@pytest.fixture(scope="session", params=FAMILIES)
def representative(request: pytest.FixtureRequest) -> Arch:
    """One shipped architecture of every family."""
    return load_arch(request.param)


@pytest.fixture(scope="session", params=named("architecture"))
def network(request: pytest.FixtureRequest) -> Arch:
    """Every shipped architecture, variants included."""
    return load_arch(request.param)


@pytest.fixture
def hears_ctrl_c() -> Iterator[None]:
    """Programs that a test begins hear Ctrl-C, also where pytest is a script's job behind `&`.

    A shell lets such jobs ignore it, which programs inherit; of a handler they inherit nothing.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
