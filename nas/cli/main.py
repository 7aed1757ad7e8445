"""The command `nas`: it turns every error into one message and an exit code.

Exit codes: 0 success, 2 bad input (one message, no traceback), 3 infeasible, 130 interrupted. The
files of commands import nothing heavy at the top, so that `nas --help` starts quickly.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from nas import __version__
from nas.cli.adapt import adapt
from nas.cli.bench import bench
from nas.cli.calibrate import calibrate
from nas.cli.check import check
from nas.cli.compare import compare
from nas.cli.export import export
from nas.cli.fidelity import fidelity
from nas.cli.help import App
from nas.cli.kit import kit
from nas.cli.lint import lint
from nas.cli.list import app as list_app
from nas.cli.measure import measure
from nas.cli.own_blocks import Blocks, load
from nas.cli.profile import profile
from nas.cli.report import report
from nas.cli.scale import scale
from nas.cli.schema import schema
from nas.cli.score import score
from nas.cli.search import search
from nas.cli.show import show
from nas.cli.streams import open_streams, said_of, say, unprinted
from nas.cli.supernet import supernet
from nas.cli.sweep import app as sweep_app
from nas.cli.train import train
from nas.cli.validate import validate
from nas.errors import NasError
from nas.system.extras import missing_extra

app = App(
    help="Find the most accurate vision network within a latency budget on a device.",
    add_completion=True,
)
app.add("Find a network", search, adapt, scale)
app.add("Look at networks", show, compare, report)
app.add_typer(list_app, name="list", rich_help_panel="Look at networks")
app.add_typer(sweep_app, name="sweep", rich_help_panel="Find a network")
app.add("Train and evaluate", train, supernet, fidelity, score, bench)
app.add("Make a device", profile, calibrate, validate, measure)
app.add("YAML files", check, schema)
app.add("Deploy", export, lint, kit)


def _version(asked: bool) -> None:
    if asked:
        sys.stdout.write(f"nas {__version__}\n")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
    blocks: Blocks = None,
) -> None:
    """Options of `nas` itself."""
    load(blocks)


def main() -> None:
    """Run the command line."""
    open_streams()
    code: str | int | None = 0
    failed: OSError | None = None
    try:
        try:
            app()
        except ModuleNotFoundError as error:
            raise missing_extra(error) or error from None
    except SystemExit as end:
        code = end.code
    except NasError as error:
        say(str(error))
        code = error.exit_code
    except OSError as error:
        failed = error
    if failed := unprinted() or failed:
        if note := said_of(failed):
            say(note)
        code = code or (2 if note else 1)
    sys.exit(code)
