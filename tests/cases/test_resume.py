"""What a run is, and how it goes on: by contents and settings, larger, without its neighbours."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from PIL import Image

from nas.study.database import FILE, Database
from nas.study.halving import finals_name, rung_name
from nas.study.store import Store
from nas.train import run
from nas.train.loop import Epoch, Training

from .conftest import Nas, Ran, write_images

SEARCH = ("search", "--space", "tinyspace.yaml", "--budget-ms", "5", "--device", "sd855-cpu-1t")
SEARCH += ("--recipe", "tinyrec.yaml", "--epochs", "2", "--finalists", "1", "--seeds", "1")
TRAIN = ("train", "tiny.yaml", "--recipe", "tinyrec.yaml", "--epochs", "4", "--name", "x")

pytestmark = pytest.mark.usefixtures("few_generations")

Stopped = Callable[..., None]


def search(nas: Nas, *more: str, data: str = "a.npz", trials: int = 4, name: str = "x") -> Ran:
    return nas(*SEARCH, "--data", data, "--trials", str(trials), "--name", name, *more)


class Killed(BaseException):
    """Ends a command at once, as a signal does."""


@pytest.fixture
def stopped(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], Any]:
    """Of a number: in its context, a command is killed after so many epochs are on disk."""
    real = run.write_log

    @contextmanager
    def stop(epochs: int) -> Iterator[None]:
        left = epochs

        def dies(folder: Path, history: Sequence[Epoch]) -> None:
            nonlocal left
            real(folder, history)
            left -= 1
            if not left:
                raise Killed

        with monkeypatch.context() as patch, pytest.raises(Killed):
            patch.setattr(run, "write_log", dies)
            yield

    return stop


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Networks of the epochs that are trained."""
    real, found = Training.run_epoch, list[str]()

    def counted(self: Training, *, evaluate: bool = True) -> Epoch:
        found.append(self.arch.name.partition("-4classes")[0])
        return real(self, evaluate=evaluate)

    monkeypatch.setattr(Training, "run_epoch", counted)
    return found


def refused(done: Ran, message: str) -> None:
    """One line and no more, after what is said of the data."""
    assert (done.code, done.out) == (2, ""), done.err
    *notes, error = done.err.strip().splitlines()
    assert message in error
    assert len(error) < 300
    assert all("test split" in note for note in notes)


def records(folder: Path, study: str) -> list[tuple[str, tuple[float, ...]]]:
    """Networks and objectives of a study, in order."""
    with TemporaryDirectory() as copy:  # whoever opens a store leaves files beside it
        shutil.copy(folder / FILE, copy)
        database = Database(Path(copy))
        found = [(record.arch_id, record.values) for record in Store(database, study).records()]
        database.close()
    return found


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "trials.csv").open() as file:
        return list(csv.DictReader(file))


# contents and settings ------------------------------------------------------------------------


@pytest.mark.slow
def test_space_edited(nas: Nas, tiny: Path, stopped: Any) -> None:
    """A space or device that is no longer what it was is refused by name; a copy of it is not."""
    with stopped(3):
        search(nas)
    space = tiny / "tinyspace.yaml"
    whole = space.read_text()
    for old, new in (("relu, 2, [1, 2]", "hswish, 2, [1, 2]"), ("[8, 16], relu", "[8, 24], relu")):
        space.write_text(whole.replace(old, new))
        refused(search(nas, "--resume"), ".x.work was started with another space (content ")
    (tiny / "moved.yaml").write_text(f"# the same\n{whole}")
    device = Path(__file__).parents[2] / "predictors" / "pixel6-cpu"
    shutil.copytree(device, tiny / "mine")
    done = search(nas, "--resume", "--space", "moved.yaml", "--device", "mine")
    refused(done, ".x.work was started with another device (content ")
    done = search(nas, "--resume", "--space", "moved.yaml")
    assert done.code == 0, done.err
    assert len({row["arch_id"] for row in rows(tiny / "results" / "x")}) == 4


