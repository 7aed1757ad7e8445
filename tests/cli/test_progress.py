"""Progress: a bar in a terminal, lines elsewhere, nothing on stdout, and what Ctrl-C adds."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys

import pytest

from nas.cli import progress
from nas.cli.progress import show_progress
from nas.cli.streams import say
from nas.system.progress import time_of

ESCAPE = re.compile(rb"\x1b\[[0-9;?]*[a-zA-Z]")

LONG = "a step of a name that no terminal of eighty columns has the room to show in one line"
STEPS = f"""
import time
from nas.cli import progress
progress.EVERY_S = 0.2
with progress.show_progress() as heard:
    for share in (0, 0.25, 0.5, 0.75):
        heard({LONG!r}, share)
        time.sleep(0.3)
print("the end")
"""
CAPTURED = """
import os, time
from nas.cli.progress import show_progress
from nas.system.capture import capture_output
with show_progress() as heard, capture_output():
    heard("converting", 0.25)
    os.write(2, b"noise of a library")
    time.sleep(1)
print("the end")
"""


def test_lines_where_there_is_no_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "EVERY_S", 0.0)
    with show_progress() as heard:
        for share in (0.0, 0.25, 0.5):
            heard(f"epoch {share:g}", share)
    done = capsys.readouterr()
    assert done.out == ""
    first, second, third = done.err.splitlines()
    assert first == "nas: epoch 0, 0 %"
    assert second == "nas: epoch 0.25, 25 %"
    assert re.fullmatch(r"nas: epoch 0\.5, 50 %, about \d+ s left", third)


@pytest.mark.parametrize("shown", [True, False])
def test_what_is_over_at_once_says_nothing(
    shown: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "EVERY_S", 10.0 if shown else 0.0)
    with show_progress(shown=shown) as heard:
        heard("all", 1.0)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (12.4, "12 s"),
        (59.4, "59 s"),
        (59.7, "1 min"),
        (90, "2 min"),
        (3599, "1 h 0 min"),
        (7300, "2 h 2 min"),
    ],
)
def test_times_are_short(seconds: float, text: str) -> None:
    assert time_of(seconds) == text


def test_an_interruption_says_how_to_go_on() -> None:
    with pytest.raises(KeyboardInterrupt) as stop, show_progress(on_interrupt="this way"):
        raise KeyboardInterrupt
    assert stop.value.__notes__ == ["this way"]


def test_notes_are_lines_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    say("a note")
    assert capsys.readouterr() == ("", "nas: a note\n")


def in_terminal(steps: str = STEPS, **env: str) -> bytes:
    """What is written to a terminal of 80 columns; stdout is a pipe."""
    lead, terminal = pty.openpty()
    known = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
    known |= {"TERM": "xterm", "COLUMNS": "80"} | env
    with subprocess.Popen(
        [sys.executable, "-c", steps], stdout=subprocess.PIPE, stderr=terminal, env=known
    ) as process:
        os.close(terminal)
        text = b""
        while part := read(lead):
            text += part
        assert process.stdout is not None
        assert process.stdout.read() == b"the end\n"
    os.close(lead)
    return text


def read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # the other end is closed
        return b""


@pytest.mark.slow
def test_a_bar_with_the_time_left_fits_the_terminal_and_is_gone_in_the_end() -> None:
    text = in_terminal()
    lines = [line.decode() for line in re.split(rb"[\r\n]+", ESCAPE.sub(b"", text))]
    assert max(map(len, lines)) <= 80
    assert any(re.search(r"^[-\\|/] a step of .*… .*75% 00:0\d$", line) for line in lines)
    assert text.rstrip().endswith(b"\x1b[2K")
    assert b"\x1b[3" not in in_terminal(NO_COLOR="1")  # no colours, though a bar


@pytest.mark.slow
def test_a_bar_names_its_step_and_turns_while_output_is_captured() -> None:
    text = in_terminal(CAPTURED)
    assert b"noise" not in text
    turned = {line[0] for line in re.findall(rb". converting [^\r]*25%", ESCAPE.sub(b"", text))}
    assert len(turned) > 1


@pytest.mark.slow
def test_a_dumb_terminal_gets_lines() -> None:
    text = in_terminal(TERM="dumb")
    assert b"\x1b" not in text
    assert b"75 %, about " in text
