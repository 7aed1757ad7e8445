"""NAS-Bench-Macro (arXiv:2103.11922): the accuracy of every network of its space, from its table.

A network is written as eight digits, one per layer: 0 omits the layer, 1 is expansion 3 and kernel
3, 2 is expansion 6 and kernel 5. The table and the lookup hold all 6561 codes, although some are
the same network because a repeat is omitted before another.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from nas.errors import DocumentError
from nas.files.csv import read_csv
from nas.space.columns import Floats, Ints
from nas.space.space import Space
from nas.space.table import Option

SPACE = "nas-bench-macro"
FILE = "nas_bench_macro_cifar10.csv"
COLUMNS = ("arch", "mean_acc")
LAYERS, CHOICES = 8, 3
NETWORKS = CHOICES**LAYERS
MISSING = (
    f"the table of NAS-Bench-Macro is not shipped; {FILE} has a row for each network of"
    " nas-bench-macro_cifar10.json from github.com/xiusu/NAS-Bench-Macro, with the columns"
    f" {' and '.join(COLUMNS)}"
)


class Macro:
    """The table as a function of codes."""

    def __init__(self, space: Space, accuracies: Floats) -> None:
        self.accuracies = accuracies
        """(6561,) accuracies, indexed by the digits as a number to base 3."""
        digits = _digits(space)
        self._weights = np.zeros((len(digits), CHOICES), np.int64)
        place = NETWORKS
        for layer, own in enumerate(digits):
            if len(own) > 1:
                place //= CHOICES
                self._weights[layer] = np.array(own) * place
        self._layers = np.arange(len(digits))

    def __call__(self, codes: Ints) -> Floats:
        """Return mean accuracies in points. Shapes: codes (n, P) -> (n,)."""
        found: Floats = self.accuracies[self._weights[self._layers, codes].sum(axis=1)]
        return found


def code_of(space: Space, arch: str) -> Ints:
    """Return the code (P,) of a network written as eight digits."""
    left = iter(arch)
    genes = [own.index(int(next(left))) if len(own) > 1 else 0 for own in _digits(space)]
    return np.array(genes, np.int64)


def read_accuracies(folder: Path) -> Floats:
    """Read the accuracies (6561,), in points, from the user's copy of the table.

    Raises:
        DocumentError: the table is missing or malformed; names file, line and column.
    """
    path = folder / FILE
    if not path.is_file():
        raise DocumentError(f"{path}: no such file; {MISSING}")
    accuracies = np.full(NETWORKS, np.nan)
    for line in read_csv(path, COLUMNS):
        arch = line.cells["arch"]
        if not re.fullmatch(f"[012]{{{LAYERS}}}", arch):
            line.fail("arch", f"{LAYERS} digits from 0 to {CHOICES - 1}")
        if not np.isnan(accuracies[int(arch, CHOICES)]):
            line.fail("arch", "each network once")
        accuracies[int(arch, CHOICES)] = line.number("mean_acc", 0, 100)
    missing = np.flatnonzero(np.isnan(accuracies))
    if len(missing):
        first = np.base_repr(missing[0], CHOICES).zfill(LAYERS)
        raise DocumentError(
            f"{path} (arch): found {NETWORKS - len(missing)} networks, expected {NETWORKS};"
            f" {first} is missing"
        )
    return accuracies


def _digits(space: Space) -> list[list[int]]:
    """Return the digits of each layer's options; a layer without a choice has one."""
    digits = [[0], *([_digit(option) for option in p.options] for p in space.table.positions)]
    assert [sorted(own) for own in digits if len(own) > 1] == [[*range(CHOICES)]] * LAYERS
    return digits


def _digit(option: Option) -> int:
    if not option or option[0].op != "mv2":
        return 0  # at stride 2 a convolution replaces an omitted layer
    return {3: 1, 5: 2}[option[0].canonical()["k"]]
