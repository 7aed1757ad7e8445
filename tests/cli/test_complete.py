"""Shell completion, asked as the shells ask: in a fresh process, by environment."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from nas.cli import complete
from nas.deploy.export import FORMATS, NORMALISATIONS
from nas.deploy.runtimes import RUNTIMES
from nas.evaluate.bench.benchmark import BENCHMARKS
from nas.evaluate.proxies import PROXIES
from nas.files.resources import named
from nas.graph.conventions import ORIGINS
from nas.graph.lint import RULES
from nas.optimize.strategies import STRATEGIES
from nas.study.spec import OBJECTIVES
from nas.train.data import SOURCES
from nas.train.recipe import recipes

HEAVY = {"numpy", "scipy", "pandas", "matplotlib", "torch", "optuna", "ray"}
CODE = (
    "import sys; sys.argv[0] = 'nas'\n"
    "from nas.cli.main import main\n"
    "try:\n    main()\nfinally:\n    sys.stderr.write('\\n'.join(sys.modules))"
)


def asked(words: str, shell: str = "bash") -> list[str]:
    """What is offered for the last word, which may be empty; nothing numeric was imported."""
    env = {"_NAS_COMPLETE": f"complete_{shell}", "_TYPER_COMPLETE_ARGS": words}
    env |= {"_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    env |= {"COMP_WORDS": words, "COMP_CWORD": str(len(words.split(" ")) - 1)}
    done = subprocess.run(
        [sys.executable, "-c", CODE],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | env,
        timeout=600,
    )
    assert not {name.partition(".")[0] for name in done.stderr.split()} & HEAVY
    return done.stdout.split("\n")[:-1]


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("nas cal", ["calibrate"]),
        ("nas list ", ["archs", "spaces", "devices", "blocks", "surrogates", "recipes"]),
        ("nas show convnext-", [name for name in named("architecture") if "convnext-" in name]),
        ("nas compare vit-b16 vit-l", ["vit-l16", "vit-l32"]),
        ("nas search --device ", [*named("device")]),
        ("nas search --space mobilenetv3 --surrogate ", [*named("surrogate")]),
        ("nas fidelity --space ", [*named("space")]),
        ("nas train mobilenetv2 --recipe ", [*recipes()]),
        ("nas search --strategy ", [*STRATEGIES]),
        ("nas bench --strategy tpe,nsga", ["tpe,nsga2", "tpe,nsga3"]),
        ("nas export x --format yaml,onnx,y", []),  # it is there already; files are offered
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_names_are_completed(words: str, offered: list[str]) -> None:
    assert asked(words) == (offered or [""])


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_are_answered(shell: str) -> None:
    text = "\n".join(asked("nas validate iphone", shell))
    assert "iphone12-lut" in text
    assert "iphone13" in text


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_there_is_a_script_for(shell: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CODE, "--show-completion"],
        capture_output=True,
        text=True,
        env=os.environ | {"_NAS_COMPLETE": f"source_{shell}"},
        timeout=600,
        check=True,
    )
    assert "_NAS_COMPLETE=complete_" in done.stdout


def test_choices_are_those_that_there_are() -> None:
    assert set(complete.BENCHMARKS) == set(BENCHMARKS)
    assert set(complete.DATA_SETS) == set(SOURCES)
    assert set(complete.FORMATS) == set(FORMATS)
    assert set(complete.NORMALISATIONS) == set(NORMALISATIONS)
    assert complete.ORIGINS == ORIGINS
    assert set(complete.OBJECTIVES) == set(OBJECTIVES)
    assert set(complete.PROXIES) == set(PROXIES)
    assert set(complete.RUNTIMES) == set(RUNTIMES)
    assert set(complete.TARGETS) == set(RULES)
