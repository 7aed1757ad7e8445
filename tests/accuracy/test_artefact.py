"""A damaged artefact is refused with the file, the row and the field."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from nas.accuracy import load_surrogate
from nas.errors import NasError
from nas.files.resources import find

FOLDER = find("surrogate", "imagenet").parent


def replaced(old: str, new: str) -> Callable[[str], str]:
    return lambda text: text.replace(old, new, 1)


def without_last_line(text: str) -> str:
    return text[: text.rstrip("\n").rfind("\n") + 1]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(FOLDER, tmp_path / "damaged"))


@pytest.mark.parametrize(
    ("file", "damage", "says"),
    [
        ("surrogate.yaml", replaced("ceiling: 90", "ceiling: -90"), "model.ceiling"),
        ("surrogate.yaml", replaced("ceiling: 90", "ceiling: .nan"), "line "),
        ("surrogate.yaml", replaced("  length:", "  lenght:"), "nearest: length"),
        ("surrogate.yaml", replaced("schema: 1", "schema: 2"), "(schema): expected 1, found 2"),
        ("surrogate.yaml", replaced("experts:", "experts: []\nrest:"), "rest"),
        ("surrogate.yaml", lambda text: "model: [", "surrogate.yaml"),
        ("inputs.csv", replaced("depth1,", "deep1,"), "line 2 (input)"),
        ("inputs.csv", without_last_line, "expected 68 rows"),
        ("terms.csv", replaced("params,", "params,x"), "line 3 (centre)"),
        ("terms.csv", replaced(",", ",nan,"), "line 1"),
        (
            "terms.csv",
            replaced("constant,0,1", "constant,0,0"),
            "line 2 (scale): found '0', expected a number above 0",
        ),
        ("factor.csv", without_last_line, "expected 160 rows"),
        ("factor.csv", lambda text: text.replace("network,", "net,", 1), "line 1"),
        ("pairs.csv", replaced("first,second", "first"), "line 1"),
        ("networks.csv", lambda text: text.splitlines()[0] + "\n", "at least one network"),
        ("networks.csv", lambda text: text + "odd,row\n", "found 2"),
        ("networks.csv", lambda text: "", "line 1"),
    ],
)
def test_damage_is_named(copy: Path, file: str, damage: Callable[[str], str], says: str) -> None:
    path = copy / file
    path.write_text(damage(path.read_text()))
    with pytest.raises(NasError, match=re.escape(file)) as caught:
        load_surrogate(copy)
    assert says in str(caught.value)


@pytest.mark.parametrize("file", ["surrogate.yaml", "networks.csv", "factor.csv", "pairs.csv"])
def test_a_missing_file_is_named(copy: Path, file: str) -> None:
    (copy / file).unlink()
    with pytest.raises(NasError, match=file):
        load_surrogate(copy)


def test_a_file_that_is_not_text_is_refused(copy: Path) -> None:
    (copy / "pairs.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(NasError, match=r"pairs\.csv"):
        load_surrogate(copy)
