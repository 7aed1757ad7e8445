"""Help pages: they fit 80 columns, end with examples that parse, and say the same of one option."""

from __future__ import annotations

import os
import pty
import shlex
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest
from typer.main import get_command

from nas.cli.help import RANGE
from nas.cli.main import app
from nas.cli.options import OUTPUT

from .conftest import Nas

NAS: Any = get_command(app)

#: option -> why it is not the same everywhere
DIFFERENT = {
    "--batch": "of training, an export's, and a measurement's",
    "--budget-ms": "of one network or of a search, perhaps on several devices",
    "--data": "images; of nas bench the tables that are not shipped",
    "--device": "one, several, or what the machine that is measured is called",
    "--epochs": "of nas fidelity a list",
    "--out": "results, a device, a file, or exports",
    "--seconds": "of a measurement, or of a simulated training",
    "--seeds": "a search trains its finalists twice",
    "--strategy": "of nas bench a list",
    "--surrogate": "of nas adapt a way to go without data",
    "--weights": "of an export any, of nas adapt those in the network's folder",
    "--workers": "nas bench, whose runs have no GPU to share, takes all cores",
    "--zero-cost": "none in nas search unless asked for",
}


def commands(group: Any = NAS, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


PATHS = [path for path, _ in commands()]


LONGEST = 60
"""Lines of a help page: a screen, where a command has forty options."""


@pytest.mark.parametrize("path", [(), ("list",), *PATHS], ids=" ".join)
def test_page_fits_a_screen_of_80_columns(nas: Nas, path: tuple[str, ...]) -> None:
    done = nas(*path, "--help")
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert max(map(len, lines)) <= 80
    assert len(lines) <= LONGEST
    assert lines == [line.rstrip() for line in lines]


@pytest.mark.parametrize("path", PATHS, ids=" ".join)
def test_examples_parse(nas: Nas, path: tuple[str, ...]) -> None:
    examples = nas(*path, "--help").out.partition("\nExamples:\n")[2].splitlines()
    assert len(examples) >= 2
    for example in examples:
        program, *words = shlex.split(example)
        assert (program, *words[: len(path)]) == ("nas", *path)
        dict(commands())[path].make_context(path[-1], words[len(path) :])


@pytest.mark.parametrize("group", [(), ("list",)], ids=["nas", "nas list"])
def test_a_group_alone_prints_its_page(nas: Nas, group: tuple[str, ...]) -> None:
    assert nas(*group) == nas(*group, "--help")


@pytest.mark.parametrize("group", [(), ("list",)], ids=["nas", "nas list"])
def test_every_command_has_a_line_in_its_group(nas: Nas, group: tuple[str, ...]) -> None:
    found = NAS.commands["list"] if group else NAS
    page = nas(*group).out.splitlines()
    for name, command in found.commands.items():
        (line,) = (line for line in page if line.startswith(f"  {name} "))
        assert line.split(maxsplit=1)[1] == command.help.partition("\n")[0]
    assert group or "Commands:" not in page  # each stands in a section


@pytest.mark.parametrize("path", PATHS, ids=" ".join)
def test_every_option_has_help_and_a_name_for_its_value(path: tuple[str, ...]) -> None:
    for parameter in dict(commands())[path].params:
        assert parameter.help, parameter.name
        assert parameter.metavar or parameter.is_flag, parameter.name


@pytest.mark.parametrize("path", PATHS, ids=" ".join)
def test_every_command_prints_json_and_says_where_its_output_goes(path: tuple[str, ...]) -> None:
    sections = {
        p.opts[0]: getattr(p, "rich_help_panel", None) for p in dict(commands())[path].params
    }
    assert path == ("schema",) or sections["--json"] == OUTPUT  # a schema is JSON
    assert all(sections.get(own, OUTPUT) == OUTPUT for own in ("--out", "--name", "--force"))


def test_an_option_is_the_same_in_every_command() -> None:
    found = defaultdict(set)
    for _, command in commands():
        for own in command.params:
            found[own.opts[0]].add((own.help, own.metavar, str(own.default)))
    several = {option for option, kinds in found.items() if len(kinds) > 1}
    assert {option for option in several if option.startswith("--")} == set(DIFFERENT)


@pytest.mark.parametrize(
    ("typers", "ours"),
    [
        ("Steps.  [default: 0.5; 0<=x<=1]", "Steps.  [default: 0.5]"),
        ("Steps.  [x>=3; required]", "Steps.  [required]"),
        ("Steps.  [default: 1; x>=1; required]", "Steps.  [default: 1; required]"),
        ("Steps.  [x<=7]", "Steps."),
        ("estimate - x; y, as in [1].  [default: a > b]", None),
    ],
)
def test_a_range_is_left_out(typers: str, ours: str | None) -> None:
    assert RANGE.sub("", typers) == (ours or typers)


def test_headings_are_bold_in_a_terminal_alone() -> None:
    def page(**env: str) -> bytes:
        lead, terminal = pty.openpty()
        known = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
        code = [sys.executable, "-m", "nas", "list", "--help"]
        with subprocess.Popen(code, stdout=terminal, env=known | {"TERM": "xterm"} | env):
            os.close(terminal)
            text = b""
            while part := _read(lead):
                text += part
        os.close(lead)
        return text

    assert b"\x1b[1mOptions" in page()
    assert b"\x1b" not in page(NO_COLOR="1")
    assert b"\x1b" not in page(TERM="dumb")


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # the other end is closed
        return b""
