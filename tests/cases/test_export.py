"""What training knew travels with the result and with everything that is exported of it."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from nas.files import yaml
from nas.train.data import folder as module
from nas.train.preprocessing import NORMALISATIONS

from ..cli.conftest import Nas

STRANGER = Path(__file__).with_name("by_manifest.py")
CLASSES = ("mid", "dim", "1e3")
TRAIN = ("train", "tiny.yaml", "--recipe", "tinyrec.yaml", "--epochs", "10", "--name", "net")


def unusual(rng: np.random.Generator, label: int, shape: tuple[int, ...]) -> Any:
    """Dark images of little contrast: a bright stripe at one of three heights."""
    pixels = rng.integers(20, 32, shape)
    height = shape[0] // 3
    pixels[label * height : (label + 1) * height] += 10
    return pixels.astype(np.uint8)


def write_split(folder: Path, n: int, shape: tuple[int, ...], seed: int) -> Path:
    rng = np.random.default_rng(seed)
    for label, name in enumerate(CLASSES):
        (folder / name).mkdir(parents=True)
        for number in range(n):
            Image.fromarray(unusual(rng, label, shape)).save(folder / name / f"{number}.png")
    return folder


def in_folders(here: Path, shape: tuple[int, ...]) -> tuple[str, Path]:
    write_split(here / "data" / "train", 30, shape, seed=0)
    return "data", write_split(here / "data" / "val", 10, shape, seed=1)


def in_arrays(here: Path, shape: tuple[int, ...]) -> tuple[str, Path]:
    arrays: dict[str, Any] = {"classes": np.array(CLASSES)}
    for seed, (what, n) in enumerate((("", 30), ("test_", 10))):
        split = write_split(here / f"{what}images", n, shape, seed)
        files = [path for name in CLASSES for path in sorted((split / name).glob("*.png"))]
        arrays[f"{what}images"] = np.stack([np.asarray(Image.open(path)) for path in files])
        arrays[f"{what}labels"] = np.repeat(np.arange(len(CLASSES)), n)
    np.savez(here / "data.npz", **arrays)
    return "data.npz", here / "test_images"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("write", "shape", "streamed"),
    [
        (in_folders, (24, 32, 3), False),
        (in_folders, (24, 32, 3), True),
        (in_arrays, (24, 24), False),
        (in_arrays, (24, 36, 3), False),
    ],
    ids=["folder", "streamed", "grey arrays", "oblong arrays"],
)
def test_normalisation(
    nas: Nas,
    tiny: Path,
    write: Callable[[Path, tuple[int, ...]], tuple[str, Path]],
    shape: tuple[int, ...],
    streamed: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever has the file, its manifest and onnxruntime gets the accuracy that was printed."""
    if streamed:
        monkeypatch.setattr(module, "HELD_BYTES", 0)
        monkeypatch.setattr("nas.train.data.streamed.WORKERS", 0)
    data, images = write(tiny, shape)
    trained = json.loads(nas(*TRAIN, "--data", data, "--json").out)
    done = nas("export", "results/net", "--format", "onnx", "--json")
    assert done.code == 0, done.err
    found = json.loads(done.out)
    command = [sys.executable, "-I", str(STRANGER), found["path"], str(images)]
    by_stranger = float(subprocess.check_output(command, text=True))
    assert by_stranger == pytest.approx(trained["test"]["top1"], abs=100 / 30 + 0.01)
    assert trained["test"]["top1"] > 60  # so that chance would be told
    wanted = found["input"]["normalisation"]
    if streamed:  # whose images nobody has counted
        assert wanted["mean"] == list(NORMALISATIONS["imagenet"].mean)
    else:
        assert wanted["mean"] == pytest.approx([28.8 / 255] * 3, abs=0.01)
    session = metadata(Path(found["path"]))
    assert session["normalisation"] == wanted
    assert session["classes"] == found["output"]["classes"]


