"""`nas check`: check YAML files with the strict loaders."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nas.cli.options import Json, argument
from nas.cli.streams import say
from nas.errors import NasError
from nas.report.tables.text import print_json, print_line


def check(
    files: Annotated[
        list[Path], argument("Architectures, spaces, devices, recipes, sweeps.", "FILE...")
    ],
    json: Json = False,
) -> None:
    """Check YAML files; exits with 2 if one is wrong.

    To find ops that run badly on a target, use nas lint.

    Examples:
        nas check search_spaces/mobile.yaml docs/cluster/sweep.yaml
        nas check predictors/iphone12-lut/device.yaml --json
    """
    from nas.schema.check import check as load

    listed: list[dict[str, str | None]] = []
    for file in files:
        try:
            listed.append({"file": str(file), **load(file)._asdict(), "error": None})
        except NasError as error:
            listed.append({"file": str(file), "error": str(error)})
    if json:
        print_json(listed)
    for entry in listed:
        if entry["error"]:
            say(entry["error"])
        elif not json:
            print_line("{file}: {kind} {name}, {holds}".format(**entry))
    if any(entry["error"] for entry in listed):
        raise typer.Exit(2)
