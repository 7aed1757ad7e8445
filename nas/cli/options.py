"""Options that several commands share, each with one name and one help text.

A command that is `gathered` takes related options as one settings object.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import is_dataclass
from functools import partial
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
DEVICE_HELP = "Device; see nas list devices."
MEASURED_HELP = "Measured networks: a CSV with columns network and ms."
WORKERS_HELP = "Processes, each with its GPU or cores."

Names = complete.Complete | Sequence[str]
"""Names that Tab completes, or a function that completes them."""


def _completed(names: Names) -> dict[str, Any]:
    if callable(names):
        return {"autocompletion": names}
    return {"autocompletion": complete.one_of(names)} if names else {}


def argument(help: str, metavar: str, names: Names = (), **settings: Any) -> Any:
    """An argument of a command."""
    settings = {"show_default": False} | _completed(names) | settings
    return typer.Argument(help=help, metavar=metavar, **settings)


def option(
    flag: str,
    help: str,
    metavar: str | None = None,
    names: Names = (),
    *,
    section: str | None = None,
    **settings: Any,
) -> Any:
    """An option of a command, in a section of its help page; a flag has no `metavar`."""
    settings |= _completed(names)
    return typer.Option(flag, help=help, metavar=metavar, rich_help_panel=section, **settings)


output_option = partial(option, section=OUTPUT)

ArchName = Annotated[str, argument(ARCH_HELP, "ARCH", complete.archs)]
ArchNames = Annotated[list[str], argument(ARCH_HELP, "ARCH...", complete.archs)]
NetworkName = Annotated[str, argument(NETWORK_HELP, "ARCH", complete.archs)]
NetworkNames = Annotated[list[str], argument(NETWORK_HELP, "ARCH...", complete.archs)]

_DEVICE = option("--device", DEVICE_HELP, "NAME", complete.devices)
Device = Annotated[str | None, _DEVICE]
DeviceName = Annotated[str, _DEVICE]
Inputs = Annotated[
    list[str] | None,
    option(
        "--input",
        "Input of a torch module, as 1x96x192, 3x224x224:float16 or 77:int64; repeatable.",
        "SIZES",
        show_default=False,
    ),
]
Strict = Annotated[bool, option("--strict", "Refuse ops without a cost, and doubtful counts.")]
Space = Annotated[
    str, option("--space", "Search space; see nas list spaces.", "NAME", complete.spaces)
]
Surrogate = Annotated[
    str, option("--surrogate", "See nas list surrogates.", "NAME", complete.surrogates)
]
ZeroCost = Annotated[
    str,
    option(
        "--zero-cost",
        f"Proxies: {', '.join(complete.PROXIES)}.",
        "LIST",
        complete.some_of(complete.PROXIES),
    ),
]
Runtime = Annotated[
    str,
    option(
        "--runtime",
        f"{', '.join(complete.RUNTIMES[:-1])} or {complete.RUNTIMES[-1]}.",
        "NAME",
        complete.RUNTIMES,
    ),
]
Threads = Annotated[int, option("--threads", "Runtime threads.", "N", min=1)]
WeightsOf = Annotated[
    str,
    option(
        "--weights-of",
        f"{', '.join(complete.ORIGINS)}.",
        "NAME",
        complete.ORIGINS,
        show_default="from FILE",
    ),
]
Classes = Annotated[
    int | None,
    option("--classes", "Number of classes.", "N", min=1, show_default="the file's"),
]
Seed = Annotated[int, option("--seed", "Random seed.", "N", min=0)]
Workers = Annotated[int, option("--workers", WORKERS_HELP, "N", min=1)]
Address = Annotated[
    str | None,
    option(
        "--address",
        "Ray cluster: auto, HOST:6379 or ray://HOST:10001.",
        "ADDRESS",
        show_default=False,
    ),
]
Storage = Annotated[
    str | None, option("--storage", "Optuna storage.", "URL", show_default="SQLite in the folder")
]


def _svg_file(path: Path | None) -> Path | None:
    if path and path.suffix.lower() != ".svg":
        raise typer.BadParameter(f"expected a name ending in .svg, found {str(path)!r}")
    return path


_OUTPUT = {
    "out": output_option("--out", "Folder for results.", "DIR"),
    "name": output_option(
        "--name", "Name of the result.", "NAME", show_default="from the settings"
    ),
    "resume": output_option("--resume", "Resume an interrupted run."),
    "force": output_option("--force", "Replace an existing result."),
}
"""Options of the fields of `Output`."""
Out = Annotated[Path, _OUTPUT["out"]]
Force = Annotated[bool, _OUTPUT["force"]]
Json = Annotated[bool, output_option("--json", "Print JSON instead of tables.")]
Sources = Annotated[bool, output_option("--sources", "Print where published figures are from.")]
Svg = Annotated[
    Path | None,
    output_option("--svg", "Draw a picture.", "FILE.svg", show_default=False, callback=_svg_file),
]


def out_option(help: str, metavar: str) -> Any:
    """`--out` of a command that writes a file or a device."""
    return output_option("--out", help, metavar, show_default=False)


def output_options(*names: str) -> dict[str, Any]:
    """Options of some fields of `Output`, by field."""
    return {name: _OUTPUT[name] for name in names}


OutputOptions = Annotated[Output, _OUTPUT]


def gathered(command: Callable[..., None]) -> Callable[..., None]:
    """Make options of the fields of every settings object that a command takes.

    A settings object is a parameter whose type is a dataclass. A field is an option by its own
    `Annotated` type, or by the entry of its name in the parameter's `Annotated[Settings, {...}]`;
    any other field keeps its default. A parameter of type `type[Settings]` gets the class with
    these fields given, for a command that works out the others.
    """
    groups: dict[str, tuple[Callable[..., Any], list[str]]] = {}
    options: list[inspect.Parameter] = []
    for name, own in inspect.signature(command, eval_str=True).parameters.items():
        settings, declared, partly = _settings(own.annotation)
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
        make = partial(partial, settings) if partly else settings
        groups[name] = make, [field.name for field in found]
        options += found

    def run(**values: Any) -> None:
        for name, (make, names) in groups.items():
            values[name] = make(**{field: values.pop(field) for field in names})
        command(**values)

    run.__name__, run.__doc__ = command.__name__, command.__doc__
    run.__annotations__ = {option.name: option.annotation for option in options}
    run.__signature__ = inspect.Signature(options)  # type: ignore[attr-defined]
    return run


def _settings(annotation: Any) -> tuple[Any, Mapping[str, Any], bool]:
    """The dataclass that a parameter is, or None; its fields' options; whether it is a `type`."""
    declared: Mapping[str, Any] = {}
    if get_origin(annotation) is Annotated and isinstance(annotation.__metadata__[0], Mapping):
        annotation, declared = get_args(annotation)
    if partly := get_origin(annotation) is type:
        (annotation,) = get_args(annotation)
    return (annotation if is_dataclass(annotation) else None), declared, partly
