"""What is finished is made larger, or printed again: every command that has `--resume`."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from nas.train.loop import Epoch, Training

from .conftest import Nas, Ran

TRAIN = ("train", "tiny.yaml", "--recipe", "tinyrec.yaml", "--data", "a.npz", "--name", "x")


@pytest.fixture
def epochs(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Seed and number of every epoch that is trained."""
    real, found = Training.run_epoch, list[tuple[int, int]]()

    def counted(self: Training, *, evaluate: bool = True) -> Epoch:
        epoch = real(self, evaluate=evaluate)
        found.append((self.seed, epoch.epoch))
        return epoch

    monkeypatch.setattr(Training, "run_epoch", counted)
    return found


def train(nas: Nas, epochs: int, *more: str) -> Ran:
    done = nas(*TRAIN, "--epochs", str(epochs), *more)
    assert done.code == 0, done.err
    return done


def log(folder: Path, seed: int = 0) -> list[dict[str, str]]:
    with (folder / "results" / "x" / f"seed{seed}" / "log.csv").open() as file:
        return list(csv.DictReader(file))


def facts(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((folder / "results" / "x" / "train.yaml").read_text())
    return found


@pytest.mark.slow
def test_a_longer_training_goes_on_to_what_it_would_have_been(
    nas: Nas, tiny: Path, epochs: list[tuple[int, int]]
) -> None:
    train(nas, 2)
    done = json.loads(train(nas, 4, "--seeds", "2", "--resume", "--json").out)
    assert epochs == [(0, 1), (0, 2), (0, 3), (0, 4), (1, 1), (1, 2), (1, 3), (1, 4)]
    assert "schedules" not in facts(tiny)
    alone = json.loads(train(nas, 4, "--seeds", "2", "--json", "--name", "alone").out)
    assert done["test"] == alone["test"]
    again = train(nas, 2, "--resume", "--json")  # fewer than there are
    assert again.err == "nas: results/x is complete already: epochs 4, seeds 2\n"
    assert json.loads(again.out)["test"] == done["test"]
    assert json.loads(again.out)["epochs"] == 4


def test_a_schedule_that_ends_with_the_epochs_is_said_to_have_been_another(
    nas: Nas, tiny: Path, epochs: list[tuple[int, int]]
) -> None:
    recipe = tiny / "tinyrec.yaml"
    recipe.write_text(recipe.read_text().replace("constant", "cosine"))
    train(nas, 2)
    done = train(nas, 4, "--resume")
    assert "epochs 3 to 4 follow the learning rates of 4 epochs, those before them of 2" in done.err
    assert epochs == [(0, 1), (0, 2), (0, 3), (0, 4)]
    assert facts(tiny)["schedules"] == [2, 4]
    assert float(log(tiny)[1]["lr"]) == 0  # the end of the shorter one
    assert float(log(tiny)[2]["lr"]) > 0


@pytest.mark.slow
def test_a_search_without_training_is_printed_again(nas: Nas, tiny: Path) -> None:
    search = ("search", "--space", "tinyspace.yaml", "--device", "sd855-cpu-1t", "--json")
    search = (*search, "--budget-ms", "5", "--name", "x")
    done = nas(*search)
    again = nas(*search, "--resume")
    assert (again.code, again.err) == (0, "nas: results/x is complete already\n")
    assert json.loads(again.out)["best"] == json.loads(done.out)["best"]
    other = nas(*search, "--resume", "--caution", "2")
    assert (other.code, other.out) == (2, "")
    assert "results/x was started with caution 1.0, found 2.0" in other.err
    assert nas(*search).code == 2  # without --resume it is kept


@pytest.mark.slow
def test_an_adaptation_without_data_is_printed_again(nas: Nas, tiny: Path) -> None:
    adapt = (
        "adapt",
        "tiny.yaml",
        "--device",
        "sd855-cpu-1t",
        "--budget-ms",
        "0.143",
        "--surrogate",
    )
    adapt = (*adapt, "--divisor", "4", "--name", "x")
    done = nas(*adapt, "--json")
    assert done.code == 0, done.err
    again = nas(*adapt, "--json", "--resume")
    assert (again.code, again.err) == (0, "nas: results/x is complete already\n")
    assert json.loads(again.out)["best"] == json.loads(done.out)["best"]
    other = nas(*adapt, "--delta", "0.02", "--resume")
    assert "results/x was started with plan.delta 0.01, found 0.02" in other.err


@pytest.mark.slow
def test_an_adaptation_is_trained_longer_from_where_its_steps_ended(
    nas: Nas, tiny: Path, epochs: list[tuple[int, int]]
) -> None:
    train(nas, 1, "--name", "start")
    device = ("--device", "sd855-cpu-1t", "--budget-ms", "0.143", "--delta", "0.005")
    adapt = ("adapt", "results/start", *device, "--recipe", "tinyrec.yaml", "--divisor", "4")
    adapt = (*adapt, "--steps", "2")
    adapt = (*adapt, "--data", "a.npz", "--name", "x", "--json")
    done = nas(*adapt, "--epochs", "2")
    assert done.code == 0, done.err
    epochs.clear()
    longer = nas(*adapt, "--epochs", "3", "--seeds", "2", "--resume")
    assert longer.code == 0, longer.err
    assert epochs[-4:] == [(0, 3), (1, 1), (1, 2), (1, 3)]
    again = nas(*adapt, "--epochs", "3", "--seeds", "2", "--resume")
    assert again.err == "nas: results/x is complete already: epochs 3, seeds 2\n"
    first, second = json.loads(longer.out), json.loads(again.out)
    assert second == first
    assert json.loads(done.out)["best"]["arch_id"] == first["best"]["arch_id"]


@pytest.mark.slow
def test_a_comparison_of_judges_is_printed_again(
    nas: Nas, tiny: Path, epochs: list[tuple[int, int]]
) -> None:
    fidelity = ("fidelity", "--space", "tinyspace.yaml", "--networks", "3", "--data", "a.npz")
    fidelity = (*fidelity, "--recipe", "tinyrec.yaml", "--long", "2", "--epochs", "1")
    fidelity = (*fidelity, "--batch", "4")
    fidelity = (*fidelity, "--zero-cost", "naswot", "--name", "x", "--json")
    done = nas(*fidelity)
    assert done.code == 0, done.err
    epochs.clear()
    again = nas(*fidelity, "--resume")
    assert (again.code, again.err) == (0, "nas: results/x is complete already\n")
    found, expected = ([j["tau"] for j in json.loads(ran.out)["judges"]] for ran in (again, done))
    assert found == expected
    assert not epochs
    other = nas(*fidelity, "--resume", "--seed", "1")
    assert "results/x was started with seed 0, found 1" in other.err
