"""Expressions of generated Python: calls whose numbers may differ where their form is the same.

Lines are laid out as ruff and black do it, so that generated code passes their checks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import isinf
from typing import Any

LINE = 100
INDENT = 4


@dataclass(frozen=True, slots=True)
class Slot:
    """A value in an expression. Two are equal that have one name: their values may differ."""

    name: str
    """Behind the dotted path of the part it belongs to."""
    value: Any = field(compare=False)
    default: Any = field(default=..., compare=False)
    """An argument of this value is left out."""


@dataclass(frozen=True, slots=True)
class Call:
    """`head(argument, keyword=argument)`; positional arguments have the keyword ""."""

    head: Expr
    args: tuple[tuple[str, Expr], ...] = ()


Expr = str | Slot | Call
"""A string is code that is the same wherever the form is the same."""


def slots(expr: Expr) -> Iterator[Slot]:
    """All slots from left to right."""
    if isinstance(expr, Slot):
        yield expr
    elif isinstance(expr, Call):
        yield from slots(expr.head)
        for _, arg in expr.args:
            yield from slots(arg)


def under(path: str, expr: Expr) -> Expr:
    """The expression as that of a part: `path` goes in front of its slots' names."""
    if isinstance(expr, Slot):
        return Slot(f"{path}.{expr.name}", expr.value, expr.default)
    if isinstance(expr, Call):
        args = tuple((keyword, under(path, arg)) for keyword, arg in expr.args)
        return Call(under(path, expr.head), args)
    return expr


def filled(expr: Expr, texts: Iterator[str], names: Mapping[str, str]) -> Expr:
    """The expression with the next text in place of each slot; an empty one leaves it out.

    `names` replaces heads.
    """
    if isinstance(expr, Slot):
        return next(texts)
    if isinstance(expr, Call):
        head = filled(expr.head, texts, names)
        args = [(keyword, filled(arg, texts, names)) for keyword, arg in expr.args]
        return Call(head, tuple((keyword, arg) for keyword, arg in args if arg != ""))
    return names.get(expr, expr)


def literal(value: Any) -> str:
    """A number, tuple, truth value or class of layers as code."""
    if isinstance(value, type):
        return f"nn.{value.__name__}"
    if isinstance(value, float) and isinf(value):
        return f'float("{value}")'
    return repr(value)


def lines(expr: Expr, indent: int, before: str = "", after: str = "") -> list[str]:
    """A filled expression on one line, or with its arguments on one line or one line each."""
    margin = " " * indent
    line = f"{margin}{before}{flat(expr)}{after}"
    if len(line) <= LINE or not isinstance(expr, Call):
        return [line]
    inside = [f"{margin}{' ' * INDENT}{_arguments(expr)}"]
    if len(inside[0]) > LINE:
        inside = [
            line
            for keyword, arg in expr.args
            for line in lines(arg, indent + INDENT, f"{keyword}=" if keyword else "", ",")
        ]
    return [f"{margin}{before}{flat(expr.head)}(", *inside, f"{margin}){after}"]


def flat(expr: Expr) -> str:
    """A filled expression on one line."""
    return f"{flat(expr.head)}({_arguments(expr)})" if isinstance(expr, Call) else str(expr)


def _arguments(call: Call) -> str:
    return ", ".join(f"{k}={flat(arg)}" if k else flat(arg) for k, arg in call.args)
