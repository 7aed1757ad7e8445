"""Preprocessing of images for a trained network, and the names of its classes.

Written beside every trained network and carried by its exports, so that whoever follows it gets the
accuracy that training printed.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from nas.errors import DocumentError, UnknownNameError
from nas.files import yaml
from nas.files.records import between, read_record
from nas.files.resources import TRAIN_FACTS

DOCUMENTS = (
    (TRAIN_FACTS, "data", ("recipe", "name")),
    ("study.yaml", "images", ("training", "recipe")),
    ("adapt.yaml", "images", ()),
)
"""Of a folder of results: the key that it stands under, and those of the recipe's name."""

MAX_BYTES = 2_000_000
"""Of such a document: tens of thousands of classes have names."""


class Normalisation(NamedTuple):
    """Normalisation of an RGB image in 0..1: (image - mean) / std, per channel."""

    mean: tuple[float, float, float]
    std: tuple[float, float, float]

    def __str__(self) -> str:
        """The text that `--normalisation` takes."""
        return "/".join(",".join(f"{value:g}" for value in values) for values in self)


NORMALISATIONS = {
    "imagenet": Normalisation((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "half": Normalisation((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
    "none": Normalisation((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
}


def normalisation_of(text: str) -> Normalisation:
    """By its name, or from `MEAN/STD`: one number each, or one for each of three channels.

    Raises:
        UnknownNameError: with the nearest names.
        DocumentError: numbers that no image can be normalised with.
    """
    if text in NORMALISATIONS:
        return NORMALISATIONS[text]
    means, slash, stds = text.partition("/")
    if not slash:
        raise UnknownNameError("normalisation", text, {*NORMALISATIONS, "MEAN/STD"})
    try:
        found = Normalisation(_channels(means), _channels(stds))
    except ValueError:
        found = None
    # of an image in 0..1
    if not found or not all(0 <= mean <= 1 for mean in found.mean) or not min(found.std) > 0:
        raise DocumentError(
            f"normalisation {text!r}: expected MEAN/STD of images in 0..1, one number each or three"
            " with commas between them, as 0.5/0.25"
        )
    return found


def _channels(text: str) -> tuple[float, float, float]:
    values = tuple(float(part) for part in text.split(","))
    red, green, blue = values * 3 if len(values) == 1 else values
    return red, green, blue


@dataclass(frozen=True, slots=True)
class Step:
    """One change of an image's size, with bilinear interpolation and antialiasing.

    `shorter_side`: resized, in proportion, until the shorter side is so long; `centre_crop`: the
    middle square of this side; `resize`: to this height and width, whatever the proportions.
    """

    step: str = field(metadata={"names": ("shorter_side", "centre_crop", "resize")})
    size: tuple[int, ...] = between(low=1)


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """Preprocessing of one network, as trained and tested. Empty fields are unknown."""

    name: str
    """Name of the data set."""
    source: str
    mean: tuple[float, ...] = between(low=-1e6)
    """Of each channel of images in 0..1; one value: of grey images, and of all three channels."""
    sd: tuple[float, ...] = between(low=1e-9)
    side: int = between(low=1)
    """Image side of the network's input."""
    fingerprint: str = ""
    """Hash of the data set."""
    decoding: str = ""
    """How files are decoded, in words."""
    steps: tuple[Step, ...] = ()
    classes: tuple[str, ...] = ()
    """Class names in the order of the logits."""

    @property
    def normalisation(self) -> Normalisation:
        """Values for three channels; grey images are repeated."""
        mean, std = (values * 3 if len(values) == 1 else values for values in (self.mean, self.sd))
        return Normalisation((mean[0], mean[1], mean[2]), (std[0], std[1], std[2]))

    @property
    def told(self) -> list[tuple[str, str]]:
        """Names and values for people to read."""
        mean, sd = (", ".join(f"{value:g}" for value in each) for each in (self.mean, self.sd))
        pairs = [("images", f"{self.side} x {self.side}, mean {mean}, sd {sd} of 0..1")]
        return [*pairs, ("classes", ", ".join(self.classes))] if self.classes else pairs

    def facts(self) -> dict[str, Any]:
        """Document of the known fields."""
        return {key: value for key, value in asdict(self).items() if value not in ("", ())}


class Trained(NamedTuple):
    """What a result folder records about its weights."""

    preprocessing: Preprocessing | None = None
    """None if the version that wrote the folder did not record it."""
    recipe: str = ""


def trained_with(weights: Path) -> Trained:
    """What the folder of results says that weights lie in, or a folder in it.

    Raises:
        DocumentError: it is damaged.
    """
    for folder in (weights.parent, weights.parent.parent):
        for name, key, recipe in DOCUMENTS:
            if (path := folder / name).is_file():
                content = yaml.read(path, MAX_BYTES)
                found = content.get(key)
                where = f"{path} ({key})"
                how = None if found is None else read_preprocessing(found, where)
                return Trained(how, _text_at(content, recipe))
    return Trained()


def read_preprocessing(content: Any, where: str) -> Preprocessing:
    """From a document, as `Preprocessing.facts` put it there.

    Raises:
        DocumentError: naming `where` and the key.
    """
    found = read_record(Preprocessing, content, where)
    for name, values in (("mean", found.mean), ("sd", found.sd)):
        if len(values) not in (1, 3):
            raise DocumentError(
                f"{where} ({name}): expected one number or three, found {len(values)}"
            )
    return found


def _text_at(content: Any, keys: tuple[str, ...]) -> str:
    """The text at nested keys; empty if there is none."""
    for key in keys:
        content = content.get(key) if isinstance(content, dict) else None
    return content if isinstance(content, str) else ""
