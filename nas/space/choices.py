"""The choices of a table as named parameters, for Optuna and for statistical models.

A position of a space has up to thousands of options, each a combination of a few columns. A
parameter is one column at one position (`row 3.2 k`), so that a model learns about a kernel size
from every option that has it. A parameter has no value for an option that lacks its column.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import zip_longest
from types import EllipsisType

import numpy as np

from nas.space.columns import Floats, Ints
from nas.space.table import Position, Table

Value = str | int | float | None
Cell = Value | EllipsisType
"""A value, or `...` if the option has no such column."""
LEFT_OUT = "left out"
"""Op of a repeat that is left out."""
ABSENT = -1
"""Index of the value of a parameter that the option lacks."""
AT_ONCE = 64
"""Number of options that are compared with all others at a time."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A named choice."""

    name: str
    layer: int
    """Index of the gene that decides it."""
    values: tuple[Value, ...]


@dataclass(frozen=True, eq=False)
class Choices:
    """All parameters of a table, and the mapping between codes and their values."""

    parameters: tuple[Parameter, ...]
    options: tuple[Ints, ...]
    """For each layer (O, its parameters): index of the value, or `ABSENT`."""
    branches: tuple[tuple[int, int] | None, ...]
    """For each layer, the layer of its selector and its branch; None if it always counts."""

    @classmethod
    def of(cls, table: Table) -> Choices:
        """Choices of a table; a column that follows from the op is not one."""
        inputs = tuple("x".join(map(str, shape)) for shape in table.inputs)
        columns: list[dict[str, list[Cell]]] = [
            {"input": list(inputs)},
            *map(_columns, table.positions),
        ]
        labels = ["", *_labels(table.positions)]
        parameters: list[Parameter] = []
        options = []
        for layer, (label, named) in enumerate(zip(labels, columns, strict=True)):
            size = len(next(iter(named.values()), ()))
            indices = []
            for column, cells in named.items():
                values = tuple(dict.fromkeys(cell for cell in cells if cell is not ...))
                if _is_choice(cells, named.get("op", [])):
                    parameters.append(Parameter(f"{label} {column}".strip(), layer, values))
                    place: dict[Cell, int] = {value: index for index, value in enumerate(values)}
                    indices.append([place.get(cell, ABSENT) for cell in cells])
            options.append(np.array(indices, np.int64).reshape(len(indices), size).T)
        return cls(tuple(parameters), tuple(options), _branches(table.positions))

    def values(self, codes: Ints) -> Ints:
        """(n, P) codes -> (n, parameters) indices of values, or `ABSENT`."""
        found = [option[codes[:, layer]] for layer, option in enumerate(self.options)]
        for layer, branch in enumerate(self.branches):
            if branch is not None:
                found[layer] = np.where(
                    (codes[:, branch[0]] == branch[1])[:, None], found[layer], ABSENT
                )
        values: Ints = np.concatenate(found, axis=1)
        return values

    def named(self, code: Ints) -> dict[str, Value]:
        """Values of the parameters that a code has, by name."""
        return {
            parameter.name: parameter.values[index]
            for parameter, index in zip(self.parameters, self.values(code[None])[0], strict=True)
            if index != ABSENT
        }

    def code(self, named: Mapping[str, Value]) -> Ints:
        """(P,) code that agrees best with named values (see `codes`)."""
        found: Ints = self.codes(np.array([[_index(p, named) for p in self.parameters]]))[0]
        return found

    def codes(self, values: Ints) -> Ints:
        """(n, parameters) -> (n, P) codes that agree best; earlier columns weigh more.

        Values of parameters that the chosen options lack are ignored; codes may need repair.
        """
        codes = np.zeros((len(values), len(self.options)), np.int64)
        for layer, (option, columns) in enumerate(zip(self.options, self._columns, strict=True)):
            if option.shape[1]:
                weights = 2.0 ** -np.arange(option.shape[1])
                agree = (values[:, None, columns] == option) @ weights
                codes[:, layer] = agree.argmax(axis=1)
        return codes

    @cached_property
    def _columns(self) -> list[slice]:
        """Slice of the parameters of each layer."""
        ends = np.cumsum([0, *(option.shape[1] for option in self.options)]).tolist()
        return [slice(start, stop) for start, stop in zip(ends, ends[1:], strict=False)]

    def one_hot(self, codes: Ints, *, absent: bool = False) -> Floats:
        """(n, P) codes -> (n, D): whether each value of each parameter is chosen.

        With `absent`, having no value counts as one more value, so that all rows have one sum.
        """
        return _one_hot(self.values(codes), self.parameters, absent=absent)

    @cached_property
    def one_hot_options(self) -> list[Floats]:
        """For each layer (O, its D): values of each option."""
        parts = zip(self.options, self._columns, strict=True)
        return [_one_hot(option, self.parameters[columns]) for option, columns in parts]

    @cached_property
    def near(self) -> list[list[Ints]]:
        """For each layer and option, the options that differ in one parameter that both have.

        Options of different ops count as such if they agree in all columns that both ops have.
        """
        return [_near(option) for option in self.options]


