"""ImageNet-1k (arXiv:1409.0575) and its ten-class part Imagenette, as folders of image files."""

from __future__ import annotations

from pathlib import Path

from torchvision import datasets

from nas.errors import DataError
from nas.train.data.listing import TEST


def imagenet(root: Path, download: bool) -> tuple[Path, str]:
    """`root`, or `root`/imagenet: train/ and val/ with a folder for each class.

    Its licence lets nobody fetch it: `download` does nothing.
    """
    place = next((p for p in (root, root / "imagenet") if (p / "train").is_dir()), None)
    if place is None:
        raise DataError(f"imagenet: expected folders train and val in {root}; see --data-root")
    _check_test_split(place, "imagenet")
    return place, f"ImageNet-1k, arXiv:1409.0575; {place}"


def imagenette(root: Path, download: bool) -> tuple[Path, str]:
    """Torchvision's folder `imagenette2-160` below `root`."""
    place = root / "imagenette2-160"
    try:
        if download and not place.is_dir():
            datasets.Imagenette(str(root), size="160px", download=True)
    except (OSError, RuntimeError) as error:
        raise DataError(f"imagenette: {error}") from None
    if not place.is_dir():
        raise DataError(f"imagenette: not found in {root}; see --data-root, or --download")
    _check_test_split(place, "imagenette")
    return place, f"fastai, Imagenette; {place}"


def _check_test_split(place: Path, name: str) -> None:
    """Refuse a copy without its test split: figures on another would be compared with others'."""
    if not any((place / part).is_dir() for part in TEST):
        raise DataError(f"{name}: expected folders train and val in {place}, found no val")
