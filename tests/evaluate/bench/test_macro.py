"""NAS-Bench-Macro's table: read strictly, and looked up by code."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from nas.errors import DocumentError
from nas.evaluate.bench.benchmark import Benchmark, load_benchmark
from nas.evaluate.bench.macro import FILE, NETWORKS, code_of

NAME = "nas-bench-macro"
ARCHS = ["".join(digits) for digits in product("012", repeat=8)]
REAL = os.environ.get("NAS_BENCH_DATA")


def accuracy(arch: str) -> float:
    """Made up, and another for each row."""
    return 60 + int(arch, 3) / 300


def table(folder: Path, damage: Callable[[str], str] = str) -> Path:
    rows = [f"{arch},{arch},{accuracy(arch):.5f}" for arch in reversed(ARCHS)]
    (folder / FILE).write_text(damage("\n".join(["arch,canonical,mean_acc", *rows]) + "\n"))
    return folder


@pytest.fixture
def truth(tmp_path: Path) -> Benchmark:
    return load_benchmark(NAME, table(tmp_path))


def test_every_code_has_the_accuracy_of_its_row(truth: Benchmark) -> None:
    codes = np.array([code_of(truth.space, arch) for arch in ARCHS[::50]])
    found = truth.evaluate(codes)
    assert found.shape == (len(codes),)
    assert found.dtype == np.float64
    assert found == pytest.approx([accuracy(arch) for arch in ARCHS[::50]], abs=1e-5)


def test_many_at_once_are_one_at_a_time(truth: Benchmark) -> None:
    codes = truth.space.layered.sample(50, np.random.default_rng(0))
    assert [truth.evaluate(code[None])[0] for code in codes] == truth.evaluate(codes).tolist()


def test_best_is_the_largest(truth: Benchmark) -> None:
    assert truth.best == pytest.approx(accuracy("22222222"), abs=1e-5)


def test_other_tables_have_other_hashes(tmp_path: Path, truth: Benchmark) -> None:
    other = load_benchmark(NAME, table(tmp_path, lambda text: text.replace("60.00000", "61.00000")))
    assert len(truth.content_hash) == 12
    assert truth.content_hash != other.content_hash


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("22222221,", "22222222,", "line 3 (arch): found '22222222', expected each network once"),
        ("22222221,", "2222222,", "line 3 (arch): found '2222222', expected 8 digits from 0 to 2"),
        ("22222221,", "22222223,", "line 3 (arch): found '22222223', expected 8 digits"),
        ("81.86667", "181.8", "line 2 (mean_acc): found '181.8', expected a number from 0 to 100"),
        ("81.86667", "nan", "line 2 (mean_acc): found 'nan', expected a number"),
        ("81.86667", "", "line 2 (mean_acc): found '', expected a number"),
        ("81.86667", "81.8,7", "line 2: found 4 cells, expected 3"),
        ("mean_acc", "acc", "line 1: column 'mean_acc' is missing, found arch, canonical, acc"),
        ("canonical", "arch", "column 'arch' is repeated"),
        ("00000000,00000000,60.00000\n", "", "found 6560 networks, expected 6561; 00000000 is"),
        ("81.86667", '"81', "not readable as CSV"),
    ],
)
def test_damage_is_named(tmp_path: Path, old: str, new: str, says: str) -> None:
    table(tmp_path, lambda text: text.replace(old, new, 1))
    with pytest.raises(DocumentError, match=re.escape(FILE)) as caught:
        load_benchmark(NAME, tmp_path)
    assert says in str(caught.value)


@pytest.mark.parametrize("given", [True, False])
def test_a_missing_table_is_told_with_where_to_get_it(tmp_path: Path, given: bool) -> None:
    with pytest.raises(DocumentError, match=r"github\.com/xiusu/NAS-Bench-Macro"):
        load_benchmark(NAME, tmp_path if given else None)


@pytest.mark.skipif(not REAL, reason="NAS_BENCH_DATA names no folder with the real table")
def test_the_real_table_is_a_lookup() -> None:
    truth = load_benchmark(NAME, Path(str(REAL)))
    found = truth.evaluate(np.array([code_of(truth.space, arch) for arch in ARCHS]))
    assert len(found) == NETWORKS
    assert found.max() == truth.best == pytest.approx(93.1267, abs=1e-4)
    assert found[ARCHS.index("00000000")] == pytest.approx(45.36333)
    assert found[ARCHS.index("22222222")] == pytest.approx(92.95333)
    assert found[ARCHS.index("12102202")] == found[ARCHS.index("12120220")]
