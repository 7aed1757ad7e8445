"""`nas list`: what is shipped, and what was made here."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Annotated, Any, TypeVar

from nas.cli.help import App
from nas.cli.options import Json, argument
from nas.cli.progress import show_progress
from nas.files.resources import named, own_devices
from nas.report.tables.text import (
    NameHeader,
    TableRow,
    millions,
    numbers,
    print_facts_below,
    print_json,
    print_table,
)

Loaded = TypeVar("Loaded")

Folder = Annotated[Path, argument("Folder of results.", "FOLDER", show_default=True)]

app = App(help="List what is shipped, own devices and results.")


@app.command()
def archs(json: Json = False) -> None:
    """Architectures, each with its size and published accuracy.

    Examples:
        nas list archs
        nas list archs --json
    """
    from nas.library import load_arch, published_by_name

    known = published_by_name()
    found = [
        (arch, known.get(arch.name, (None,))[0])
        for arch in _loaded(load_arch, named("architecture"))
    ]
    _print(
        json,
        [
            {
                "name": a.name,
                "params": a.params,
                "macs": a.macs,
                "source": a.source,
                "published_top1": f and f.top1,
                "published_recipe": f and f.recipe,
                "published_source": f and f"{f.source}, {f.place}",
            }
            for a, f in found
        ],
        ["architecture", *numbers("params\nM", "MACs\nM", "published\ntop-1 %"), "source"],
        [
            [a.name, millions(a.params), millions(a.macs), f"{f.top1:.1f}" if f else None, a.source]
            for a, f in found
        ],
    )


@app.command()
def spaces(json: Json = False) -> None:
    """Search spaces, each with the number of its networks.

    Examples:
        nas list spaces
        nas list spaces --json
    """
    from nas.library import load_space

    found = _loaded(load_space, named("space"))
    _print(
        json,
        [
            {
                "name": s.name,
                "networks": s.size(),
                "rules": s.table.rules.stated,
                "space_hash": s.space_hash,
                "source": s.table.source,
            }
            for s in found
        ],
        ["space", *numbers("networks"), "source"],
        [[s.name, f"{s.size():.1e}", s.table.source] for s in found],
    )


@app.command()
def devices(json: Json = False) -> None:
    """Devices, each with its error on networks left out of its fit.

    Those in folders of the working directory are listed too.

    Examples:
        nas list devices
        nas list devices --json
    """
    from nas.library import load_device

    shipped = named("device")
    found = {name: load_device(path) for name, path in (shipped | own_devices()).items()}
    keys = ["name", "kind", "hardware", "runtime", "version", "precision", "threads", "batch"]
    keys += ["statistic", "date", "interval", "held_out"]
    errors = ("median", "trivial_median", "mean", "trivial_mean")
    _print(
        json,
        [
            {key: d.info[key] for key in keys}
            | {"interval_leaving": d.info.get("interval_leaving")}
            | {"name": name, "shipped": name in shipped}
            for name, d in found.items()
        ],
        [
            "device",
            *numbers("networks\nheld out", "median\nerror %", "of size\nalone"),
            *numbers("mean\nerror %", "of size\nalone", "interval\ncovers %"),
        ],
        [
            [
                name,
                str(d.held_out["networks"]),
                *(f"{d.held_out[f'{error}_error_pct']:.1f}" for error in errors),
                f"{d.info['interval']['coverage_across_families_pct']:.0f}",
            ]
            for name, d in found.items()
        ],
        [
            (name, "; ".join([*(d.info[key] for key in keys[2:6]), d.unit, d.info["statistic"]]))
            for name, d in found.items()
        ],
    )


@app.command()
def results(folder: Folder = Path("results"), json: Json = False) -> None:
    """Results, each with its devices and budgets.

    Interrupted runs are listed last.

    Examples:
        nas list results
        nas list results my-results --json
    """
    from nas.report.folders.result_list import results_in

    found = results_in(folder)
    _print(
        json,
        [asdict(one) | {"path": str(one.path)} for one in found],
        [NameHeader("result"), "made by", "device", *numbers("budget\nms"), "date"],
        [
            [
                one.path.name,
                one.made_by,
                ", ".join(one.devices) or None,
                ", ".join(f"{ms:g}" for ms in one.budgets_ms) or None,
                "interrupted" if one.interrupted else one.date or None,
            ]
            for one in found
        ],
        title=f"results in {folder}",
    )


@app.command()
def blocks(json: Json = False) -> None:
    """Row ops, each with the columns it reads.

    Examples:
        nas list blocks
        nas list blocks --json
    """
    from nas.blocks import BLOCKS

    columns = {op: [field.name for field in fields(row)] for op, row in BLOCKS.items()}
    meaning = {op: (row.__doc__ or "").partition("\n")[0] for op, row in BLOCKS.items()}
    _print(
        json,
        [{"op": op, "columns": columns[op], "meaning": meaning[op]} for op in BLOCKS],
        [NameHeader("op"), "columns", "meaning"],
        [[op, " ".join(columns[op]), meaning[op]] for op in BLOCKS],
    )


@app.command()
def surrogates(json: Json = False) -> None:
    """Accuracy surrogates, each with its errors on networks held out.

    Examples:
        nas list surrogates
        nas list surrogates --json
    """
    from nas.library import load_surrogate

    found = [load_surrogate(path) for path in named("surrogate").values()]
    ranks, shares = ("tau", "tau_params", "tau_macs"), ("within_1_sd", "within_2_sd")
    figures = (*ranks, "mae", "mae_size_model", *shares)
    _print(
        json,
        [{"name": s.name} | dict(s.provenance) for s in found],
        [
            "surrogate",
            "networks held out",
            *numbers("Kendall\ntau", "tau of\nparams", "tau of\nMACs"),
            *numbers("error\npoints", "of size\nalone", "within\n1 sd", "within\n2 sd"),
        ],
        [
            [s.name, source, *(f"{held[key]:.2f}" if key in held else None for key in figures)]
            for s in found
            for source, held in s.provenance["held_out"].items()
        ],
    )


@app.command()
def recipes(json: Json = False) -> None:
    """Training recipes, each with its source.

    Examples:
        nas list recipes
        nas list recipes --json
    """
    from nas.train.recipe import load_recipe
    from nas.train.recipe import recipes as shipped

    found = [load_recipe(name) for name in shipped()]
    _print(
        json,
        [asdict(recipe) for recipe in found],
        ["recipe", *numbers("epochs", "batch"), "optimiser", "source"],
        [[r.name, str(r.epochs), str(r.batch), r.optimiser.name, r.source] for r in found],
    )


def _loaded(load: Callable[[str], Loaded], names: Collection[str]) -> list[Loaded]:
    """All of them, which takes a few seconds."""
    found = []
    with show_progress() as progress:
        for number, name in enumerate(names):
            progress(name, number / len(names))
            found.append(load(name))
    return found


def _print(
    json: bool,
    content: Sequence[dict[str, Any]],
    columns: Sequence[str],
    rows: Sequence[TableRow],
    facts: Sequence[tuple[str, str]] = (),
    *,
    title: str = "",
) -> None:
    """JSON, or a table with facts below it that are too long for a column."""
    if json:
        print_json(content)
        return
    print_table(columns, rows, title=title)
    print_facts_below(facts)
