"""What starts quickly: modules that a command must not import."""

from __future__ import annotations

import subprocess
import sys

import pytest

NUMERIC = {"numpy", "pandas", "scipy", "matplotlib", "yaml", "torch", "optuna", "ray"}


def loaded(*args: str) -> set[str]:
    """Top-level modules after `nas ARGS` in a fresh process."""
    code = (
        "import sys\n"
        "from nas.cli.main import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
        "sys.stderr.write('\\n'.join(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *args], capture_output=True, text=True, timeout=600, check=True
    )
    return {name.partition(".")[0] for name in done.stderr.splitlines()}


@pytest.mark.parametrize("args", [("--help",), ("--version",), ("show", "--help")], ids=" ".join)
def test_help_imports_nothing_numeric(args: tuple[str, ...]) -> None:
    assert not loaded(*args) & NUMERIC


@pytest.mark.parametrize(
    "args",
    [
        ("show", "mobilenetv2", "--device", "iphone12-lut"),
        ("compare", "mobilenetv2", "repvit-m0.9"),
        ("list", "archs"),
        ("schema", "sweep"),
        ("check", "search_spaces/mobile.yaml"),
    ],
    ids=" ".join,
)
def test_showing_and_checking_imports_neither_torch_nor_pandas(args: tuple[str, ...]) -> None:
    assert not loaded(*args) & {"torch", "pandas", "matplotlib", "scipy", "optuna", "ray", "plotly"}


def test_import_of_the_package_imports_no_other() -> None:
    code = "import sys, nas; sys.stdout.write('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not set(done.stdout.split()) & NUMERIC
