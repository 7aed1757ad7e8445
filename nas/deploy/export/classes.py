"""The classes of a network: one per form of its scopes, with what differs as parameters.

Every scope becomes a module of its own, so that tensors keep their names. Scopes that differ in
numbers alone share a class, unless it would take more than `MAX_PARAMS`: then those of the same
numbers do. Up to `MAX_CHAIN` layers in a row are a sequence.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from nas.deploy.export.code import Call, Slot, literal
from nas.deploy.export.scopes import Body, Reader, camel, identifier
from nas.graph.graph import Graph

MAX_PARAMS = 8
MAX_CHAIN = 3
MAX_EXTRAS = 3
"""Words that tell classes apart."""

CLASSES = {"Constant", "Gather", "Param", "Path", "Scale", "Sequence", "Tensor"}
"""Names that the file has other uses for."""

RELATIONS: tuple[tuple[str, Callable[[int], int]], ...] = (
    ("{} * 2", lambda n: n * 2),
    ("{} * 3", lambda n: n * 3),
    ("{} * 4", lambda n: n * 4),
    ("{} // 2", lambda n: n // 2),
    ("{} // 4", lambda n: n // 4),
)
"""A number that is so of a parameter in all instances needs none of its own."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """Of a constructor: its name there, and its value for each instance."""

    name: str
    values: tuple[Any, ...]


@dataclass(slots=True)
class Class:
    """A body, and the scopes that are instances of it."""

    body: Body
    paths: list[str]
    name: str = ""
    parameters: list[Parameter] = field(default_factory=list)
    fills: list[tuple[str, str]] = field(default_factory=list)
    """For each slot code with a place for a parameter, and its name; or code, and ""."""


def classes(graph: Graph) -> list[Class]:
    """Every class comes behind those it uses; the last is the network.

    Heads of the calls that make an instance are the class's index, `@3`.
    """
    reader = Reader(graph)
    found: list[Class] = []
    for _, level in groupby(sorted(reader.runs, key=reader.height), key=reader.height):
        alike: dict[Body, dict[str, list[Slot]]] = defaultdict(dict)
        for path in level:
            body = reader.body(path)
            if path and body.is_chain() and reader.layers_under(path) <= MAX_CHAIN:
                reader.made[path] = Call("chain", body.parts)
            else:
                alike[body][path] = body.slots()
        for body, instances in alike.items():
            for made in _made(body, instances):
                for i, path in enumerate(made.paths):
                    args = ((p.name, Slot(p.name, p.values[i])) for p in made.parameters)
                    reader.made[path] = Call(f"@{len(found)}", tuple(args))
                found.append(made)
    _name(found)
    return found


def _made(body: Body, instances: dict[str, list[Slot]]) -> Iterator[Class]:
    """One class of these scopes; one for each set of numbers if it took too many parameters."""
    whole = _parameterised(body, instances)
    if len(whole.parameters) <= MAX_PARAMS:
        yield whole
        return
    alike: dict[tuple[str, ...], dict[str, list[Slot]]] = defaultdict(dict)
    for path, found in instances.items():
        alike[tuple(literal(slot.value) for slot in found)][path] = found
    for part in alike.values():
        yield _parameterised(body, part)


def _parameterised(body: Body, instances: dict[str, list[Slot]]) -> Class:
    """With a parameter for each value that differs, and differs from those before it."""
    fills: list[tuple[str, str]] = []
    known: dict[tuple[str, ...], tuple[str, str]] = {}
    columns: dict[str, tuple[Any, ...]] = {}
    for found in zip(*instances.values(), strict=True):
        name, column = found[0].name, tuple(slot.value for slot in found)
        texts = tuple(map(literal, column))
        if len(set(texts)) == 1:
            fills.append(("" if column[0] == found[0].default else texts[0], ""))
            continue
        if texts not in known:
            known[texts] = _relation(column, columns) or ("{}", name)
            if known[texts][1] == name:
                columns[name] = column
        fills.append(known[texts])
    short = _short(list(columns), {name for name, _ in body.parts})
    parameters = [Parameter(short[name], column) for name, column in columns.items()]
    named = [(text, short[name] if name else "") for text, name in fills]
    return Class(body, list(instances), parameters=parameters, fills=named)


def _relation(
    column: tuple[Any, ...], columns: dict[str, tuple[Any, ...]]
) -> tuple[str, str] | None:
    """How the numbers follow from a parameter's, and which."""
    for name, others in columns.items():
        if all(type(n) is int for n in (*column, *others)):
            for text, relation in RELATIONS:
                if tuple(map(relation, others)) == column:
                    return text, name
    return None


def _short(names: list[str], taken: set[str]) -> dict[str, str]:
    """For each dotted name its last part; with the first in front where others end alike."""
    lasts = {name: name.rpartition(".")[2] for name in names}
    firsts = {name: f"{name.partition('.')[0]}_{last}" for name, last in lasts.items()}
    short: dict[str, str] = {}
    for attempt in (lasts, firsts):
        counts = Counter(attempt.values())
        for name, text in attempt.items():
            if counts[text] == 1 and text not in taken.union(short.values()):
                short.setdefault(name, text)
    for name in names:
        short.setdefault(name, identifier(name, taken.union(short.values())))
    return short


def _name(found: list[Class]) -> None:
    """After the scope; several of one name also after what only some of them do, or by number."""
    alike: dict[str, list[Class]] = defaultdict(list)
    for each in found:
        alike[each.body.base].append(each)
    taken = {*CLASSES}
    for base, group in alike.items():
        common = set.intersection(*(set(each.body.steps) for each in group))
        extras = [[s for s in dict.fromkeys(c.body.steps) if s not in common] for c in group]
        named = [base + "".join(map(camel, extra)) for extra in extras]
        if len(set(named)) < len(named) or max(map(len, extras)) > MAX_EXTRAS:
            named = [f"{base}{number}" for number in range(1, len(group) + 1)]
        for each, name in zip(group, named, strict=True):
            each.name = f"{name}Block" if name in taken else name
            taken.add(each.name)
