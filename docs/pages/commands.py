"""The reference of the command line, from the text of `--help`."""

from __future__ import annotations

import re
from collections.abc import Iterator

import typer
from typer.cli import get_docs_for_click
from typer.main import get_command

from nas.cli.main import app

SUMMARY = re.compile(r"\*\*Commands\*\*:\n\n(\* .*\n)+\n?")
"""The list of commands with truncated sentences; each command has its own section."""


def commands() -> Iterator[str]:
    """Yield every command with its arguments and options."""
    root = get_command(app)
    text = get_docs_for_click(obj=root, ctx=typer.Context(root), name="nas", title="Commands")
    yield SUMMARY.sub("", text)
