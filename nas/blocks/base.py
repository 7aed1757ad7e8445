"""A row op: a frozen dataclass of the row's fields, with one function that lowers it to ops.

A new block is one file with one `Row` subclass, one entry in `nas.blocks.BLOCKS`, one row in
`tests/blocks/` and one line in `docs/blocks.md`; cost, latency, module and exports follow.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar, Self

from nas.errors import ArchError
from nas.graph.graph import GraphBuilder, Kept, Value
from nas.graph.ops import ACTIVATIONS, Shape
from nas.graph.widths import Plus, Ratio, Width

MAX_WIDTH = 65536
RATIO = re.compile(r"[0-9]*\.?[0-9]+x")
"""A width as a multiple of another one: `6x`, `2.3x`."""


@dataclass(frozen=True, slots=True)
class Row:
    """One resolved table row. Every attribute is a column of `FIELDS`."""

    op: ClassVar[str]
    relative_to: ClassVar[Mapping[str, str]] = {}
    """Width fields whose ratios refer to another field instead of the input's width."""
    adds: ClassVar[tuple[str, ...]] = ()
    """Width fields that are the sum of the input's width and the channels that rows above keep."""
    scale: ClassVar[str] = "all"
    """How `nas.space.scaling` scales it: all (width and depth), width, grow or none."""
    stage: ClassVar[bool] = True
    """It belongs to a stage (`nas.space.rules`), as blocks do; rows of stem and head do not."""
    reads_vector: ClassVar[bool] = False
    """It reads a pooled vector; other rows read a map."""
    classifies: ClassVar[bool] = False
    """Its `out` may be a number of classes."""

    def __init_subclass__(cls, **variables: Any) -> None:
        """Set class variables from the head of the class, as in `class Conv(Row, op="conv")`."""
        for name, value in variables.items():
            if name not in Row.__annotations__:
                raise TypeError(f"{cls.__name__}: a row has no class variable {name!r}")
            setattr(cls, name, value)

    def lower(self, g: GraphBuilder, x: Value) -> Value:
        """Append this row's ops to `g`, reading `x`; return its output.

        Widths and sizes may be columns (`nas.space.columns`), so use only arithmetic and plain `if`
        on them, never `int()`, `math` or hashing.

        Raises:
            ArchError: the row cannot follow `x`.
        """
        raise NotImplementedError

    def lower_kept(self, g: GraphBuilder, x: Value, kept: Kept) -> tuple[Value, Kept]:
        """As `lower`, with the values that rows above keep; returns those kept for rows below."""
        return self.lower(g, x), kept

    def fit(self, shape: Shape) -> Self:
        """The row for an input of another `shape`, with weights of the same shapes."""
        return self

    def resolve(self, width: Width) -> Self:
        """The row with every relative width made absolute for an input of `width` channels."""
        resolved: dict[str, Width] = {}
        # fields that others refer to come first
        for name in sorted((f.name for f in fields(self)), key=self.relative_to.__contains__):
            value = getattr(self, name)
            if isinstance(value, Ratio | Plus):
                other = self.relative_to.get(name)
                base = width if other is None else resolved.get(other, getattr(self, other))
                resolved[name] = value.of(base)
        return replace(self, **resolved) if resolved else self

    def canonical(self) -> dict[str, Any]:
        """Op and fields of the row as plain values, which identify it."""
        named = {field.name: getattr(self, field.name) for field in fields(self)}
        return {"op": self.op} | named


def check_keeps(op: str, x: Value, out: Width, s: int, instead: str = "") -> None:
    """Check that a row keeps width and resolution; `instead` says which row to use or add.

    Raises:
        ArchError: it has a stride, or another width than `x`.
    """
    if s != 1 or out != x.c:
        more = f"; {instead}" if instead else ""
        raise ArchError(f"{op} keeps width and resolution{more}")


@dataclass(frozen=True, slots=True)
class Field:
    """A column of the table: check of a cell, meaning, and the check as JSON Schema."""

    parse: Callable[[Any], Any]
    meaning: str
    schema: Mapping[str, Any]


