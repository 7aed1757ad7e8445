"""A damaged benchmark is refused with the file, the row and the field."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from nas.errors import NasError
from nas.evaluate.bench.artefact import read_fitted
from nas.files.resources import data_dir
from nas.library import load_space

NAME = "accel-nasbench"
HEADER = "tree,node,parameter,at_most,left,right,value\n"
TREE = "0,0,row 2 k,0,1,2,\n0,1,,,,,0.5\n0,2,,,,,-0.5\n"


def replaced(old: str, new: str) -> Callable[[str], str]:
    return lambda text: text.replace(old, new, 1)


def instead(rows: str) -> Callable[[str], str]:
    return lambda text: HEADER + rows


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The shipped folder with a single tree."""
    folder = data_dir("predictors") / "benchmarks" / NAME
    shutil.copy(folder / "truth.yaml", tmp_path)
    (tmp_path / "trees.csv").write_text(HEADER + TREE)
    return tmp_path


@pytest.mark.parametrize(
    ("file", "damage", "says"),
    [
        (
            "truth.yaml",
            replaced("constant: ", "constant: about "),
            "(constant): expected a number, found 'about",
        ),
        ("truth.yaml", replaced("networks:", "network:"), "nearest: networks"),
        ("truth.yaml", replaced("source:", "source: 1\nsauce:"), "unknown key 'sauce'"),
        ("truth.yaml", replaced('space_hash: "', 'space_hash: "0'), "hash of space accel-nasbench"),
        ("truth.yaml", lambda text: "schema: [", "truth.yaml"),
        ("trees.csv", replaced("value\n", "values\n"), "line 1: "),
        ("trees.csv", replaced("0,0,", "1,0,"), "line 2 (tree): found '1', expected 0"),
        ("trees.csv", replaced("\n0,1,", "\n0,2,"), "line 3 (node): found '2', expected 1"),
        ("trees.csv", replaced("\n0,1,", "\n1,0,"), "line 3 (tree): found '1', expected 0,"),
        ("trees.csv", replaced("row 2 k", "row 2 q"), "unknown parameter 'row 2 q'; nearest: row"),
        ("trees.csv", replaced("k,0,", "k,1,"), "line 2 (at_most): found '1', expected a whole"),
        ("trees.csv", replaced("k,0,", "k,0.5,"), "line 2 (at_most): found '0.5'"),
        ("trees.csv", replaced(",1,2,", ",0,2,"), "line 2 (left): found '0', expected a whole"),
        ("trees.csv", replaced(",1,2,", ",1,1,"), "line 2 (right): found '1', expected a node"),
        ("trees.csv", replaced(",1,2,", ",1,15,"), "line 2 (right): found '15'"),
        ("trees.csv", replaced(",1,2,\n", ",1,2,7\n"), "(value): found '7', expected nothing"),
        ("trees.csv", replaced("0,1,,,", "0,1,,3,"), "(at_most): found '3', expected nothing"),
        ("trees.csv", replaced("0.5", "1e999"), "line 3 (value): found '1e999', expected a number"),
        ("trees.csv", replaced("0.5", "inf"), "line 3 (value): found 'inf'"),
        ("trees.csv", replaced("0.5", "0.5,"), "line 3: found 8 cells, expected 7"),
        ("trees.csv", instead(""), "ends before node 0"),
        ("trees.csv", instead(TREE.rpartition("0,2")[0]), "ends before node 2"),
        ("trees.csv", instead(TREE + "0,3,,,,,1\n"), "line 5 (tree): found '0', expected 1"),
        ("trees.csv", lambda text: "", "line 1: column 'tree' is missing, found nothing"),
    ],
)
def test_damage_is_named(copy: Path, file: str, damage: Callable[[str], str], says: str) -> None:
    path = copy / file
    path.write_text(damage(path.read_text()))
    with pytest.raises(NasError, match=re.escape(file)) as caught:
        read_fitted(copy, load_space(NAME))
    assert says in str(caught.value)


def test_trees_other_than_those_that_were_evaluated_are_refused(copy: Path) -> None:
    with pytest.raises(NasError, match=r"truth\.yaml \(hash\): the hash of trees\.csv is"):
        read_fitted(copy, load_space(NAME))


@pytest.mark.parametrize("file", ["truth.yaml", "trees.csv"])
def test_a_missing_file_is_named(copy: Path, file: str) -> None:
    (copy / file).unlink()
    with pytest.raises(NasError, match=re.escape(file)):
        read_fitted(copy, load_space(NAME))


def test_a_file_that_is_not_text_is_refused(copy: Path) -> None:
    (copy / "trees.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(NasError, match=r"trees\.csv"):
        read_fitted(copy, load_space(NAME))
