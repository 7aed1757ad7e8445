"""Recorded settings: a run with the same contents resumes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nas.errors import ResultError
from nas.files.settings import FILE, RunInputs, RunSettings, read_settings

RECIPE = {"lr": 0.01, "stages": ({"side": 32, "mixup": 0.0},), "flip": False}
KNOWN = RunInputs({"space": "3f9a"}, {"recipe": RECIPE, "seed": 0})
SETTINGS = RunSettings.of("search", "net", {"trials": 4}, KNOWN)


def with_recipe(**changes: Any) -> RunSettings:
    return replace(SETTINGS, values={"recipe": {**RECIPE, **changes}, "seed": 0})


def test_they_are_read_back_as_they_were(tmp_path: Path) -> None:
    SETTINGS.write(tmp_path)
    found = read_settings(tmp_path)
    SETTINGS.check(found, tmp_path)
    assert (found.sizes, found.study) == ({"trials": 4}, SETTINGS.study)
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (with_recipe(lr=0.02), "net was started with recipe.lr 0.01, found 0.02; resume with"),
        (with_recipe(stages=()), "net was started with recipe.stages.1.side 32, found none"),
        (replace(SETTINGS, contents={"space": "8c1d"}), "another space (content 3f9a, now 8c1d)"),
        (replace(SETTINGS, contents={}), "another space (content 3f9a, now none)"),
        (replace(SETTINGS, command="train"), "net was made by nas search, not nas train"),
    ],
)
def test_the_first_difference_is_named(tmp_path: Path, changed: RunSettings, message: str) -> None:
    SETTINGS.write(tmp_path)
    with pytest.raises(ResultError) as error:
        changed.check(read_settings(tmp_path), Path("net"))
    assert message in str(error.value)
    assert len(str(error.value)) < 200


def test_a_key_that_one_version_lacks_counts_as_its_default(tmp_path: Path) -> None:
    """An upgrade adds a key, and a downgrade removes it."""
    SETTINGS.write(tmp_path)
    old = read_settings(tmp_path)
    with_recipe(cutmix=0.0).check(old, tmp_path)
    with_default = replace(with_recipe(steps=9), defaults={"recipe": {"steps": 9}})
    with_default.check(old, tmp_path)
    with pytest.raises(ResultError, match="started with recipe.steps 9, found 8"):
        replace(with_recipe(steps=8), defaults=with_default.defaults).check(old, tmp_path)
    with_recipe(cutmix=0.0, warm=2).write(tmp_path)
    with pytest.raises(ResultError, match="started with recipe.warm 2, found none"):
        SETTINGS.check(read_settings(tmp_path), tmp_path)


def test_a_study_is_named_by_all_that_is_not_size() -> None:
    assert SETTINGS.study == replace(SETTINGS, sizes={"trials": 8}).study
    others = [with_recipe(lr=0.02), replace(SETTINGS, contents={}), replace(SETTINGS, name="two")]
    assert len({settings.study for settings in (SETTINGS, *others)}) == 4
    assert (SETTINGS.scope(None), SETTINGS.scope("sqlite://")) == ("", f"{SETTINGS.study}: ")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "settings.json is empty; without it the run cannot be resumed: choose another --name"),
        ("{", "settings.json is damaged: Expecting property name"),
        ("[]", "settings.json is damaged: expected keys and values, found []"),
        ("[" * 100_000, "settings.json is damaged: "),
        ("\x00", "settings.json is damaged: "),
        ('{"epochs": 3}', "is of an earlier version of nas (schema None, expected 1)"),
        ('{"schema": 9}', "is of another version of nas (schema 9, expected 1)"),
        ('{"schema": 1}', "settings.json: key 'command' is missing"),
        ({"sizes": {"trials": "4"}}, "settings.json (sizes.trials): expected a whole number"),
        ({"sizes": {"trials": True}}, "settings.json (sizes.trials): expected a whole number"),
        ({"sizes": []}, "settings.json (sizes): expected keys and values, found []"),
        ({"contents": {"space": 1}}, "settings.json (contents.space): expected text, found 1"),
        ({"more": 1}, "unknown key 'more'"),
    ],
)
def test_a_damaged_file_is_one_line_that_says_what_to_do(
    tmp_path: Path, text: str | dict[str, Any], message: str
) -> None:
    SETTINGS.write(tmp_path)
    path = tmp_path / FILE
    if isinstance(text, dict):
        text = json.dumps(json.loads(path.read_text()) | text)
    path.write_text(text)
    with pytest.raises(ResultError) as error:
        read_settings(tmp_path)
    assert message in str(error.value)
    assert "--force to start over" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_folder_without_the_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ResultError, match=r"has no settings\.json, which says what it was made"):
        read_settings(tmp_path)
