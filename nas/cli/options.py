"""Options that several commands share: each has one name, one help text, one default.

Related ones are the fields of a dataclass: a command that is `gathered` takes them as one object.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from nas.cli import complete

OUTPUT = "Output"
"""The section of help pages that comes last."""

NETWORK_HELP = (
    "A name (see: nas list archs), a YAML file, a results folder (its best.yaml), timm:NAME,"
    " torchvision:NAME, or FILE.py:FUNCTION that returns a torch module; @SIDE or @HxW for other"
    " images."
)
ARCH_HELP = "Name (nas list archs), YAML or result."


def _argument(help: str, metavar: str) -> Any:
    return typer.Argument(
        help=help, metavar=metavar, show_default=False, autocompletion=complete.archs
    )


def device_option(help: str) -> Any:
    """`--device`, with the shipped names completed."""
    return typer.Option("--device", help=help, metavar="NAME", autocompletion=complete.devices)


ArchName = Annotated[str, _argument(ARCH_HELP, "ARCH")]
ArchNames = Annotated[list[str], _argument(ARCH_HELP, "ARCH...")]
NetworkName = Annotated[str, _argument(NETWORK_HELP, "ARCH")]
NetworkNames = Annotated[list[str], _argument(NETWORK_HELP, "ARCH...")]

DEVICE_HELP = "See nas list devices."
Device = Annotated[str | None, device_option(DEVICE_HELP)]
Inputs = Annotated[
    list[str] | None,
    typer.Option(
        "--input",
        help="Input of a torch module, once for each: 1x96x192, 3x224x224:float16, 77:int64.",
        metavar="SIZES",
        show_default=False,
    ),
]
Strict = Annotated[
    bool,
    typer.Option("--strict", help="Refuse ops without a cost, and counts that are in doubt."),
]
Space = Annotated[
    str,
    typer.Option(
        "--space", help="See nas list spaces.", metavar="NAME", autocompletion=complete.spaces
    ),
]
Surrogate = Annotated[
    str,
    typer.Option(
        "--surrogate",
        help="See nas list surrogates.",
        metavar="NAME",
        autocompletion=complete.surrogates,
    ),
]
ZeroCost = Annotated[
    str,
    typer.Option(
        "--zero-cost",
        help=f"A list of {', '.join(complete.PROXIES)}.",
        metavar="LIST",
        autocompletion=complete.some_of(complete.PROXIES),
    ),
]
Runtime = Annotated[
    str,
    typer.Option(
        "--runtime",
        help=f"{', '.join(complete.RUNTIMES[:-1])} or {complete.RUNTIMES[-1]}.",
        metavar="NAME",
        autocompletion=complete.one_of(complete.RUNTIMES),
    ),
]
Threads = Annotated[int, typer.Option("--threads", min=1, help="Of the runtime.", metavar="N")]
WeightsOf = Annotated[
    str,
    typer.Option(
        "--weights-of",
        help=f"{', '.join(complete.ORIGINS)}.",
        metavar="NAME",
        show_default="from FILE",
        autocompletion=complete.one_of(complete.ORIGINS),
    ),
]
Classes = Annotated[
    int | None,
    typer.Option(
        "--classes", min=1, help="Classes of the weights.", metavar="N", show_default="the file's"
    ),
]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Same seed, same result.", metavar="N")]
WORKERS_HELP = "Processes, each with its GPU or cores."
Workers = Annotated[int, typer.Option("--workers", min=1, help=WORKERS_HELP, metavar="N")]
Address = Annotated[
    str | None,
    typer.Option(
        "--address",
        help="Of a Ray cluster: auto, HOST:6379, ray://HOST:10001.",
        metavar="ADDRESS",
        show_default=False,
    ),
]
Storage = Annotated[
    str | None,
    typer.Option(
        "--storage",
        help="Of an Optuna storage.",
        metavar="URL",
        show_default="SQLite in the folder",
    ),
]

Out = Annotated[
    Path, typer.Option("--out", help="Folder of results.", metavar="DIR", rich_help_panel=OUTPUT)
]
Name = Annotated[
    str | None,
    typer.Option(
        "--name",
        help="Of the result.",
        metavar="NAME",
        show_default="from the question",
        rich_help_panel=OUTPUT,
    ),
]
Resume = Annotated[
    bool,
    typer.Option("--resume", help="Go on with what was stopped.", rich_help_panel=OUTPUT),
]
Force = Annotated[
    bool, typer.Option("--force", help="Replace what is there.", rich_help_panel=OUTPUT)
]
Json = Annotated[
    bool,
    typer.Option("--json", help="Print one JSON document, no tables.", rich_help_panel=OUTPUT),
]
Svg = Annotated[
    Path | None,
    typer.Option(
        "--svg",
        help="Draw it as a picture.",
        metavar="FILE.svg",
        show_default=False,
        rich_help_panel=OUTPUT,
    ),
]


def out_option(help: str, metavar: str) -> Any:
    """`--out` of a command that makes something else than a result."""
    return typer.Option(
        "--out", help=help, metavar=metavar, show_default=False, rich_help_panel=OUTPUT
    )


@dataclass(frozen=True, slots=True)
class Kept:
    """Where the result of long work goes, and what becomes of what is there."""

    out: Out = Path("results")
    name: Name = None
    resume: Resume = False
    force: Force = False


def gathered(command: Callable[..., None]) -> Callable[..., None]:
    """Make options of the fields of every dataclass that a command takes."""
    asked = inspect.signature(command, eval_str=True).parameters
    groups: dict[str, Any] = {
        name: own.annotation for name, own in asked.items() if is_dataclass(own.annotation)
    }
    options: list[inspect.Parameter] = []
    for name, own in asked.items():
        group = groups.get(name)
        fields_of = inspect.signature(group, eval_str=True).parameters.values() if group else [own]
        options += (option.replace(kind=option.KEYWORD_ONLY) for option in fields_of)

    def run(**values: Any) -> None:
        for name, group in groups.items():
            values[name] = group(**{field.name: values.pop(field.name) for field in fields(group)})
        command(**values)

    run.__name__, run.__doc__ = command.__name__, command.__doc__
    run.__annotations__ = {option.name: option.annotation for option in options}
    run.__signature__ = inspect.Signature(options)  # type: ignore[attr-defined]
    return run
