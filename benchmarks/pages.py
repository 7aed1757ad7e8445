"""Run what README.md and docs/ show, as a newcomer would: from a clean clone, page by page.

Every command runs in a terminal's place of 80 columns, as it is printed; Python blocks of a page
share a process. A page begins with a clean clone of the last commit and an empty home. A command
that takes longer than the limit is interrupted, as with Ctrl-C. Writes the seconds, exit code and
last line of each to results/benchmarks/pages.csv; other pages keep their rows. --full also prints
all that they print. It installs nothing: use an environment with every extra.

    python benchmarks/pages.py [--limit-s 600] [--full] [PAGE ...]
    python benchmarks/pages.py README.md start.md
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

from files import read_rows, write_rows

from nas.system.environment import environment

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "tests"))

from shown import Block, blocks, pages  # noqa: E402

OUT = ROOT / "results" / "benchmarks" / "pages.csv"
GRACE_S = 60
"""Time that an interrupted command has to end."""
PYTHON = """
import contextlib, io, json, sys, traceback
names = {"__name__": "page"}
for text in sys.stdin:
    code, printed = 0, io.StringIO()
    with contextlib.redirect_stdout(printed):
        try:
            exec(compile(json.loads(text), "page", "exec"), names)
        except Exception:
            code = 1
            print(traceback.format_exc())
    print(json.dumps([code, printed.getvalue()]), flush=True)
"""
"""Executes blocks, one a line, and answers with an exit code and what was printed."""

PROGRAM = """
from nas.cli.main import main

if __name__ == "__main__":
    main()
"""
"""What pip installs as `nas`."""


def main() -> None:
    """Run the pages and write their rows."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    names = [page.name for page in pages()]
    parser.add_argument("pages", nargs="*", metavar="PAGE", help=", ".join(names))
    parser.add_argument("--limit-s", type=float, default=600)
    parser.add_argument("--full", action="store_true", help="print all that the commands print")
    options = parser.parse_args()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # commands hear it, also behind `&`
    for name in options.pages or names:
        if name not in names:
            parser.error(f"unknown page {name}; valid: {', '.join(names)}")
        with tempfile.TemporaryDirectory() as folder:
            rows = [*page_rows(name, Path(folder), options.limit_s, options.full)]
        kept = [r for r in read_rows(OUT) if r["page"] in {*names} - {name}]
        write_rows(OUT, sorted([*kept, *rows], key=lambda row: names.index(row["page"])))


def page_rows(name: str, folder: Path, limit_s: float, full: bool) -> Iterator[dict[str, str]]:
    """Yield a row for each command and Python block of a page."""
    clone = folder / "nas"
    subprocess.run(["git", "clone", "--quiet", ROOT, clone], check=True)
    env = newcomer(folder, clone)
    python = subprocess.Popen(
        [sys.executable, "-c", PYTHON],
        cwd=clone,
        env=env,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    for block in blocks():
        if block.page.name != name:
            continue
        for command in block.commands:
            found = timed(partial(run, command, clone, env, limit_s))
            yield row(block, command, found, folder, full)
        if block.language == "python":
            found = timed(partial(execute, python, block.text))
            first = f"python: {block.text.splitlines()[0]} ..."
            yield row(block, first, found, folder, full)
    python.communicate()


class Ran(NamedTuple):
    """One command or block."""

    seconds: float
    code: int
    printed: str
    load: float | None
    """Load of the machine before."""


def timed(act: Callable[[], tuple[int, str]]) -> Ran:
    """Return what running it gives, and its time."""
    load, start = environment().load, perf_counter()
    code, printed = act()
    return Ran(perf_counter() - start, code, printed, load)


def newcomer(folder: Path, clone: Path) -> Mapping[str, str]:
    """Return the environment of the commands: an empty home, and `nas` of the clone."""
    programs, home = folder / "bin", folder / "home"
    programs.mkdir()
    home.mkdir()
    (programs / "nas").write_text(f"#!{sys.executable}\n{PROGRAM}")
    (programs / "nas").chmod(0o755)
    images = os.environ.get("NAS_DATA", str(Path("~/.cache/nas").expanduser()))
    return os.environ | {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(clone),
        "HOME": str(home),
        "NAS_DATA": images,
        "COLUMNS": "80",
    }


def run(command: str, clone: Path, env: Mapping[str, str], limit_s: float) -> tuple[int, str]:
    """Run a line in a shell; return its exit code and what it printed."""
    line = " ".join(word if "*" in word else shlex.quote(word) for word in shlex.split(command))
    process = subprocess.Popen(
        ["bash", "-c", f"exec {line}"],
        cwd=clone,
        env=env,
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    for wait_s, stop in ((limit_s, signal.SIGINT), (GRACE_S, signal.SIGKILL)):
        try:
            printed, _ = process.communicate(timeout=wait_s)
            break
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, stop)
    else:
        printed, _ = process.communicate()
    return process.returncode, printed


def execute(python: subprocess.Popen[str], text: str) -> tuple[int, str]:
    """Execute a block in the page's process; return an exit code and what it printed."""
    assert python.stdin is not None and python.stdout is not None
    python.stdin.write(json.dumps(text) + "\n")
    python.stdin.flush()
    code, printed = json.loads(python.stdout.readline())
    return code, printed


def row(block: Block, command: str, found: Ran, folder: Path, full: bool) -> dict[str, str]:
    """Return the row of one command, and print it, or all that the command printed."""
    lines = [line.strip() for line in found.printed.splitlines() if line.strip()]
    last = re.sub(rf"{re.escape(str(folder))}/(nas/)?", "", lines[-1]) if lines else ""
    where = f"{block.page.name}:{block.line}"
    print(f"{where} {found.seconds:7.1f} s {found.code:3}  {command}", flush=True)
    print(found.printed if full else f"    {last}", flush=True)
    about = environment()
    return {
        "page": block.page.name,
        "line": str(block.line),
        "command": command,
        "seconds": f"{found.seconds:.1f}",
        "exit_code": str(found.code),
        "last_line": last,
        "load_before": str(found.load),
        "hardware": f"{about.cpu}, {about.cores} cores",
        "date": datetime.now(UTC).date().isoformat(),
    }


if __name__ == "__main__":
    main()