def metadata(folder: Path) -> dict[str, Any]:
    """Of the ONNX file."""
    onnxruntime = pytest.importorskip("onnxruntime")
    (file,) = folder.glob("*.onnx")
    props = onnxruntime.InferenceSession(file).get_modelmeta().custom_metadata_map
    return {key: json.loads(value) for key, value in props.items()}


@pytest.fixture
def trained(nas: Nas, tiny: Path) -> Path:
    """A folder of results, trained on dark images of three classes."""
    data, _ = in_folders(tiny, (8, 8, 3))
    assert nas(*TRAIN[:-4], "--epochs", "1", "--name", "net", "--data", data).code == 0
    return tiny / "results" / "net"


def test_class_names(nas: Nas, trained: Path) -> None:
    order = sorted(CLASSES)
    assert yaml.read(trained / "train.yaml")["data"]["classes"] == order
    done = nas("export", "results/net", "--format", "yaml,torch")
    assert done.code == 0
    assert "normalised as trained on data" in done.out
    (folder,) = (trained.parents[1] / "exports").iterdir()
    assert yaml.read(folder / "manifest.yaml")["output"]["classes"] == order
    for suffix in ("yaml", "py"):
        (text,) = (path.read_text() for path in folder.glob(f"net*.{suffix}"))
        assert "classes: 0 1e3, 1 dim, 2 mid" in text
        assert "less (0.1" in text


@pytest.mark.slow
def test_a_search_says_what_its_best_was_trained_on(nas: Nas, tiny: Path) -> None:
    data, _ = in_folders(tiny, (8, 8, 3))
    assert search(nas, "--data", data).code == 0
    images = yaml.read(tiny / "results" / "x" / "study.yaml")["images"]
    assert images["classes"] == sorted(CLASSES)
    assert images["mean"] == pytest.approx([28.8 / 255] * 3, abs=0.01)
    found = json.loads(nas("export", "results/x", "--format", "yaml", "--json").out)
    assert found["input"]["normalisation"]["mean"] == images["mean"]
    assert found["weights"]["data"] == "data"
    assert found["weights"]["recipe"] == "tinyrec"


@pytest.mark.slow
def test_a_report_and_a_kit_say_what_was_trained_on(nas: Nas, tiny: Path) -> None:
    data, _ = in_folders(tiny, (8, 8, 3))
    assert search(nas, "--data", data).code == 0
    assert nas("report", "results/x", "--out", "page.html").code == 0
    page = (tiny / "page.html").read_text()
    assert "1e3, dim, mid" in page
    assert "32 x 32, mean 0.1" in page
    assert nas("train", "results/x", *TRAIN[2:-4], "--epochs", "1", "--data", data).code == 0
    (folder,) = (path for path in (tiny / "results").iterdir() if path.name != "x")
    assert nas("kit", str(folder), "--device-os", "ios", "--out", "kit").code == 0
    (images,) = yaml.read(tiny / "kit" / "kit.yaml")["images"].values()
    assert images["classes"] == sorted(CLASSES)


def test_cut_weights_keep_what_was_trained_on(nas: Nas, trained: Path) -> None:
    adapt = ("adapt", "results/net", "--budget-ms", "0.001", "--device", "sd855-cpu-1t")
    done = nas(*adapt, "--knapsack", "--divisor", "2", "--name", "cut")
    least = done.err.partition("reach ")[2].partition(" ms")[0]
    assert nas(*adapt[:3], f"{float(least) * 1.02:.5f}", *adapt[4:], "--knapsack",
               "--divisor", "2", "--name", "cut").code == 0  # fmt: skip
    found = json.loads(nas("export", "results/cut", "--format", "yaml", "--json").out)
    assert found["output"]["classes"] == sorted(CLASSES)
    assert found["input"]["normalisation"]["name"] == "trained"


