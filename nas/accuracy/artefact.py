"""The surrogate as a folder of text.

surrogate.yaml   name, reference recipe, sources, held-out figures, and the few scalars
networks.csv     representative networks: features, weight in the process
factor.csv       what they say about each other: the factor of the variance that they explain
inputs.csv       per input a centre and a scale; per expert centre, scale, radius, linear term
terms.csv        centre and scale of the law's terms
pairs.csv        the experts' quadratic terms
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any, Literal

import numpy as np

from nas.accuracy.features import FEATURES
from nas.accuracy.inputs import INPUTS, LAW, inputs, law_basis
from nas.accuracy.score_process import ScoreCovariance, ScoreProcess
from nas.accuracy.surrogate import Distillation, Expert, Scaling, Surrogate
from nas.errors import DocumentError
from nas.files import yaml
from nas.files.csv import CsvRow, read_csv
from nas.files.records import between, read_record
from nas.files.resources import content_hash
from nas.gp import Posterior
from nas.space.columns import Floats

FILES = (
    "surrogate.yaml",
    "networks.csv",
    "factor.csv",
    "inputs.csv",
    "terms.csv",
    "pairs.csv",
)
NETWORK = ("network", "weight", "resolution", *FEATURES)
PROVENANCE = ("schema", "name", "reference", "sources", "held_out", "made")


@dataclass(frozen=True, slots=True)
class _Model(ScoreCovariance):
    """Scalars of the surrogate: those of its process, and the ends of its estimates."""

    ceiling: float = between(above=0, high=inf)
    floor_sd: float = between(above=0, high=inf)
    distilled_gain: float = between(above=0, high=inf)
    distilled_gain_sd: float = between(above=0, high=inf)


@dataclass(frozen=True, slots=True)
class _Document:
    """Keys of `surrogate.yaml`."""

    schema: Literal[1]
    name: Any
    reference: Any
    sources: Any
    held_out: Any
    made: Any
    model: _Model
    experts: Mapping[str, float]


def load_surrogate(folder: str | Path) -> Surrogate:
    """Read a surrogate from its folder.

    Raises:
        DocumentError: naming file, row and field.
    """
    folder = Path(folder)
    origin = folder / "surrogate.yaml"
    content = yaml.read(origin)
    document = read_record(_Document, content, str(origin))
    model, constants = document.model, document.experts
    columns = [
        f"{name}_{part}" for name in constants for part in ("centre", "scale", "radius", "linear")
    ]
    table = _table(folder / "inputs.csv", ("input",), ("centre", "scale", *columns), INPUTS)
    terms = _table(folder / "terms.csv", ("term",), ("centre", "scale"), LAW)
    pairs = [f"{a} {b}" for i, a in enumerate(INPUTS) for b in INPUTS[i:]]
    quadratic = _table(folder / "pairs.csv", ("first", "second"), tuple(constants), pairs)
    scaling = Scaling(table[:, 0], table[:, 1], terms[:, 0], terms[:, 1])
    return Surrogate(
        name=str(document.name),
        ceiling=model.ceiling,
        scaling=scaling,
        process=_process(folder, model, scaling),
        experts=tuple(
            _expert(name, constant, table[:, 2 + 4 * i : 6 + 4 * i], quadratic[:, i])
            for i, (name, constant) in enumerate(constants.items())
        ),
        distillation=Distillation(model.distilled_gain, model.distilled_gain_sd),
        floor_sd=model.floor_sd,
        content_hash=content_hash(*(folder / name for name in FILES)),
        provenance={key: content[key] for key in PROVENANCE},
        origin=str(origin),
    )


def symmetric(upper: Floats) -> Floats:
    """Coefficients of z_i z_j for i <= j as the symmetric matrix of that quadratic form."""
    matrix = np.zeros((len(INPUTS), len(INPUTS)))
    matrix[np.triu_indices(len(INPUTS))] = upper
    return (matrix + matrix.T) / 2


def _process(folder: Path, covariance: ScoreCovariance, scaling: Scaling) -> ScoreProcess:
    path = folder / "networks.csv"
    rows = read_csv(path, NETWORK, closed=True)
    values = np.array([_numbers(row, NETWORK[1:]) for row in rows])
    if not len(values):
        raise DocumentError(f"{path}: expected at least one network")
    weights, resolution, x = values[:, 0], values[:, 1], values[:, 2:]
    z, terms = scaling(inputs(x, resolution), law_basis(x, resolution))
    names = [row.cells["network"] for row in rows]
    factor = _table(folder / "factor.csv", ("network",), names, names)
    return ScoreProcess(covariance, z, terms, Posterior(factor, weights))


def _expert(name: str, constant: float, columns: Floats, upper: Floats) -> Expert:
    centre, scale, radius, linear = columns.T
    return Expert(name, centre, scale, radius, constant, linear, symmetric(upper))


def _table(
    path: Path, keys: Sequence[str], columns: Sequence[str], expected: Sequence[str]
) -> Floats:
    """Numbers (len(expected), len(columns)) of a CSV whose rows come in the expected order."""
    rows = read_csv(path, (*keys, *columns), closed=True)
    for row, wanted in zip(rows, expected, strict=False):
        if " ".join(row.cells[key] for key in keys) != wanted:
            row.fail(keys[0], repr(wanted))
    if len(rows) != len(expected):
        raise DocumentError(f"{path}: expected {len(expected)} rows, found {len(rows)}")
    return np.array([_numbers(row, columns) for row in rows])


def _numbers(row: CsvRow, columns: Sequence[str]) -> list[float]:
    return [row.positive(name) if name.endswith("scale") else row.number(name) for name in columns]