def write_folder(folder: Path, n: int = 8) -> None:
    """Grey and black squares as image files."""
    for part in ("train", "val"):
        for level, name in ((40, "cat"), (200, "dog")):
            place = folder / part / name
            place.mkdir(parents=True)
            for index in range(n):
                pixels = np.full((8, 8, 3), level + index, np.uint8)
                Image.fromarray(pixels).save(place / f"{index:02}.png")


@pytest.mark.slow
def test_images_added(nas: Nas, tiny: Path, stopped: Any) -> None:
    """Images that were added or replaced are refused, with how many there were; moved ones not."""
    write_folder(tiny / "data")
    with stopped(2):
        nas(*TRAIN, "--data", "data")
    first = tiny / "data" / "train" / "cat" / "00.png"
    added = first.with_name("new.png")
    shutil.copy(first, added)
    refused(nas(*TRAIN, "--data", "data", "--resume"), "training images 16, found 17")
    added.unlink()
    whole = first.read_bytes()
    first.write_bytes(first.with_name("01.png").read_bytes())
    refused(nas(*TRAIN, "--data", "data", "--resume"), "was started with another data set (content")
    first.write_bytes(whole)
    (tiny / "data").rename(tiny / "elsewhere")
    done = nas(*TRAIN, "--data", "elsewhere", "--resume")
    assert done.code == 0, done.err


@pytest.mark.slow
def test_images_added_to_an_npz(nas: Nas, tiny: Path, stopped: Any) -> None:
    with stopped(3):
        search(nas)
    write_images(tiny / "a.npz", seed=1)
    refused(search(nas, "--resume"), ".x.work was started with another data set (content ")


@pytest.mark.slow
def test_recipe_repr(nas: Nas, tiny: Path, stopped: Any) -> None:
    """A recipe's key that one version lacks is its default; another value is one short line."""
    with stopped(3):
        search(nas)
    note = tiny / "results" / ".x.work" / "settings.json"
    content = json.loads(note.read_text())
    del content["values"]["recipe"]["augment"]["mixup"]  # as before an upgrade that added it
    content["values"]["recipe"]["augment"]["cutmix"] = 0.0
    note.write_text(json.dumps(content))
    recipe = tiny / "tinyrec.yaml"
    whole = recipe.read_text()
    recipe.write_text(whole.replace("lr: 0.01", "lr: 0.02"))
    refused(search(nas, "--resume"), "was started with recipe.schedule.lr 0.01, found 0.02;")
    recipe.write_text(f"# the same\nnotes: again\n{whole}")
    done = search(nas, "--resume")
    assert done.code == 0, done.err


# one database ---------------------------------------------------------------------------------


@pytest.mark.slow
def test_shared_storage(nas: Nas, tiny: Path, trained: list[str]) -> None:
    """Searches of other data, another space or another name in one database do not meet."""
    shared = ("--storage", f"sqlite:///{tiny / 'team.db'}")
    write_images(tiny / "b.npz", seed=1)
    space = (tiny / "tinyspace.yaml").read_text()
    (tiny / "other.yaml").write_text(space.replace("[8, 16], relu", "[8, 24], relu"))
    alone = search(nas, name="alone", data="b.npz")
    assert alone.code == 0, alone.err
    asked = {
        "one": search(nas, *shared, name="one"),
        "two": search(nas, *shared, name="two", data="b.npz"),
        "three": search(nas, *shared, "--space", "other.yaml", name="three"),
        "four": search(nas, *shared, name="four"),
    }
    for done in asked.values():
        assert done.code == 0, done.err
    results = tiny / "results"
    assert rows(results / "two") == rows(results / "alone")
    assert rows(results / "four") == rows(results / "one")
    assert len(trained) == 5 * (4 + 2 + 4)
    begun_anew = search(nas, *shared, "--force", name="one")
    assert begun_anew.code == 0, begun_anew.err
    assert len(trained) == 6 * (4 + 2 + 4)


# larger ---------------------------------------------------------------------------------------


