"""`nas search --supernet`: the table, the JSON, the folder, its export, and what it refuses."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nas.api.supernet import train_supernet
from nas.api.train import load_task
from nas.files.output import Output

from .conftest import Nas
from .test_supernet import TABLE

SEARCH = ("search", "--supernet", "all", "--trials", "5", "--on", "cpu")
PHONE = ("--budget-ms", "0.55", "--device", "iphone12-lut")

pytestmark = pytest.mark.usefixtures("few_generations")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small space and its supernet."""
    root = tmp_path_factory.mktemp("supernet")
    (root / "narrow.yaml").write_text(TABLE)
    task = load_task("digits", batch=256, on="cpu", threads=None)
    train_supernet(root / "narrow.yaml", task, Output(root / "results", "all"), epochs=1)
    return root


@pytest.fixture
def there(here: Path, trained: Path) -> Path:
    """A folder that commands run in, with the supernet in its results."""
    shutil.copytree(trained, here, dirs_exist_ok=True)
    return here


def test_the_figures_are_named_and_the_winner_is_exported(nas: Nas, there: Path) -> None:
    done = nas(*SEARCH, *PHONE)
    assert (done.code, done.err) == (0, "")
    shown = " ".join(done.out.split())
    assert "weights of results/all on digits" in shown
    assert "inherited top-1 %" in shown
    assert "359 test images, which selected nothing" in shown
    assert "trained" not in shown.replace("as trained", "")
    assert max(map(len, done.out.splitlines())) <= 80
    folder = there / "results" / "narrow-iphone12-lut-0.55ms-digits-supernet-all"
    with (folder / "trials.csv").open() as file:
        assert len([*csv.DictReader(file)]) == 5
    assert "nas search" in nas("list", "results").out
    exported = nas("export", str(folder), "--format", "onnx")
    assert exported.code == 0, exported.err
    assert "weights.safetensors" in exported.out
    assert nas("show", str(folder)).code == 0


@pytest.mark.slow
def test_several_devices_and_workers_and_finalists_that_are_trained_on(
    nas: Nas, there: Path
) -> None:
    devices = ("--budget-ms", "5", "--device", "pixel6-cpu", "--device", "sd855-cpu-1t")
    more = ("--workers", "2", "--epochs", "1", "--objective", "params", "--name", "two", "--json")
    done = nas(*SEARCH, *devices, *more)
    assert done.code == 0, done.err
    content = json.loads(done.out)
    best, trials = content["best"], content["trials"]
    assert len(trials) == 5
    assert all(0 <= trial["inherited_top1"] <= 100 for trial in trials)
    assert sum(bool(trial["final_top1"]) for trial in trials) == 2
    assert (best["trained"]["epochs"], best["trained"]["seeds"]) == (1, 2)
    assert (best["trained"]["split"], best["trained"]["supernet"]) == ("test", "results/all")
    page = nas("report", "results/two", "--out", "two.html")
    assert page.code == 0, page.err
    assert "with inherited weights" in (there / "two.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--budget-ms", "0.001", *PHONE[2:]), 3, "the fastest is predicted at"),
        ((*PHONE, "--supernet", "other"), 2, "results/other is no trained supernet"),
        ((*PHONE, "--space", "mobile32"), 2, "is the supernet of another space than mobile32"),
        ((*PHONE, "--inherit"), 2, "--inherit has no effect with --supernet"),
        ((*PHONE, "--supernet", "cut"), 2, "no weights that can be read"),
        ((*PHONE, "--supernet", "photos"), 2, "was trained on photos: give it as --data"),
        ((*PHONE, "--data", "seven.npz"), 2, "other classes or image sides"),
        ((*PHONE, "--strategy", "modle"), 2, "unknown strategy 'modle'; nearest: model"),
        ((*PHONE, "--max-params-m", "0.0001"), 3, "no network of narrow"),
    ],
    ids=["budget", "none", "space", "inherit", "cut", "unnamed", "classes", "strategy", "params"],
)
def test_refusals(
    nas: Nas, there: Path, arguments: tuple[str, ...], code: int, message: str
) -> None:
    whole = there / "results" / "all"
    for name in ("cut", "photos"):
        shutil.copytree(whole, whole.with_name(name))
    cut, photos = (whole.with_name(name) for name in ("cut", "photos"))
    weights = (whole / "weights.safetensors").read_bytes()
    (cut / "weights.safetensors").write_bytes(weights[:3000])
    facts = (whole / "supernet.yaml").read_text("utf-8")
    assert "data: digits\n" in facts
    (photos / "supernet.yaml").write_text(facts.replace("data: digits\n", "data: photos\n"))
    _write_seven_classes(there / "seven.npz")
    before = {*(there / "results").iterdir()}
    done = nas(*SEARCH, *arguments)
    assert done.code == code
    assert message in done.err
    assert {path for path in (there / "results").iterdir() if path.suffix != ".lock"} == before


def _write_seven_classes(path: Path) -> None:
    """Random images of seven classes."""
    rng = np.random.default_rng(0)
    split: dict[str, Any] = {
        f"{name}{key}": value
        for name in ("", "test_")
        for key, value in (
            ("images", rng.integers(0, 256, (140, 32, 32, 3), dtype=np.uint8)),
            ("labels", np.arange(140) % 7),
        )
    }
    np.savez(path, **split)