def _integer(low: int, high: int, meaning: str) -> Field:
    def parse(cell: Any) -> int:
        if isinstance(cell, bool) or not isinstance(cell, int) or not low <= cell <= high:
            raise ArchError(f"expected a whole number from {low} to {high}")
        return cell

    return Field(parse, meaning, {"type": "integer", "minimum": low, "maximum": high})


def _odd(high: int, meaning: str) -> Field:
    positive = _integer(1, high, meaning)

    def parse(cell: Any) -> int:
        value: int = positive.parse(cell)
        if value % 2 == 0:
            raise ArchError(f"expected an odd kernel size from 1 to {high}")
        return value

    return Field(parse, meaning, {**positive.schema, "not": {"multipleOf": 2}})


def _width(meaning: str) -> Field:
    absolute = {"type": "integer", "minimum": 1, "maximum": MAX_WIDTH}
    ratio = {"type": "string", "pattern": f"^{RATIO.pattern}$", "examples": ["6x"]}
    return Field(_parse_width, meaning, {"anyOf": [absolute, ratio]})


def _parse_width(cell: Any) -> int | Ratio:
    if isinstance(cell, str) and RATIO.fullmatch(cell):
        if 0 < (times := float(cell[:-1])) <= 64:
            return Ratio(times)
    elif isinstance(cell, int) and not isinstance(cell, bool) and 1 <= cell <= MAX_WIDTH:
        return cell
    raise ArchError(f"expected a width from 1 to {MAX_WIDTH}, or a ratio like '6x' (up to 64x)")


def _fraction(meaning: str) -> Field:
    def parse(cell: Any) -> float:
        if isinstance(cell, bool) or not isinstance(cell, int | float) or not 0 < cell <= 1:
            raise ArchError("expected a fraction above 0 and up to 1, or ~")
        return float(cell)

    return Field(parse, meaning, {"type": "number", "exclusiveMinimum": 0, "maximum": 1})


def _word(words: tuple[str, ...], what: str, meaning: str) -> Field:
    def parse(cell: Any) -> str:
        if cell not in words:
            raise ArchError(f"expected {what}: {', '.join(words)}")
        return str(cell)

    return Field(parse, meaning, {"enum": list(words)})


#: column -> check. `~` in a cell means the op's own default; every op has a subset of these.
FIELDS: Mapping[str, Field] = {
    "k": _odd(31, "kernel size (odd)"),
    "k_start": _odd(31, "kernel of uib's depthwise convolution before the expansion; ~ is none"),
    "k_mid": _odd(31, "kernel of uib's depthwise convolution after the expansion; ~ is none"),
    "exp": _width("expanded width inside the block: absolute, or a ratio of the input's"),
    "out": _width("output width: absolute, or a ratio of the input's"),
    "se": _fraction("squeeze-and-excitation ratio; ~ is none"),
    "act": _word(
        ("none", *ACTIVATIONS), "an activation", "activation; ~ is the one of the op's paper"
    ),
    "s": _integer(1, 4, "stride"),
    "patch": _integer(1, 64, "side of the patches of MobileViT and ViT; must divide the map"),
    "window": _integer(1, 64, "side of Swin's attention windows; must divide the map"),
    "dim": _width("transformer width"),
    "ffn": _width("transformer feed-forward width: absolute, or a ratio of dim"),
    "layers": _integer(1, 64, "transformer layers"),
    "layer_scale": _fraction("initial layer scale of the residual branch; ~ is none"),
    "kv_stride": _integer(1, 4, "stride of the map of keys and values"),
    "kernels": _integer(1, 7, "sizes 3, 5, 7 ... of a mixed depthwise convolution's kernels"),
    "exp_groups": _integer(1, 8, "groups of the 1 x 1 expansion"),
    "out_groups": _integer(1, 8, "groups of the 1 x 1 projection"),
    "branches": _integer(1, 8, "parallel k x k convolutions that fuse to one"),
    "attention_stride": _integer(
        1, 8, "factor by which EfficientFormerV2 reduces a map for attention; must divide it"
    ),
    "splits": _integer(2, 8, "groups of channels that EdgeNeXt's encoder convolves in turn"),
    "heads": _integer(1, 64, "attention heads; must divide dim"),
}

#: the columns that hold widths
WIDTH_FIELDS = frozenset(name for name, field in FIELDS.items() if field.parse is _parse_width)