def search(nas: Nas, *options: str) -> Any:
    return nas(
        *("search", "--space", "tinyspace.yaml", "--budget-ms", "5", "--device", "sd855-cpu-1t"),
        *("--recipe", "tinyrec.yaml", "--trials", "2", "--epochs", "1", "--finalists", "1"),
        *("--seeds", "1", "--name", "x", *options),
    )


def test_a_normalisation_can_be_said(nas: Nas, trained: Path) -> None:
    export = ("export", "results/net", "--format", "yaml", "--force", "--normalisation")
    for said, mean, std in (
        ("half", [0.5] * 3, [0.5] * 3),
        ("0.25/0.5", [0.25] * 3, [0.5] * 3),
        ("0.1,0.2,0.3/1,2,3", [0.1, 0.2, 0.3], [1, 2, 3]),
    ):
        found = json.loads(nas(*export, said, "--json").out)["input"]["normalisation"]
        assert (found["mean"], found["std"]) == (mean, std)
    assert "normalised as half, not as trained on data" in nas(*export, "half").out


@pytest.mark.parametrize("said", ["0.5", "0.5/0", "0.5/-1", "nan/1", "2/1", "1,2/1", "a/b", "/"])
def test_a_normalisation_that_cannot_be_is_refused(nas: Nas, trained: Path, said: str) -> None:
    done = nas("export", "results/net", "--format", "yaml", "--normalisation", said)
    assert done.code == 2
    assert "normalisation" in done.err
    assert "Traceback" not in done.err
    assert not (trained.parents[1] / "exports").exists() or not list(
        (trained.parents[1] / "exports").iterdir()
    )


def test_what_an_earlier_version_did_not_say_is_unknown(nas: Nas, trained: Path) -> None:
    made = yaml.read(trained / "train.yaml")
    old = {key: made["data"][key] for key in ("name", "source", "mean", "sd", "side")}
    yaml.write(trained / "train.yaml", made | {"data": old})
    export = ("export", "results/net", "--format", "yaml", "--force")
    done = nas(*export)
    assert "normalised as trained on data" in done.out
    assert "names of classes unknown" in done.out
    (trained / "train.yaml").unlink()
    done = nas(*export)
    assert "nothing says how they were normalised in training" in done.out
    found = json.loads(nas(*export, "--json").out)["input"]["normalisation"]
    assert (found["name"], found["mean"], found["std"]) == ("unknown", None, None)
    done = nas(*export, "--image-input")
    assert done.code == 2
    assert "give it with --normalisation" in done.err


def test_a_folder_that_was_edited_is_refused(nas: Nas, trained: Path) -> None:
    made = yaml.read(trained / "train.yaml")
    for key, value, message in (
        ("classes", ["a", "b"], "names 2 classes, the network's output is"),
        ("mean", [0.1, 0.2], r"(mean): expected one number or three, found 2"),
        ("sd", [0.0], "(sd 1): expected a number from 1e-09"),
        ("classes", "abc", "(classes): expected a list"),
    ):
        yaml.write(trained / "train.yaml", made | {"data": made["data"] | {key: value}})
        done = nas("export", "results/net", "--format", "yaml")
        assert done.code == 2
        assert message in " ".join(done.err.split())


@pytest.mark.slow
@pytest.mark.parametrize("place", ["here", "my images"])
def test_hint_line(nas: Nas, tiny: Path, place: str) -> None:
    """The line that a search prints is a command that ends well, from the same folder."""
    (tiny / place).mkdir()
    data = shutil.move(tiny / "a.npz", tiny / place / "a b.npz")
    done = search(nas, "--data", str(data), "--on", "cpu")
    assert done.code == 0, done.err
    told, line = done.out.splitlines()[-2:]
    assert told.startswith("its test")
    command = shlex.split(line)
    assert command[:3] == ["nas", "train", "results/x"]
    assert command[3:] == ["--data", str(data), "--recipe", "tinyrec.yaml", "--on", "cpu"]
    assert nas(*command[1:], "--epochs", "1").code == 0
