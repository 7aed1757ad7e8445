"""Every command and every Python block of README.md and docs/ is run, page by page.

A page's commands share a folder, in the order of reading; a page stands alone.
"""

from __future__ import annotations

import re
import shlex
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from shown import DOCS, ROOT, blocks, pages
from typer.main import get_command

from nas.blocks import BLOCKS
from nas.blocks.own import VARIABLE
from nas.cli.main import app, main
from nas.optimize import EvolutionSettings

#: commands that are shown and not run here
NOT_RUN = {
    "nas profile --runtime onnxruntime --out here": "ten minutes; shorter in tests/cli",
    "nas search --space mobile32 --budget-ms 1 --device sd855-cpu-1t --data digits --trials 4": (
        "minutes; shorter on the page data.md"
    ),
    "nas fidelity --space mobile --data fashion-mnist --download": (
        "hours; a small one in tests/cli"
    ),
    "nas supernet mobile32 --data fashion-mnist --epochs 30 --name all": (
        "hours; shorter on the page supernet.md"
    ),
    "nas kit --device-os ios mobilenetv3-small": "a slow converter; in tests/cli",
    "nas kit --device-os ios mobilenetv3-small results/mobile-iphone12-lut-1ms-p0.9": "likewise",
    "nas bench": "an hour",
    "nas sweep docs/cluster/sweep.yaml --address auto": "no cluster; in tests/study",
    "nas adapt results/start --budget-ms 0.6 --device sd855-cpu-1t --data digits --address auto"
    " --workers 8": "likewise",
    "nas fidelity --space mobile32 --data digits --address auto --workers 8": "likewise",
    "nas bench --data DIR --budget-share 1": "a table that is not shipped",
    "nas --install-completion": "it changes the shell's files; in tests/cli/test_complete.py",
    "nas bench --quick": "half a minute, run by CI on its own",
}
#: commands that several pages show, and nothing after them needs -> the page that they run on
RUN_ON = {
    "nas adapt mobilenetv3-small --budget-ms 0.6 --surrogate --device iphone12-lut": "adapt.md",
    "nas measure mobilenetv3-small --runtime onnxruntime --seconds 1": "deploy.md",
    "nas search --budget-ms 1.0 --device iphone12-lut --confidence 0.9": "phone.md",
    "nas show timm:mobileone_s1 --device iphone12-lut": "too-slow.md",
    "nas sweep docs/cluster/sweep.yaml": "cluster.md",
}
#: what the sweep that is shown asks for -> less of it, so that it takes seconds
SHORTER = {
    "[0.5, 0.6]": "[0.6]",
    "{name: digits}": "{name: digits, images: 200}",
    "trials: 4": "trials: 2",
    "final_seeds: 2": "final_seeds: 1",
}


SHOWN = [*blocks()]
COMMANDS = {command: b for b in SHOWN for command in b.commands}
#: command -> some of the lines it prints, as the README shows them
OUTPUTS = {
    command: shown.splitlines()
    for command, shown in re.findall(
        r"^```text\n\$ (.*?)\n(.*?)^```", (ROOT / "README.md").read_text("utf-8"), re.S | re.M
    )
}


def test_every_page_is_read() -> None:
    assert {path for path in DOCS.glob("*.md")} - {DOCS / "index.md"} == {*pages()[1:]}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_the_options_it_is_shown_with(command: str) -> None:
    tool: Any = get_command(app)
    context, name, words = None, "nas", shlex.split(command)[1:]
    while hasattr(tool, "resolve_command") and words[0] != "--install-completion":
        context = tool.make_context(name, words, parent=context, resilient_parsing=True)
        name, tool, words = tool.resolve_command(context, words)
    of_the_shell = "--install-completion" in words  # is not to be installed here
    tool.make_context(name, [*words], parent=context, resilient_parsing=of_the_shell)


def test_what_is_not_run_is_shown() -> None:
    assert {*NOT_RUN} <= {*COMMANDS}
    assert {*OUTPUTS} <= {*COMMANDS} - {*NOT_RUN} - {*RUN_ON}
    for command, page in RUN_ON.items():
        assert any(command in b.commands for b in SHOWN if b.page.name == page), command


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder like the repository's, but for what commands leave there."""
    for name in ("predictors", "search_spaces"):
        (tmp_path / name).symlink_to(ROOT / name)
    shutil.copytree(DOCS, tmp_path / "docs")
    sweep = tmp_path / "docs" / "cluster" / "sweep.yaml"
    text = sweep.read_text("utf-8")
    for shown, shorter in SHORTER.items():
        assert shown in text
        text = text.replace(shown, shorter)
    sweep.write_text(text)
    monkeypatch.setattr("nas.study.ray.simulate.BUDGETS_MS", (95.0,))  # a third of the searches
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def blocks_restored(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A page adds a block."""
    monkeypatch.setenv(VARIABLE, "")  # worker processes would have it too
    before = dict(BLOCKS)
    yield
    BLOCKS.clear()
    BLOCKS.update(before)


@pytest.mark.slow
@pytest.mark.needs("executorch", "litert", "openvino", "ray")
@pytest.mark.usefixtures("folder", "blocks_restored")
@pytest.mark.parametrize("page", dict.fromkeys(block.page.name for block in SHOWN))
def test_everything_that_a_page_shows_runs(
    page: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    if page != "README.md":  # whose figures are compared
        few = partial(EvolutionSettings, generations=5, children=300)
        monkeypatch.setattr("nas.optimize.run.EvolutionSettings", few)
    done = {*NOT_RUN} | {command for command, other in RUN_ON.items() if other != page}
    names: dict[str, Any] = {"__name__": page.partition(".")[0]}
    for block in (block for block in SHOWN if block.page.name == page):
        where = f"{page}:{block.line}"
        if block.language == "python":
            with timed(where):
                exec(compile(block.text, where, "exec", dont_inherit=True), names)
        for command in block.commands:
            if command not in done:
                done.add(command)
                with timed(f"{where}  {command}"):
                    assert run(command, monkeypatch) == 0, f"{where}: {command}"
                printed = capsys.readouterr().out
                sys.stdout.write(printed)
                if page == "README.md":
                    lines = [line.rstrip() for line in printed.splitlines()]
                    assert {*OUTPUTS.get(command, [])} <= {*lines, "..."}


@contextmanager
def timed(what: str) -> Iterator[None]:
    """Say how long it took, for pytest -rP."""
    start = time.perf_counter()
    yield
    sys.stdout.write(f"took {time.perf_counter() - start:.1f} s: {what}\n")


def run(command: str, monkeypatch: pytest.MonkeyPatch) -> int:
    """The exit code of one line, in this process."""
    words = [
        path
        for word in shlex.split(command)
        for path in (sorted(map(str, Path().glob(word))) if "*" in word else [word])
    ]
    monkeypatch.setattr(sys, "argv", words)
    try:
        main()
    except SystemExit as end:
        return int(str(end.code or 0))
    return 0
