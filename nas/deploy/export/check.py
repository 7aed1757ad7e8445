"""Compare the logits of an exported file with torch's, on photographs and noise."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nas.deploy.export.base import Deployed, Format
from nas.deploy.export.locate import refusal
from nas.deploy.runtimes import RUNTIMES, Floats32, Session, run
from nas.errors import DocumentError, ExportError, MissingExtraError

TOLERANCE = 1e-3
"""Largest relative difference of fp32 logits; random weights give logits up to 1e10."""
NOISE_SEED = 0
CROPS = ((0.0, 0.0), (0.5, 0.25), (1.0, 0.5), (0.5, 1.0))
"""Positions of square windows in the sample photograph, from 0 to 1."""


@dataclass(frozen=True, slots=True)
class OutputCheck:
    """Differences between the logits of a runtime and torch."""

    runtime: str
    version: str
    max_diff_photos: float
    max_diff_noise: float
    max_logit: float
    """Largest magnitude of torch's logits, for comparison."""
    same_top1: float
    """Fraction of all images with the same top-1 class."""

    @property
    def worst(self) -> float:
        """The larger of both differences; NaN if either is NaN."""
        return float(np.maximum(self.max_diff_photos, self.max_diff_noise))


def check(deployed: Deployed, form: Format, path: Path, photos: Floats32) -> OutputCheck | None:
    """Check the file in its runtime; None if the format has no runtime on this machine.

    Shapes: photos (B, 3, H, W), normalised.

    Raises:
        ExportError: the runtime refuses the file; or the logits differ by more than `TOLERANCE`,
            and the format is exact.
    """
    if form.runtime is None:
        return None
    runtime = RUNTIMES[form.runtime]
    session = _loaded(deployed, form, path)
    noise = np.random.default_rng(NOISE_SEED).standard_normal(photos.shape).astype(np.float32)
    size = deployed.batch or 2
    expected, differences, agree = [], [], []
    for images in (photos, noise):
        batches = _batches(images, size)
        torch_logits = np.concatenate([deployed.logits(batch) for batch in batches])
        logits = np.concatenate([run(session, batch).copy() for batch in batches])
        expected.append(float(np.abs(torch_logits).max()))
        differences.append(float(np.abs(logits - torch_logits).max()))
        agree.append(float((logits.argmax(1) == torch_logits.argmax(1)).mean()))
    on_photos, on_noise = differences
    same = sum(agree) / len(agree)
    found = OutputCheck(runtime.name, runtime.version(), on_photos, on_noise, max(expected), same)
    if form.exact and not found.worst <= TOLERANCE * found.max_logit:  # also fails for NaN
        raise ExportError(
            f"{form.name}: logits differ from torch's by up to {found.worst:.3g}"
            f" (largest logit {found.max_logit:.3g}), more than {TOLERANCE:g} of it"
        )
    return found


def _loaded(deployed: Deployed, form: Format, path: Path) -> Session:
    assert form.runtime is not None
    try:
        return RUNTIMES[form.runtime].load(path, 1)
    except MissingExtraError:
        raise
    except Exception as error:  # a runtime may fail in any way
        raise refusal(deployed, form, error) from error


def _batches(images: Floats32, size: int) -> list[Floats32]:
    """Split images into batches of one size; the last is filled up with the first images."""
    count = -(-len(images) // size) * size
    filled = np.resize(images, (count, *images.shape[1:]))
    return [filled[i : i + size] for i in range(0, count, size)]


def load_photos(deployed: Deployed, folder: Path | None = None) -> Floats32:
    """Load normalised photographs of the network's size. Shapes: (B, 3, H, W).

    All images of a folder, or windows of Matplotlib's sample (a portrait of Grace Hopper, public
    domain).

    Raises:
        DocumentError: the folder has no image.
        DataError: an image cannot be decoded.
    """
    from PIL import Image

    from nas.train.data.image import read_image

    _, height, width = deployed.arch.input
    if folder is None:
        import matplotlib

        sample = Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"
        files, windows = [sample], list(CROPS)
    else:
        suffixes = Image.registered_extensions()
        files = sorted(file for file in folder.glob("*") if file.suffix.lower() in suffixes)
        windows = [(0.5, 0.5)]
    if not files:
        raise DocumentError(f"{folder}: no images; expected files such as .jpg or .png")
    photos = []
    for file in files:
        image = read_image(file)
        side = min(image.size)
        for right, down in windows:
            left, top = round((image.width - side) * right), round((image.height - side) * down)
            crop = image.crop((left, top, left + side, top + side)).resize((width, height))
            photos.append(np.asarray(crop, np.float32).transpose(2, 0, 1) / 255)
    return deployed.normalise(np.stack(photos))
