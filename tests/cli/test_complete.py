"""Shell completion, asked as the shells ask, by environment, in a process of its own."""

from __future__ import annotations

import os
import re
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
from nas.optimize.avoid import names_to_avoid
from nas.optimize.strategies import STRATEGIES
from nas.study.spec import OBJECTIVES
from nas.train.data import SOURCES
from nas.train.recipe import recipes

HEAVY = {"numpy", "scipy", "pandas", "matplotlib", "torch", "optuna", "ray"}
SHOW = "import sys; sys.argv[0] = 'nas'; from nas.cli.main import main; main()"
ASK = r"""
import os, sys
sys.argv = ["nas"]
from nas.cli.main import main
for number, line in enumerate(sys.stdin.read().splitlines()):
    words, shell = line.split("\t")
    os.environ |= {"_NAS_COMPLETE": f"complete_{shell}", "_TYPER_COMPLETE_ARGS": words}
    os.environ |= {"COMP_WORDS": words, "COMP_CWORD": str(len(words.split(" ")) - 1)}
    print("asked", number)
    try:
        main()
    except SystemExit:
        pass
sys.stderr.write("\n".join(sys.modules))
"""

OFFERED = {
    "nas cal": ["calibrate"],
    "nas list ": ["archs", "spaces", "devices", "results", "blocks", "surrogates", "recipes"],
    "nas show convnext-": [name for name in named("architecture") if "convnext-" in name],
    "nas compare vit-b16 vit-l": ["vit-l16", "vit-l32"],
    "nas search --device ": [*named("device")],
    "nas search --space mobilenetv3 --surrogate ": [*named("surrogate")],
    "nas fidelity --space ": [*named("space")],
    "nas train mobilenetv2 --recipe ": [*recipes()],
    "nas search --strategy ": [*STRATEGIES],
    "nas search --avoid hs": ["hsigmoid", "hswish"],
    "nas bench --strategy tpe,nsga": ["tpe,nsga2", "tpe,nsga3"],
    "nas export x --format yaml,onnx,y": [],  # it is there already; files are offered
}
OTHER_SHELLS = ("zsh", "fish")


@pytest.fixture(scope="module")
def answers() -> dict[tuple[str, str], str]:
    """What is offered for the last word, by words and shell; nothing numeric is imported."""
    asked = [(words, "bash") for words in OFFERED]
    asked += [("nas validate iphone", shell) for shell in OTHER_SHELLS]
    done = subprocess.run(
        [sys.executable, "-c", ASK],
        input="\n".join("\t".join(own) for own in asked),
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"_TYPER_COMPLETE_FISH_ACTION": "get-args"},
        timeout=600,
    )
    assert not {name.partition(".")[0] for name in done.stderr.split()} & HEAVY
    found = re.split(r"^asked \d+\n", done.stdout, flags=re.MULTILINE)[1:]
    return dict(zip(asked, found, strict=True))


@pytest.mark.parametrize("words", OFFERED)
def test_names_are_completed(answers: dict[tuple[str, str], str], words: str) -> None:
    assert answers[words, "bash"].split() == OFFERED[words]


@pytest.mark.parametrize("shell", OTHER_SHELLS)
def test_other_shells_are_answered(answers: dict[tuple[str, str], str], shell: str) -> None:
    text = answers["nas validate iphone", shell]
    assert "iphone12-lut" in text
    assert "iphone13" in text


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_there_is_a_script_for(shell: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SHOW, "--show-completion"],
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
    assert list(complete.AVOIDABLE) == names_to_avoid()
    assert set(complete.PROXIES) == set(PROXIES)
    assert set(complete.RUNTIMES) == set(RUNTIMES)
    assert set(complete.TARGETS) == set(RULES)
