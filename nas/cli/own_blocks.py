"""`--blocks FILE.py`, before or after every command: blocks of the user's own."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer


def load(files: list[Path] | None) -> None:
    """Execute the files that register blocks, before a command reads its tables."""
    if files:
        from nas.blocks import load_blocks

        load_blocks(files)


def _option(*, hidden: bool) -> Any:
    return typer.Option(
        "--blocks",
        help="Python file with blocks of your own; repeatable.",
        metavar="FILE.py",
        show_default=False,
        hidden=hidden,
    )


Blocks = Annotated[list[Path] | None, _option(hidden=False)]
"""The option of `nas` itself; its page is the one that shows it."""


def takes_blocks(command: Callable[..., None]) -> Callable[..., None]:
    """The command with the option, which its page does not show."""
    own = inspect.signature(command, eval_str=True)
    blocks = inspect.Parameter(
        "blocks",
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[list[Path] | None, _option(hidden=True)],
    )
    parameters = [*own.parameters.values(), blocks]

    def run(*, blocks: list[Path] | None, **values: Any) -> None:
        load(blocks)
        command(**values)

    run.__name__, run.__doc__ = command.__name__, command.__doc__
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return run
