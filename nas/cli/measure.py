"""`nas measure`: latency on this machine, or from the logs of another one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from nas.cli import complete
from nas.cli.options import (
    ARCH_HELP,
    Force,
    Json,
    Runtime,
    Seed,
    Threads,
    argument,
    option,
    out_option,
)
from nas.cli.progress import show_progress
from nas.errors import DocumentError, check_names
from nas.report.tables.text import numbers, print_facts_below, print_json, print_table
from nas.system.extras import require_extras

if TYPE_CHECKING:
    from nas.devices.measurements import Measurement
    from nas.system.environment import Environment


def measure(
    names: Annotated[
        list[str], argument(f"{ARCH_HELP} With --import: files.", "ARCH...", complete.archs)
    ],
    runtime: Runtime = "onnxruntime",
    threads: Threads = 1,
    batch: Annotated[int, option("--batch", "Images per invocation.", "N", min=1)] = 1,
    seconds: Annotated[
        float, option("--seconds", "Timing per network, in seconds.", "X", min=0.1)
    ] = 5.0,
    seed: Seed = 0,
    imported: Annotated[
        bool, option("--import", "Read logs of the runtimes' own benchmarks instead.")
    ] = False,
    device: Annotated[
        str, option("--device", "Name of the machine.", "NAME", show_default="the processor")
    ] = "",
    out: Annotated[Path | None, out_option("CSV to write.", "FILE.csv")] = None,
    force: Force = False,
    json: Json = False,
) -> None:
    """Measure the latency of networks on this machine, side by side.

    Examples:
        nas measure mobilenetv3-large repvit-m0.9
        nas measure results/example --runtime litert --threads 4 --out here.csv
        nas measure --import benchmark.json --device pixel6 --out pixel6.csv
    """
    from nas.devices.measurements import write_measurements
    from nas.files.staging import check_replaceable

    if out:
        check_replaceable(out, force=force)
    rows: Sequence[Measurement]
    machine: Environment | None = None
    if imported:
        from nas.devices.measure.imports import import_measurements

        rows = import_measurements([Path(name) for name in names], device)
    else:
        rows, machine = _measured(
            names, runtime, threads=threads, batch=batch, seconds=seconds, seed=seed, device=device
        )
    if out:
        write_measurements(out, rows, machine.comments() if machine else (), force=force)
    if json:
        _print_json(rows, machine)
    else:
        _print(rows, machine)


def _measured(
    names: list[str], runtime: str, **settings: Any
) -> tuple[Sequence[Measurement], Environment]:
    from nas import library
    from nas.deploy.runtimes import RUNTIMES
    from nas.devices.measure.run import extras_of
    from nas.devices.measure.run import measure as run

    check_names("runtime", [runtime], RUNTIMES, "--runtime")
    for name in names:
        if names.count(name) > 1:
            raise DocumentError(f"{name} is given twice")
    networks = [(name, library.load_arch(name)) for name in names]
    require_extras(*extras_of(runtime))

    with show_progress() as progress:
        found = run(networks, runtime, on_progress=progress, **settings)
    return found.rows, found.environment


def _print_json(rows: Sequence[Measurement], machine: Environment | None) -> None:
    from nas.devices.measurements import COLUMNS

    print_json(
        {
            "unit": "ms per invocation",
            "statistic": "median over rounds, less waiting for a core" if machine else None,
            "interval": 0.9,
            "environment": machine.as_json() if machine else None,
            "measurements": [{column: getattr(row, column) for column in COLUMNS} for row in rows],
        }
    )


def _print(rows: Sequence[Measurement], machine: Environment | None) -> None:
    where = [] if machine else ["device", "runtime"]
    figures = numbers("ms", "90 %\ninterval", "10 %\nquantile", "runs")
    columns = ["network", *where, *figures, "note"]
    body = [
        [row.network, *([] if machine else [row.device, row.runtime]), *_figures(row), row.note]
        for row in rows
    ]
    print_table(columns, body, title=_title(rows[0]) if machine else "")
    comments = machine.comments() if machine else ()
    print_facts_below((name, value) for name, _, value in (c.partition(": ") for c in comments))


def _figures(row: Measurement) -> list[str | None]:
    return [
        f"{row.ms:.3f}",
        None if row.ms_low is None else f"{row.ms_low:.3f}-{row.ms_high:.3f}",
        None if row.ms_fast is None else f"{row.ms_fast:.3f}",
        None if row.runs is None else f"{row.runs:,}",
    ]


def _title(row: Measurement) -> str:
    threads = f"{row.threads} thread{'s' * (row.threads != 1)}"
    conditions = f"{row.runtime} {row.version}, {row.precision}, {threads}, batch {row.batch}"
    return f"{row.device}: {conditions}; median ms per invocation"
