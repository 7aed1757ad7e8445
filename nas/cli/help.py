"""Help pages: commands and options in sections, examples at the end, in plain text.

Typer would draw boxes with rich, also into pipes. The section of a command or option is its
`rich_help_panel`. Examples are the section "Examples:" of a command's docstring, one per line.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from nas.cli.own_blocks import takes_blocks
from nas.cli.streams import say

EXAMPLES = "Examples:"
_RANGE = r"[^;\[\]]*\bx[<>]=?[^;\[\]]*"
RANGE = re.compile(rf" *\[{_RANGE}\]|(?<=\[){_RANGE}; |;{_RANGE}")
"""Range of an option's numbers, which Typer adds to the help; only error messages show it."""
DESCRIBED = re.compile(r"\[default: \((.*)\)")
"""A default in words, which Typer puts in parentheses."""

Lines = list[tuple[str, str]]


class App(typer.Typer):
    """A group of commands with these help pages; without a command it prints its own page."""

    def __init__(self, cls: type[Group] | None = None, **settings: Any) -> None:
        super().__init__(
            cls=cls or Group,
            no_args_is_help=True,
            rich_markup_mode=None,
            pretty_exceptions_enable=False,
            **settings,
        )

    def command(self, name: str | None = None, **settings: Any) -> Callable[[Any], Any]:
        """As Typer's; `rich_help_panel` is the section of the group's page that names it.

        The command takes `--blocks` too.
        """
        add = super().command(name, cls=_Command, **settings)

        def added(command: Callable[..., Any]) -> Callable[..., Any]:
            add(takes_blocks(command))
            return command

        return added

    def add(self, section: str, *commands: Callable[..., Any]) -> None:
        """Add commands to one section of the page."""
        for command in commands:
            self.command(rich_help_panel=section)(command)


class _Command(TyperCommand):
    """A command whose docstring is its page; an interrupt ends it with one line and code 130."""

    def __init__(self, name: str | None, *, help: str | None = None, **settings: Any) -> None:
        text, _, examples = (help or "").partition(f"\n{EXAMPLES}\n")
        super().__init__(name, help=text, **settings)
        self.examples = [line.strip() for line in examples.splitlines()]

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        arguments = [own for own in self.params if own.param_type_name == "argument"]
        return ["[OPTIONS]", *map(_written, arguments)]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        _write(formatter, _sections(self, ctx))

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        if self.examples:
            _write(formatter, {EXAMPLES.rstrip(":"): [(line, "") for line in self.examples]})

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as stop:
            say("; ".join(["interrupted", *getattr(stop, "__notes__", [])]))
            raise typer.Exit(130) from None


class Group(TyperGroup):
    """Commands by section; without a command, the help page is printed and the exit code is 0."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        alone = not args and self.no_args_is_help and not ctx.resilient_parsing
        return super().parse_args(ctx, ["--help"] if alone else args)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        found: dict[str, Lines] = {}
        for name, command in self.commands.items():
            if not command.hidden:
                section = getattr(command, "rich_help_panel", None) or "Commands"
                summary = (command.help or "").partition("\n\n")[0].replace("\n", " ")
                found.setdefault(section, []).append((name, summary))
        _write(formatter, found)
        _write(formatter, _sections(self, ctx))


def _sections(command: Any, ctx: Any) -> dict[str, Lines]:
    """Arguments and options by section; `--help` is the last option of the last one."""
    found: dict[str, Lines] = {}
    for parameter in command.get_params(ctx):
        record = parameter.get_help_record(ctx)
        if record is None:
            continue
        first, second = record
        if parameter.param_type_name == "argument":
            kind, first = "Arguments", _written(parameter)
        else:
            kind = "Options"
        section = parameter.rich_help_panel or kind
        if "--help" in parameter.opts:
            section = [section, *found][-1]
        text = DESCRIBED.sub(r"[default: \1", RANGE.sub("", second))
        found.setdefault(section, []).append((first, text))
    return found


def _written(argument: Any) -> str:
    """`ARCH`, or `[ARCH]` if it is optional."""
    name = argument.metavar or argument.name.upper()
    return name if argument.required else f"[{name}]"


def _write(formatter: Any, sections: dict[str, Lines]) -> None:
    """Write sections of names and texts, with one column width for all sections."""
    width = max(len(name) for lines in sections.values() for name, _ in lines)
    for heading, lines in sections.items():
        aligned = [(name.ljust(width) if text else name, text) for name, text in lines]
        with formatter.section(_bold(heading)):
            formatter.write_dl(aligned, col_max=width)


def _bold(heading: str) -> str:
    """A bold heading; a pipe gets it without escape codes."""
    plain = "NO_COLOR" in os.environ or os.environ.get("TERM") in (None, "dumb")
    return heading if plain else typer.style(heading, bold=True)
