"""Options that several commands share, each with one name and one help text.

A command that is `gathered` takes related options as one settings object.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import is_dataclass
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

import typer

from nas.cli import complete
from nas.files.output import Output

OUTPUT = "Output"
"""The last section of help pages."""

NETWORK_HELP = (
    "A name (see: nas list archs), a YAML file, a results folder (its best.yaml), timm:NAME,"
    " torchvision:NAME, or FILE.py:FUNCTION that returns a torch module; @SIDE or @HxW for other"
    " images."
)
ARCH_HELP = "Name (nas list archs), YAML file or result."


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

DEVICE_HELP = "Device; see nas list devices."
Device = Annotated[str | None, device_option(DEVICE_HELP)]
Inputs = Annotated[
    list[str] | None,
    typer.Option(
        "--input",
        help="Input of a torch module, as 1x96x192, 3x224x224:float16 or 77:int64; repeatable.",
        metavar="SIZES",
        show_default=False,
    ),
]
Strict = Annotated[
    bool,
    typer.Option("--strict", help="Refuse ops without a cost, and doubtful counts."),
]
Space = Annotated[
    str,
    typer.Option(
        "--space",
        help="Search space; see nas list spaces.",
        metavar="NAME",
        autocompletion=complete.spaces,
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
        help=f"Proxies: {', '.join(complete.PROXIES)}.",
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
Threads = Annotated[int, typer.Option("--threads", min=1, help="Runtime threads.", metavar="N")]
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
        "--classes",
        min=1,
        help="Number of classes of the weights.",
        metavar="N",
        show_default="the file's",
    ),
]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Random seed.", metavar="N")]
WORKERS_HELP = "Processes, each with its GPU or cores."
Workers = Annotated[int, typer.Option("--workers", min=1, help=WORKERS_HELP, metavar="N")]
Address = Annotated[
    str | None,
    typer.Option(
        "--address",
        help="Ray cluster: auto, HOST:6379 or ray://HOST:10001.",
        metavar="ADDRESS",
        show_default=False,
    ),
]
Storage = Annotated[
    str | None,
    typer.Option(
        "--storage",
        help="Optuna storage.",
        metavar="URL",
        show_default="SQLite in the folder",
    ),
]

Out = Annotated[
    Path, typer.Option("--out", help="Folder for results.", metavar="DIR", rich_help_panel=OUTPUT)
]
Name = Annotated[
    str | None,
    typer.Option(
        "--name",
        help="Name of the result.",
        metavar="NAME",
        show_default="from the settings",
        rich_help_panel=OUTPUT,
    ),
]
Resume = Annotated[
    bool,
    typer.Option("--resume", help="Resume an interrupted run.", rich_help_panel=OUTPUT),
]
Force = Annotated[
    bool, typer.Option("--force", help="Replace an existing result.", rich_help_panel=OUTPUT)
]
Json = Annotated[
    bool,
    typer.Option("--json", help="Print JSON instead of tables.", rich_help_panel=OUTPUT),
]
Svg = Annotated[
    Path | None,
    typer.Option(
        "--svg",
        help="Draw a picture.",
        metavar="FILE.svg",
        show_default=False,
        rich_help_panel=OUTPUT,
    ),
]


def out_option(help: str, metavar: str) -> Any:
    """`--out` of a command that writes a file or a device."""
    return typer.Option(
        "--out", help=help, metavar=metavar, show_default=False, rich_help_panel=OUTPUT
    )


def output_options(*names: str) -> dict[str, Any]:
    """Options of some fields of `Output`, by field."""
    every: dict[str, Any] = {"out": Out, "name": Name, "resume": Resume, "force": Force}
    return {name: every[name].__metadata__[0] for name in names}


OutputOptions = Annotated[Output, output_options("out", "name", "resume", "force")]


def gathered(command: Callable[..., None]) -> Callable[..., None]:
    """Make options of the fields of every settings object that a command takes.

    A settings object is a parameter whose type is a dataclass. A field is an option by its own
    `Annotated` type, or by the entry of its name in the parameter's `Annotated[Settings, {...}]`;
    any other field keeps its default.
    """
    groups: dict[str, tuple[Any, list[str]]] = {}
    options: list[inspect.Parameter] = []
    for name, own in inspect.signature(command, eval_str=True).parameters.items():
        settings, declared = _settings(own.annotation)
        if settings is None:
            options.append(own.replace(kind=own.KEYWORD_ONLY))
            continue
        found = [
            field.replace(
                kind=field.KEYWORD_ONLY,
                annotation=Annotated[field.annotation, declared[field.name]]
                if field.name in declared
                else field.annotation,
            )
            for field in inspect.signature(settings, eval_str=True).parameters.values()
            if field.name in declared or get_origin(field.annotation) is Annotated
        ]
        groups[name] = settings, [field.name for field in found]
        options += found

    def run(**values: Any) -> None:
        for name, (settings, names) in groups.items():
            values[name] = settings(**{field: values.pop(field) for field in names})
        command(**values)

    run.__name__, run.__doc__ = command.__name__, command.__doc__
    run.__annotations__ = {option.name: option.annotation for option in options}
    run.__signature__ = inspect.Signature(options)  # type: ignore[attr-defined]
    return run


def _settings(annotation: Any) -> tuple[Any, Mapping[str, Any]]:
    """The dataclass that a parameter is, or None, and the options of its fields."""
    declared: Mapping[str, Any] = {}
    if get_origin(annotation) is Annotated and isinstance(annotation.__metadata__[0], Mapping):
        annotation, declared = get_args(annotation)
    return (annotation if is_dataclass(annotation) else None), declared
