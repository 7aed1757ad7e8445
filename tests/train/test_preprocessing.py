"""What a trained network expects of an image, as a folder of results says it."""

from __future__ import annotations

from pathlib import Path

import pytest

from nas.errors import DocumentError
from nas.files import yaml
from nas.train.preprocessing import (
    NORMALISATIONS,
    Preprocessing,
    Step,
    Trained,
    normalisation_of,
    trained_with,
)

HOW = Preprocessing(
    *("mine", "a folder", (0.1,), (0.05,), 32, "abc", "as is"),
    (Step("shorter_side", (36,)), Step("centre_crop", (32,))),
    ("1", "no", "null", "1e3", "a: b", "\n", "caf\u00e9"),
)


def write(path: Path, **content: object) -> Path:
    """A document, and the place of weights beside it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    yaml.write(path, content)
    return path.parent / "weights.safetensors"


def test_it_is_read_as_it_was_written(tmp_path: Path) -> None:
    weights = write(tmp_path / "train.yaml", data=HOW.facts(), recipe={"name": "proxy"})
    assert trained_with(weights) == Trained(HOW, "proxy")
    assert trained_with(tmp_path / "seed0" / weights.name) == Trained(HOW, "proxy")
    assert trained_with(tmp_path / "deep" / "seed0" / weights.name) == Trained()


def test_a_search_says_it_too(tmp_path: Path) -> None:
    training = {"recipe": "proxy"}
    weights = write(tmp_path / "study.yaml", images=HOW.facts(), training=training)
    assert trained_with(weights) == Trained(HOW, "proxy")
    write(tmp_path / "study.yaml", training=training)  # as an earlier version wrote it
    assert trained_with(weights) == Trained(None, "proxy")


def test_grey_statistics_are_those_of_all_channels() -> None:
    assert HOW.normalisation == ((0.1,) * 3, (0.05,) * 3)


def test_tens_of_thousands_of_classes_have_names(tmp_path: Path) -> None:
    classes = tuple(f"n{number:08}" for number in range(21_841))
    facts = {"name": "a", "source": "b", "mean": (0.5,), "sd": (0.5,), "side": 1}
    weights = write(tmp_path / "train.yaml", data=facts | {"classes": classes})
    found = trained_with(weights).preprocessing
    assert found is not None
    assert found.classes == classes


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("mean", [0.1, 0.2], r"\(mean\): expected one number or three, found 2"),
        ("sd", [0.0], r"\(sd 1\): expected a number from 1e-09"),
        ("steps", [{"step": "crop", "size": [3]}], "unknown value 'crop'; nearest: centre_crop"),
        ("classes", "a", r"\(classes\): expected a list"),
        ("colour", 1, "unknown key 'colour'"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, key: str, value: object, message: str) -> None:
    weights = write(tmp_path / "train.yaml", data=HOW.facts() | {key: value})
    with pytest.raises(DocumentError, match=message) as caught:
        trained_with(weights)
    assert "train.yaml (data)" in str(caught.value)


@pytest.mark.parametrize("name", NORMALISATIONS)
def test_a_normalisation_is_said_as_it_is_shown(name: str) -> None:
    assert normalisation_of(name) == normalisation_of(str(NORMALISATIONS[name]))
