"""`nas list`: what is shipped, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from nas.cli.options import Json

if TYPE_CHECKING:
    from nas.report.table import Column

app = typer.Typer(help="List what is shipped.", no_args_is_help=True)


@app.command()
def archs(json: Json = False) -> None:
    """Architectures, each with its source."""
    from nas.library import load_arch, named
    from nas.report.table import Column, millions, numbers

    found = [load_arch(path) for path in named("architecture").values()]
    content = [
        {"name": a.name, "params": a.params, "macs": a.macs, "source": a.source} for a in found
    ]
    columns = [Column("architecture"), *numbers("params\nM", "MACs\nM"), Column("source")]
    rows = [[a.name, millions(a.params), millions(a.macs), a.source] for a in found]
    _print(json, content, columns, rows)


@app.command()
def spaces(json: Json = False) -> None:
    """Search spaces, each with its size."""
    from nas.library import load_space, named
    from nas.report.table import Column, numbers

    found = [load_space(path) for path in named("space").values()]
    content = [
        {"name": s.name, "size": s.size(), "space_hash": s.space_hash, "source": s.table.source}
        for s in found
    ]
    columns = [Column("space"), *numbers("networks"), Column("source")]
    rows = [[s.name, f"{s.size():.1e}", s.table.source] for s in found]
    _print(json, content, columns, rows)


@app.command()
def devices(json: Json = False) -> None:
    """Devices, each with its error on networks left out of its fit."""


@app.command()
def surrogates(json: Json = False) -> None:
    """Accuracy surrogates, each with how well it ranks held-out networks."""


@app.command()
def blocks(json: Json = False) -> None:
    """Row ops, each with the columns it reads."""
    from dataclasses import fields

    from nas.blocks import BLOCKS
    from nas.report.table import Column

    content = [
        {
            "op": op,
            "columns": [field.name for field in fields(row)],
            "meaning": (row.__doc__ or "").splitlines()[0],
        }
        for op, row in BLOCKS.items()
    ]
    columns = [Column("op"), Column("columns"), Column("meaning")]
    rows = [[c["op"], " ".join(c["columns"]), c["meaning"]] for c in content]
    _print(json, content, columns, rows)


def _print(
    json: bool, content: list[dict[str, Any]], columns: list[Column], rows: list[list[str]]
) -> None:
    from nas.report.table import print_json, print_table

    if json:
        print_json(content)
    else:
        print_table(columns, rows)
