"""The documentation says what the code does."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import MISSING, fields
from pathlib import Path

import numpy as np
import pytest

from nas.blocks import BLOCKS
from nas.deploy.export import FORMATS
from nas.deploy.runtimes import RUNTIMES
from nas.evaluate.bench.comparison import Comparison
from nas.evaluate.bench.optimism import Errors, Optimism
from nas.evaluate.bench.run import Run
from nas.evaluate.bench.scenario import Scenario
from nas.evaluate.proxies import PROXIES
from nas.graph.lint import RULES
from nas.graph.ops import ACTIVATIONS
from nas.library import default_surrogate, load_arch, load_device
from nas.optimize.strategies import STRATEGIES
from nas.report.folders.bench import summary
from nas.report.svg.comparison import comparison_picture
from nas.report.svg.network import network_picture
from nas.report.tables.network import summarise
from nas.space.arch import Arch
from nas.space.space import Space
from nas.space.table import COLUMNS
from nas.train.data import SOURCES
from nas.train.recipe import recipes

ROOT = Path(__file__).parents[1]
TABLES = (ROOT / "docs" / "tables.md").read_text(encoding="utf-8")


def test_every_op_has_its_line_with_columns_and_defaults() -> None:
    documented = {}
    for line in (ROOT / "docs" / "blocks.md").read_text(encoding="utf-8").splitlines():
        if line.startswith("| `"):
            op, columns, meaning = (cell.strip() for cell in line.strip("|").split("|"))
            documented[op.strip("`")] = re.findall("`([^`]+)`", columns)
            assert meaning
    assert documented == {
        op: [
            field.name
            if field.default is MISSING
            else f"{field.name}={'~' if field.default is None else field.default}"
            for field in fields(row)
        ]
        for op, row in BLOCKS.items()
    }


def test_every_column_and_activation_is_explained() -> None:
    section = TABLES.partition("## Columns")[2].partition("## Choices")[0]
    assert re.findall(r"^\| `(\w+)` \|", section, flags=re.MULTILINE) == list(COLUMNS)
    activations = next(line for line in section.splitlines() if line.startswith("| `act` |"))
    assert set(ACTIVATIONS) <= set(re.findall("`([a-z0-9]+)`", activations))


def test_first_example_is_a_table() -> None:
    (example,) = re.findall("```yaml\n(name:.*?)```", TABLES, flags=re.DOTALL)
    head = "name: t\nsource: s\ninput: [3, 32, 32]\ncolumns: [op, k, out, s, n]\nrows:\n"
    assert len(Arch.from_yaml(example).rows) == 3
    (groups,) = re.findall("```yaml\n(  - any:.*?)```", TABLES, flags=re.DOTALL)
    assert Space.from_yaml(head + groups).size() == 2 * (2 * 2 + 2)


def test_links_lead_somewhere() -> None:
    for page in [*ROOT.glob("*.md"), *ROOT.glob("*/*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_modules_and_files_that_the_pages_name_exist() -> None:
    missing = []
    for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        text = page.read_text(encoding="utf-8")
        for name in re.findall(r"`(nas(?:\.\w+)+)`", text):
            if not is_named(name):
                missing.append(f"{page.name}: {name}")
        for path in re.findall(
            r"`((?:nas|tests|benchmarks|predictors|search_spaces)/[\w./-]+)`", text
        ):
            if not (ROOT / path).exists():
                missing.append(f"{page.name}: {path}")
    assert not missing


def is_named(dotted: str) -> bool:
    """Whether a dotted name is a module of the package, or a name in the text of one."""
    path = ROOT.joinpath(*dotted.split("."))
    if path.is_dir() or path.with_suffix(".py").is_file():
        return True
    module = path.parent / "__init__.py" if path.parent.is_dir() else path.parent.with_suffix(".py")
    return module.is_file() and path.name in module.read_text(encoding="utf-8")


def test_every_format_lint_target_and_runtime_has_its_line() -> None:
    text = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
    documented = re.findall(r"^\| `([\w-]+)` \|", text, flags=re.MULTILINE)
    assert documented == [*FORMATS, *RULES, *RUNTIMES]


def test_every_data_set_recipe_and_proxy_has_its_line() -> None:
    text = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
    documented = re.findall(r"^\| `([\w-]+)` \|", text, flags=re.MULTILINE)
    assert documented == [*SOURCES, *recipes(), *PROXIES]


def test_every_strategy_has_its_line() -> None:
    text = (ROOT / "docs" / "strategies.md").read_text(encoding="utf-8")
    documented = re.findall(
        r"^\| `([\w-]+)` \|", text.partition("## Add one")[0], flags=re.MULTILINE
    )
    assert documented == [*STRATEGIES]


def test_every_column_of_a_comparison_is_explained() -> None:
    text = (ROOT / "docs" / "strategies.md").read_text(encoding="utf-8").partition("## Columns")[2]
    documented = re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`.*?) \|", text, re.M)))
    run = Run("random", 0, np.ones(1), np.ones(1), 0.0, 0, 0)
    (row,) = summary(Comparison(Scenario("accel-nasbench"), 1.0, 1.0, False, {"random": [run]}))
    assert [re.sub(r"_\d+$", "_N", column) for column in row if column != "strategy"] == documented


def test_every_figure_of_a_winner_is_explained() -> None:
    text = (ROOT / "docs" / "strategies.md").read_text(encoding="utf-8")
    text = text.partition("## Optimism of a winner")[2].partition("## Columns")[0]
    documented = re.findall(r"`([*\w]+)`", "".join(re.findall(r"^\| (`.*?) \|", text, re.M)))
    errors = Errors(0.0, 0.0, 0.0, 0.0, 0.0)
    row = Optimism("accel-nasbench", 1, errors, errors, 0.0).row()
    columns = [re.sub("^(estimated|corrected)", "*", column) for column in row]
    assert sorted({*columns} - {"benchmark"}) == sorted(documented)


def test_pictures_are_what_their_commands_draw(tmp_path: Path) -> None:
    device, surrogate = load_device("iphone12-lut"), default_surrogate()
    old, new = (
        summarise(load_arch(n), device, surrogate) for n in ("mobilenetv2", "mobilenetv3-large")
    )
    images = ROOT / "docs" / "images"
    drawn = {"mobilenetv3-large": network_picture(new), "compare": comparison_picture(old, new)}
    for name, svg in drawn.items():
        assert (images / f"{name}.svg").read_text(encoding="utf-8") == svg, name


@pytest.mark.slow
@pytest.mark.needs("nbclient", "nbformat", "ipykernel")
def test_the_notebook_runs_and_shows_what_it_showed(tmp_path: Path) -> None:
    """In a process of its own: the kernel's libraries warn of what is theirs."""
    path, out = ROOT / "docs" / "notebook.ipynb", tmp_path / "run.ipynb"
    code = (
        "import sys, nbformat, nbclient\n"
        "book = nbformat.read(sys.argv[1], 4)\n"
        "nbclient.NotebookClient(book, timeout=120).execute()\n"
        "nbformat.write(book, sys.argv[2])"
    )
    done = subprocess.run([sys.executable, "-c", code, path, out], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    kept, found = (json.loads(own.read_text(encoding="utf-8"))["cells"] for own in (path, out))
    for before, after in zip(kept, found, strict=True):
        for old, new in zip(before.get("outputs", []), after.get("outputs", []), strict=True):
            assert old["output_type"] == new["output_type"] != "error"
            assert old.get("data", {}).keys() == new.get("data", {}).keys()
    assert all(cell["outputs"] for cell in kept if cell["cell_type"] == "code")
