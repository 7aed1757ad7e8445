"""A fitted benchmark as a folder of text, below `predictors/benchmarks/`.

truth.yaml   name, sources, held-out figures, the constant, and what space and trees they are of
trees.csv    one node a row: `parameter` and `at_most` of a test with the nodes `left` and `right`
             below it, or the `value` of a leaf in points
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nas.errors import DocumentError, UnknownNameError
from nas.evaluate.bench.trees import LEAVES, Node, Tree, Trees
from nas.files import yaml
from nas.files.csv import CsvRow, read_csv
from nas.files.records import read_record
from nas.files.resources import content_hash
from nas.space.choices import Choices
from nas.space.space import Space

YAML, CSV = "truth.yaml", "trees.csv"
COLUMNS = ("tree", "node", "parameter", "at_most", "left", "right", "value")
MAX_TREES = 10_000
LAST_NODE = 2 * LEAVES - 2
MAX_POINTS = 100.0


@dataclass(frozen=True, slots=True)
class Truth:
    """Keys of `truth.yaml`."""

    schema: Any
    name: str
    made: str
    accuracy: str
    source: str
    networks: float
    held_out: Any
    constant: float
    space_hash: str
    hash: str


def read_fitted(folder: Path, space: Space) -> tuple[Trees, Truth]:
    """Read the trees over a space from their folder.

    Raises:
        DocumentError: naming file, row and field; also if `truth.yaml` belongs to other trees or
            another space.
    """
    path = folder / YAML
    truth = read_record(Truth, yaml.read(path), str(path))
    choices = Choices.of(space.table)
    trees = read_trees(folder / CSV, choices)
    for key, expected, found, of in (
        ("space_hash", truth.space_hash, space.space_hash, f"space {space.name}"),
        ("hash", truth.hash, content_hash(folder / CSV), CSV),
    ):
        if found != expected:
            raise DocumentError(
                f"{path} ({key}): the hash of {of} is {found}, expected {expected};"
                " the held-out figures belong to other content"
            )
    return Trees(choices, trees, truth.constant), truth


def read_trees(path: Path, choices: Choices) -> list[Tree]:
    """Read the nodes of `trees.csv`, and check that they form complete trees over these choices."""
    sizes = {parameter.name: len(parameter.values) for parameter in choices.parameters}
    trees: list[list[Node]] = []
    due: set[int] = set()
    """Nodes of the last tree that a test leads to and that are still missing."""
    for line in read_csv(path, COLUMNS):
        if not due:
            trees.append([])
            due.add(0)
        tree = trees[-1]
        if line.integer("tree", 0, MAX_TREES) != len(trees) - 1:
            line.fail("tree", f"{len(trees) - 1}, which lacks node {min(due)}")
        if line.integer("node", 0, LAST_NODE) != len(tree) or len(tree) not in due:
            line.fail("node", f"{len(tree)}, and a test that leads to it")
        due.remove(len(tree))
        tree.append(_node(line, sizes))
        if tree[-1].parameter is not None:
            for column in ("left", "right"):
                below = line.integer(column, len(tree), LAST_NODE)
                if below in due:
                    line.fail(column, "a node that no other test leads to")
                due.add(below)
    if due or not trees:
        raise DocumentError(f"{path}: ends before node {min(due, default=0)} of its last tree")
    return list(trees)


def _node(line: CsvRow, sizes: Mapping[str, int]) -> Node:
    """Read a test or a leaf; the cells of the other kind are empty."""
    name = line.cells["parameter"]
    for column in ("value",) if name else ("at_most", "left", "right"):
        if line.cells[column]:
            line.fail(column, f"nothing in {'a test' if name else 'a leaf'}")
    if not name:
        return Node(value=line.number("value", -MAX_POINTS, MAX_POINTS))
    if name not in sizes:
        where = f"{line.where} (parameter)"
        raise DocumentError(str(UnknownNameError("parameter", name, sizes, where)))
    return Node(
        parameter=[*sizes].index(name),
        # below -1, or at the last value, one side would be empty
        at_most=line.integer("at_most", -1, sizes[name] - 2),
        left=line.integer("left", 0, LAST_NODE),
        right=line.integer("right", 0, LAST_NODE),
    )
