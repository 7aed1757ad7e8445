"""`nas supernet`: the facts, the JSON, the folder, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from nas.cli.supernet import DIVERGENCES
from nas.supernet import distillation

from .conftest import Nas

TABLE = """
name: narrow
source: "made for tests"
input: [3, 32, 32]
columns: [op, k, exp, out, s, n, repeat]
rows:
  - [conv, 3, ~, [8, 16], 4, 1, ~]
  - [mv2, [3, 5], [2x, 3x], 16, 2, [1, 2], independent]
  - [pool, ~, ~, ~, ~, 1, ~]
  - [linear, ~, ~, 10, ~, 1, ~]
"""
TRAIN = ("supernet", "narrow.yaml", "--batch", "256", "--on", "cpu", "--epochs", "1")


@pytest.fixture
def there(here: Path) -> Path:
    """A folder with a small space."""
    (here / "narrow.yaml").write_text(TABLE)
    return here


def test_writes_a_folder_and_facts_that_fit(nas: Nas, there: Path) -> None:
    done = nas(*TRAIN, "--device", "iphone12-lut", "--budget-ms", "5")
    assert (done.code, done.err) == (0, "")
    assert "top-1 %, smallest" in done.out
    (folder,) = (there / "results").iterdir()
    assert folder.name == "supernet-narrow-digits-proxy-batch256-iphone12-lut-budget-ms5"
    facts = yaml.safe_load((folder / "supernet.yaml").read_text())
    assert (facts["space"], facts["budget_ms"], facts["epochs"]) == ("narrow", 5.0, 1)
    assert (folder / "space.yaml").read_text() == TABLE
    assert (folder / "weights.safetensors").exists()
    assert (folder / "log.csv").exists()
    listed = nas("list", "results", "--json").out  # a table wraps the command
    assert '"nas supernet"' in listed
    assert "iphone12-lut" in listed
    again = nas(*TRAIN, "--device", "iphone12-lut", "--budget-ms", "5", "--resume", "--json")
    assert again.code == 0
    content = json.loads(again.out)
    assert content["largest_top1"] == facts["largest_top1"]
    assert content["path"] == str(folder.relative_to(there))


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ("--budget-ms 1", 2, "needs --device"),
        ("--device iphone12-lut --budget-ms 0.0001", 3, "the smallest takes"),
        ("--device iphone12-lut --budget-ms 0", 2, "expected a budget above 0 ms"),
        ("--recipe efficientnetv2-s", 2, "a supernet is trained without stages"),
        ("--compile", 2, "a supernet is trained without --compile"),
    ],
    ids=["no device", "too small", "zero", "stages", "compile"],
)
def test_refusals(nas: Nas, there: Path, arguments: str, code: int, message: str) -> None:
    done = nas(*TRAIN, *arguments.split())
    assert done.code == code
    assert message in done.err
    assert not (there / "results").exists()


def test_names_of_divergences() -> None:
    assert {*DIVERGENCES} == {*distillation.DIVERGENCES}
