"""Exit codes and streams, in real processes: one message, no traceback, nothing else on stdout."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from nas import __version__

NAS = [sys.executable, "-c", "from nas.cli.main import main; main()"]


def run(*args: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*NAS, *args], capture_output=True, text=True, env=os.environ | env, timeout=60, check=False
    )


def test_version_is_the_packages_own() -> None:
    done = run("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"nas {__version__}\n", "")


def test_help_names_every_command() -> None:
    done = run("--help")
    assert done.returncode == 0
    commands = done.stdout.partition("Commands:")[2].split("\n")[1:]
    assert {"search", "show", "compare", "list"} <= {line.split()[0] for line in commands if line}


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("show", "mobilenetv3-larg"), "unknown architecture 'mobilenetv3-larg'; nearest: mob"),
        (("show", "net.yaml"), "net.yaml: no such file or folder"),
        (("show", "mobilenetv2", "--device", "iphone12"), "unknown device 'iphone12'; nearest: i"),
        (("compare", "mobilenetv2", "x"), "unknown architecture 'x'; valid: "),
        (("show", "x" * 5_000), "unknown architecture 'xxx"),
    ],
    ids=lambda value: value[-1][:20] if isinstance(value, tuple) else "",
)
def test_bad_input_ends_with_2_and_one_line(args: tuple[str, ...], message: str) -> None:
    done = run(*args)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"nas: {message}")
    assert done.stderr.count("\n") == 1
    assert len(done.stderr) < 3_000


@pytest.mark.parametrize("args", [("show",), ("show", "--colour"), ("shwo",), ("list", "nets")])
def test_bad_usage_ends_with_2(args: tuple[str, ...]) -> None:
    done = run(*args)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Error: " in done.stderr
    assert "Traceback" not in done.stderr


def test_reader_that_leaves_early_is_no_error() -> None:
    process = subprocess.Popen(
        [*NAS, "show", "mobilenetv2", "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == b""
    process.stderr.close()
    process.wait(timeout=60)


def test_terminal_without_the_characters_gets_others() -> None:
    done = run("show", "mobilenetv2", PYTHONIOENCODING="ascii")
    assert done.returncode == 0
    assert done.stdout.isascii()


@pytest.mark.skipif(sys.platform == "win32", reason="sends a POSIX signal")
def test_interrupt_ends_with_130() -> None:
    code = (
        "import signal\n"
        "import nas.library\n"
        "nas.library.load_arch = lambda name: signal.raise_signal(signal.SIGINT)\n"
        "from nas.cli.main import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "show", "mobilenetv2"], capture_output=True, timeout=60
    )  # fmt: skip
    assert signal.SIGINT == 2
    assert done.returncode == 130
    assert b"Traceback" not in done.stderr
