"""A search space of each op, with choices in every column that the op has."""

from __future__ import annotations

from dataclasses import fields
from functools import cache

from nas.blocks import BLOCKS, FIELDS
from nas.space.space import Space

CHOICES = {
    "k": "[3, 5]",
    "k_start": "[~, 3]",
    "k_mid": "[~, 3, 5]",
    "exp": "[2x, 24]",
    "out": "[16, 24]",
    "se": "[~, 0.25]",
    "act": "[relu, hswish]",
    "s": "[1, 2, 4]",
    "patch": "[2, 4]",
    "window": "[2, 3]",
    "dim": "[16, 32]",
    "ffn": "[2x, 48]",
    "layers": "[1, 2]",
    "layer_scale": "[~, 1e-5]",
    "kv_stride": "[1, 2]",
    "kernels": "[1, 3]",
    "exp_groups": "[1, 2]",
    "out_groups": "[1, 2]",
    "branches": "[1, 2]",
    "attention_stride": "[1, 2]",
    "splits": "[2, 3]",
    "heads": "[2, 3]",
}
"""By column, of which some fit nowhere."""
OWN = {"bit_stem": {"out": "[32, 48]"}, "bit": {"out": "[128, 192]"}}
SUMS = "[17, 24, 32, 40, 48, 136, 144]"
"""Widths of a vector of `pool_kept`."""
VECTORS = ("pool", "pool_kept", "vit")
"""Ops that make a vector of a map."""


@cache
def space_of(op: str) -> Space:
    """The op with choices in every column, between a row that keeps channels and one that adds."""
    columns = ["op", *FIELDS]

    def row(name: str, **cells: str) -> str:
        return f"  - [{', '.join([name, *(cells.get(column, '~') for column in columns[1:])])}]\n"

    own = {field.name: CHOICES[field.name] for field in fields(BLOCKS[op])} | OWN.get(op, {})
    pooled = row("pool_kept", out=SUMS)
    rows = row("conv", k="3", out="[16, 32]", act="relu", s="2") + row("keep", out="[8, 16]")
    if BLOCKS[op].reads_vector:
        rows += pooled + row(op, **own)
    elif op in VECTORS:
        rows += row(op, **own | ({"out": SUMS} if op == "pool_kept" else {}))
    else:
        rows += row(op, **own) + pooled
    head = f'name: {op}\nsource: "made for tests"\ninput: [[3, 16, 16], [3, 20, 20]]\n'
    text = f"{head}columns: [{', '.join(columns)}]\nrows:\n{rows}{row('linear', out='10')}"
    return Space.from_yaml(text)