def _near(option: Ints) -> list[Ints]:
    """Neighbours of each option from values (O, parameters); all others if it has none."""
    size, columns = len(option), list(option.T)
    twice = np.arange(2 * size) % max(size, 1)
    near: list[Ints] = []
    for first in range(0, size, AT_ONCE):
        apart = np.zeros((len(option[first : first + AT_ONCE]), size), np.int8)
        for column in columns:
            own = column[first : first + AT_ONCE, None]
            apart += (own != column) & (own != ABSENT) & (column != ABSENT)
        for index, row in enumerate(apart == 1, first):
            found = np.flatnonzero(row)
            near.append(found if len(found) else twice[index + 1 : index + size])
    return near


def _one_hot(values: Ints, parameters: tuple[Parameter, ...], *, absent: bool = False) -> Floats:
    """(n, parameters) indices of values -> (n, D); see `Choices.one_hot`."""
    first = np.cumsum([0, *(len(parameter.values) + 1 for parameter in parameters)])
    hot = np.zeros((len(values), first[-1]))
    hot[np.arange(len(values))[:, None], first[:-1] + values + 1] = 1
    return hot if absent else np.delete(hot, first[:-1], axis=1)


def _is_choice(cells: list[Cell], ops: list[Cell]) -> bool:
    """Whether a column has several values, and more than one for some op."""
    if cells is ops or not ops:
        return len(set(cells)) > 1
    return len(set(zip(cells, ops, strict=True))) > len(set(ops))


def _index(parameter: Parameter, named: Mapping[str, Value]) -> int:
    if parameter.name not in named or named[parameter.name] not in parameter.values:
        return ABSENT
    return parameter.values.index(named[parameter.name])


def _columns(position: Position) -> dict[str, list[Cell]]:
    """Cells of every option by column, `...` if it has none; the op comes first."""
    if position.selects:
        return {"alternative": list(range(1, len(position.options) + 1))}
    rows = [option[0].canonical() if option else {"op": LEFT_OUT} for option in position.options]
    names = dict.fromkeys(name for row in rows for name in row)
    columns = {name: [_cell(row.get(name, ...)) for row in rows] for name in names}
    if any(len(option) > 1 for option in position.options):
        columns["n"] = [len(option) for option in position.options]
    return columns


def _cell(value: object) -> Cell:
    plain = value is ... or value is None or isinstance(value, str | int | float)
    return value if plain else str(value)  # type: ignore[return-value]


def _labels(positions: tuple[Position, ...]) -> list[str]:
    """`row 3`, or `row 3.2` for its second repeat; `from row 3` where a group is chosen."""
    labels: list[str] = []
    repeat = 1
    for position, following in zip_longest(positions, positions[1:]):
        repeat = 1 if position.first else repeat + 1
        alone = position.first and (following is None or following.first)
        if position.selects:
            labels.append(f"from row {position.row}")
        else:
            labels.append(f"row {position.row}" + ("" if alone else f".{repeat}"))
    return labels


def _branches(positions: tuple[Position, ...]) -> tuple[tuple[int, int] | None, ...]:
    branches: list[tuple[int, int] | None] = [None]
    selector = 0
    for layer, position in enumerate(positions, 1):
        if position.selects:
            selector = layer
        inside = position.branch is not None
        branches.append((selector, position.branch) if inside else None)  # type: ignore[arg-type]
    return tuple(branches)
