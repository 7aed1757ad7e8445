from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from nas.library import load_arch

from .conftest import Nas

SPACE = Path(__file__).parents[1] / "cases" / "tinyspace.yaml"
FIDELITY = ("fidelity", "--space", str(SPACE), "--networks", "4", "--most-mmacs", "60")


@pytest.mark.slow
def test_table_and_folder(nas: Nas, tmp_path: Path) -> None:
    short = ("--long", "2", "--epochs", "1", "--zero-cost", "synflow", "--out", str(tmp_path))
    done = nas(*FIDELITY, *short)
    assert (done.code, done.err) == (0, "")
    *table, written = done.out.splitlines()  # a path is not broken
    assert max(map(len, table)) <= 80 and written.startswith("written to")
    (folder,) = tmp_path.iterdir()
    sample, judges = "networks4-most-mmacs60", "zero-cost-synflow-long2-epochs-1"
    assert folder.name == f"fidelity-tinyspace-digits-proxy-{sample}-{judges}"
    with (folder / "fidelity.csv").open() as file:
        rows = list(csv.DictReader(file))
    names = ["long", "params", "macs", "synflow", "surrogate", "1 epochs"]
    assert [row["judge"] for row in rows][:6] == names
    assert float(rows[0]["kendall_tau"]) == 1
    networks = list((folder / "networks").iterdir())
    assert len({load_arch(path).arch_id for path in networks}) == 4
    assert json.loads((folder / "fidelity.json").read_text())["long_epochs"] == 2
    assert not list(folder.glob("*.safetensors"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--epochs", "one"), "--epochs: expected a list as 1,2,5, found 'one'"),
        (("--epochs", "0,2"), "--epochs: expected numbers from 1, found 0"),
        (("--zero-cost", "zem"), "unknown zero-cost proxy 'zem'; nearest: zen"),
    ],
)
def test_bad_input_is_one_message_and_2(
    nas: Nas, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    done = nas(*FIDELITY, *arguments, "--out", str(tmp_path))
    assert (done.code, done.out) == (2, "")
    assert message in done.err


def test_a_space_of_large_networks_is_said_to_have_too_few(nas: Nas, tmp_path: Path) -> None:
    large = tmp_path / "large.yaml"
    large.write_text(SPACE.read_text().replace("[3, 32, 32]", "[3, 512, 512]"))
    few = ("--networks", "3", "--most-mmacs", "1", "--out", str(tmp_path / "results"))
    done = nas("fidelity", "--space", str(large), *few)
    assert (done.code, done.out) == (2, "")
    assert "tinyspace has too few networks below 1 million MACs" in done.err
