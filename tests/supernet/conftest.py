from __future__ import annotations

from pathlib import Path

import pytest

from nas.files.resources import named
from nas.library import load_space
from nas.space.retarget import space_for_task
from nas.space.space import Space

#: six block families and three heads at a small size, with depth, width and kernel to choose
MIXED = """
name: mixed
source: "made for tests"
input: [[3, 24, 24], [3, 32, 32]]
columns: [op, k, exp, out, se, act, s, dim, layers, patch, n, repeat]
rows:
  - [conv, 3, ~, [8, 16], ~, [hswish, relu], 2, ~, ~, ~, 1, ~]
  - either:
      - [mv2   , [3, 5], [2x, 3x], [8, 16], ~        , ~, 2, ~, ~, ~, [1, 2, 3], independent]
      - [mbconv, [3, 5], [2x, 3x], [8, 16], [~, 0.25], ~, 2, ~, ~, ~, [1, 2, 3], independent]
      - [repvit, [3, 5], [2x, 3x], ~      , ~        , ~, 1, ~, ~, ~, [1, 2, 3], independent]
  - either:
      - [fused_mbconv, 3, [1x, 2x], [16, 24], ~, ~, 2, ~        , ~     , ~, [1, 2], independent]
      - [mobilevit   , 3, ~       , ~       , ~, ~, 1, [1.5x, 24], [1, 2], 2, [1, 2], independent]
  - any:
      - - [conv,   1, ~, [16, 32], ~, ~, 1, ~, ~, ~, 1, ~]
        - [pool,   ~, ~, ~,        ~, ~, ~, ~, ~, ~, 1, ~]
        - [linear, ~, ~, [16, 24], ~, ~, ~, ~, ~, ~, 1, ~]
        - [linear, ~, ~, 10,       ~, ~, ~, ~, ~, ~, 1, ~]
      - - [pool,        ~, ~, ~,  ~, ~, ~, ~, ~, ~, 1, ~]
        - [norm_linear, ~, ~, 10, ~, ~, ~, ~, ~, ~, 1, ~]
"""

NARROW = """
name: narrow
source: "made for tests"
input: [3, 32, 32]
columns: [op, k, exp, out, s, n, repeat]
rows:
  - [conv, 3, ~, [8, 16], 4, 1, ~]
  - [mv2, [3, 5], [2x, 3x], [16, 24], 2, [1, 2], independent]
  - [pool, ~, ~, ~, ~, 1, ~]
  - [linear, ~, ~, 10, ~, 1, ~]
"""


@pytest.fixture(scope="session")
def narrow() -> Space:
    """A space of one block family, which trains in a moment."""
    return Space.from_yaml(NARROW)


@pytest.fixture
def narrow_file(tmp_path: Path) -> Path:
    """The table of `narrow`."""
    path = tmp_path / "narrow.yaml"
    path.write_text(NARROW, encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def mixed() -> Space:
    """A space of five block families and two heads, in which a step takes a moment."""
    return Space.from_yaml(MIXED)


@pytest.fixture(scope="session", params=named("space"))
def shipped(request: pytest.FixtureRequest) -> Space:
    """Every shipped space with images of 64 pixels at most, and ten classes."""
    return space_for_task(load_space(request.param), classes=10, side=lambda own: min(own, 64))