@pytest.mark.slow
def test_extend(nas: Nas, tiny: Path, trained: list[str], stopped: Any) -> None:
    """From 4 to 8 trials: the 4 stay as they are, all 8 are in the result, whatever is killed."""
    assert search(nas).code == 0
    result = tiny / "results" / "x"
    before = {study: records(result, study) for study in (rung_name(1, 2), finals_name(4))}
    old_rows = rows(result)
    trained.clear()
    with stopped(2):
        search(nas, "--resume", trials=8)
    assert rows(result) == old_rows  # nothing is lost by a kill
    done = search(nas, "--resume", trials=8)
    assert done.code == 0, done.err
    for study, found in before.items():
        assert records(result, study)[: len(found)] == found
    first_rung = records(result, rung_name(1, 2))
    assert len(first_rung) == len({arch_id for arch_id, _ in first_rung}) == 8
    assert {row["arch_id"] for row in rows(result)} == {arch_id for arch_id, _ in first_rung}
    epoch1 = {row["arch_id"]: float(row["trained_top1_epoch1"]) for row in rows(result)}
    assert all(epoch1[arch_id] == pytest.approx(v[0], abs=1e-3) for arch_id, v in first_rung)
    assert sum(row["final_top1_seed1"] != "" for row in rows(result)) in (1, 2)
    assert [path.name for path in (tiny / "results").iterdir()] == ["x"]


@pytest.mark.slow
def test_extend_and_the_same_line_once_more(nas: Nas, tiny: Path, trained: list[str]) -> None:
    """What is complete is printed again, and nothing is trained; also for fewer trials."""
    done = search(nas, "--json")
    whole = {path: path.read_bytes() for path in tiny.rglob("results/x/*") if path.is_file()}
    trained.clear()
    again = search(nas, "--json", "--resume")
    fewer = search(nas, "--json", "--resume", trials=3)
    for other in (again, fewer):
        assert other.code == 0
        expected_sizes = "trials 4, epochs 2, finalists 1, seeds 1"
        assert other.err == f"nas: results/x is complete already: {expected_sizes}\n"
        found, expected = json.loads(other.out), json.loads(done.out)
        assert found["trials"] == expected["trials"]
        assert found["best"] == expected["best"]
    assert not trained
    assert whole == {path: path.read_bytes() for path in whole}
    assert [path.name for path in (tiny / "results").iterdir()] == ["x"]


@pytest.mark.slow
def test_extend_by_epochs_finalists_and_seeds(nas: Nas, tiny: Path, trained: list[str]) -> None:
    """At a constant learning rate the shorter trainings count for the longer."""
    assert search(nas).code == 0
    short = {row["name"] for row in rows(tiny / "results" / "x") if row["state"] == "pruned"}
    trained.clear()
    more = ("--epochs", "4", "--finalists", "2", "--seeds", "2")
    done = search(nas, "--resume", *more)
    assert done.code == 0, done.err
    found = rows(tiny / "results" / "x")
    assert sum(row["final_top1_seed2"] != "" for row in found) == 2
    assert len(found) == 4
    assert set(trained[:4]) == short  # to the second epoch, where the others are


@pytest.mark.slow
def test_extend_where_the_learning_rate_depends_on_the_epochs(
    nas: Nas, tiny: Path, trained: list[str]
) -> None:
    """Their accuracies are of other trainings; the networks are trained again, and first."""
    recipe = tiny / "tinyrec.yaml"
    recipe.write_text(recipe.read_text().replace("constant", "cosine"))
    assert search(nas).code == 0
    first = [row["name"] for row in rows(tiny / "results" / "x")]
    trained.clear()
    done = search(nas, "--resume", "--epochs", "4", trials=5)
    assert done.code == 0, done.err
    assert set(trained[:4]) == set(first)
    assert len(rows(tiny / "results" / "x")) == 5


def test_settings_damaged(nas: Nas, tiny: Path) -> None:
    """An empty file, or one that holds a list, is one line that says what to do."""
    note = tiny / "results" / ".x.work" / "settings.json"
    note.parent.mkdir(parents=True)
    for text, message in (("[]", "expected keys and values, found []"), ("", "is empty")):
        note.write_text(text)
        done = search(nas, "--resume")
        refused(done, message)
        assert "choose another --name, or use --force to start over" in done.err
    note.unlink()
    (note.parent / "study.db").touch()
    refused(search(nas, "--resume"), ".x.work is kept: it holds no settings.json")
