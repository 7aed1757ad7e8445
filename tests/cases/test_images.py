"""Images and labels that were read wrongly, or not at all, without a word."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nas.train.data import folder as module
from nas.train.data import load_data
from nas.train.data.held import Held

from ..cli.conftest import Nas

TRAIN = ("train", "tiny.yaml", "--recipe", "tinyrec.yaml", "--epochs", "1", "--name", "x")


def write_folder(root: Path, suffix: str = ".png", *, train: int = 12, val: int = 4) -> Path:
    """Dogs are brighter than cats."""
    rng = np.random.default_rng(0)
    for part, n in (("train", train), ("val", val)):
        for label, name in enumerate(("cat", "dog")):
            folder = root / part / name
            folder.mkdir(parents=True)
            for number in range(n):
                pixels = rng.integers(0, 60, (16, 16, 3)) + 150 * label
                path = folder / f"{number:02}{suffix}"
                Image.fromarray(pixels.astype(np.uint8)).save(path)
    return root


def held(path: Path) -> Held:
    split = load_data(path).train
    assert isinstance(split, Held)
    return split


def test_exif(here: Path) -> None:
    """Every image is stored on its side; the upper half of a `top` is bright."""
    for part in ("train", "val"):
        for label, name in enumerate(("bottom", "top")):
            (here / part / name).mkdir(parents=True)
            for orientation in range(1, 9):
                shown = np.zeros((32, 48, 3), np.uint8)
                shown[:16] = 200 * label
                shown[16:] = 200 * (1 - label)
                exif = Image.Exif()
                exif[0x0112] = orientation
                stored = turned_back(Image.fromarray(shown), orientation)
                stored.save(here / part / name / f"{orientation}.jpg", exif=exif, quality=95)
    data = load_data(here)
    assert data.side == 32
    for image, label in zip(held(here).pixels.float(), data.train.labels, strict=True):
        assert (image[:, :16].mean() > image[:, 16:].mean()) == (data.classes[label] == "top")


def turned_back(image: Image.Image, orientation: int) -> Image.Image:
    """As a camera stores it that notes this EXIF orientation."""
    turn = Image.Transpose
    inverse = {
        2: turn.FLIP_LEFT_RIGHT,
        3: turn.ROTATE_180,
        4: turn.FLIP_TOP_BOTTOM,
        5: turn.TRANSPOSE,
        6: turn.ROTATE_90,
        7: turn.TRANSVERSE,
        8: turn.ROTATE_270,
    }
    return image if orientation == 1 else image.transpose(inverse[orientation])


@pytest.mark.parametrize("kind", ["png", "tif", "float"])
def test_png16(here: Path, kind: str) -> None:
    for part in ("train", "val"):
        for name, level in (("cat", 20_000), ("dog", 40_000)):
            (here / part / name).mkdir(parents=True)
            for number in range(3):
                levels = np.full((16, 16), level, np.uint16)
                if kind == "float":
                    image, suffix = Image.fromarray((levels / 65_535).astype(np.float32)), "tif"
                else:
                    image, suffix = Image.fromarray(levels), kind
                image.save(here / part / name / f"{number}.{suffix}")
    split = held(here)
    found = [split.pixels[split.labels == label].unique().tolist() for label in (0, 1)]
    assert found == [[20_000 >> 8], [40_000 >> 8]]


def test_hidden_class_both(nas: Nas, tiny: Path) -> None:
    data = write_folder(tiny / "data")
    for part in ("train", "val"):
        shutil.copytree(data / part / "cat", data / part / ".ipynb_checkpoints")
        shutil.copytree(data / part / "cat", data / part / "dog" / "@eaDir")
    assert load_data(data).classes == ("cat", "dog")
    assert len(load_data(data).train.labels) == 24
    done = nas(*TRAIN, "--data", str(data))
    assert done.code == 0
    assert "left out folders: train/.ipynb_checkpoints (hidden)" in done.err
    assert done.err.count("nas: ") == 1


def test_appledouble(nas: Nas, tiny: Path) -> None:
    data = write_folder(tiny / "data")
    for path in [*data.rglob("*.png")]:
        path.with_name(f"._{path.name}").write_bytes(b"\0\x05\x16\x07" + bytes(100))
    (data / "train" / "cat" / "Thumbs.db").write_bytes(b"thumbs")
    (data / "train" / ".DS_Store").write_bytes(b"finder")
    done = nas(*TRAIN, "--data", str(data), "--json")
    assert done.code == 0
    assert "left out hidden files: 34" in done.err
    assert "left out" not in done.out


def test_extensions(nas: Nas, tiny: Path) -> None:
    data = write_folder(tiny / "data")
    cat = data / "train" / "cat"
    for number, suffix in enumerate((".gif", ".jfif", ".JP2", ".bmp", ".Webp")):
        path = cat / f"{number:02}.png"
        with Image.open(path) as image:
            image.save(cat / f"{number:02}{suffix}")
        path.unlink()
    assert (load_data(data).train.labels == 0).sum() == 12
    for number in (5, 6):
        (cat / f"{number:02}.png").rename(cat / f"{number:02}.heic")
    (cat / "readme").write_text("of cats")
    done = nas(*TRAIN, "--data", str(data))
    assert done.code == 0
    assert "left out files that are not read as images: .heic 2, no suffix 1" in done.err


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".gif"])
@pytest.mark.parametrize("streamed", [True, False])
def test_damaged_late(
    nas: Nas, tiny: Path, suffix: str, streamed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if streamed:
        monkeypatch.setattr(module, "HELD_BYTES", 0)
        monkeypatch.setattr("nas.train.data.streamed.WORKERS", 0)
    data = write_folder(tiny / "data", suffix, train=20)
    for number, path in enumerate(sorted(data.rglob(f"*{suffix}"))[::4]):
        whole = path.read_bytes()
        ends = (b"", whole[: len(whole) // 2], b"no image", whole[:30])
        path.write_bytes(ends[number % 4])
    done = nas(*TRAIN, "--data", str(data))
    assert done.code == 2
    assert "data: 12 damaged images: train/cat/00" in done.err
    assert done.err.count("no image that can be decoded") == 12
    assert not list((tiny / "results").glob("*"))


def test_npz_huge_label(nas: Nas, tiny: Path) -> None:
    images = np.zeros((20, 8, 8), np.uint8)
    labels = np.arange(20) % 2 * 10**9
    np.savez(tiny / "data.npz", images=images, labels=labels)
    done = nas(*TRAIN, "--data", "data.npz")
    assert done.code == 2
    assert "its labels are 0 to 1000000000, expected 0 to" in done.err
