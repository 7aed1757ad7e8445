"""The order of the rooms: lower never imports higher, and torch starts at `nas.build`."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "nas"

#: lowest first; rooms of one floor do not know each other
FLOORS = (
    ("cgroups", "errors"),
    ("cores", "document", "extras", "folders", "ops", "provenance", "quiet", "widths"),
    ("fields", "html", "lines"),
    ("graph", "settings"),
    ("draft",),
    ("blocks", "cost", "lint", "rewrite"),
    ("table",),
    ("arch",),
    ("columns",),
    ("choices", "preprocessing", "scaling", "task"),
    ("lattice",),
    ("space",),
    ("latency", "accuracy"),
    ("library", "measurements", "pricing"),
    ("build",),
    ("runtimes", "calibration", "data", "proxies"),
    ("export", "train"),
    ("measure",),
    ("profile",),
    ("search", "fidelity"),
    ("strategies",),
    ("study",),
    ("adapt", "bench"),
    ("report",),
    ("sweep",),
    ("cluster", "schema"),
    ("cli",),
    ("__main__",),
)
FLOOR = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
TORCH = {"adapt", "build", "cluster", "data", "export", "proxies", "runtimes", "train"}
HEAVY = {"jinja2", "matplotlib", "optuna", "pandas", "plotly", "ray", "rich", "scipy"}
HEAVY |= {"torch", "torchvision"}
ON_TORCH = {"torch", "torchvision"}

FILES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


def room(path: Path) -> str:
    """`nas/cost/memory.py` stands in the room `cost`, `nas/arch.py` in `arch`."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(tree: ast.AST, *, at_start: bool = False) -> Iterator[str]:
    """Dotted names a file imports when run; `at_start`: already when it is imported itself."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "a relative import hides the room it comes from"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif not _is_for_types(node) and not (at_start and isinstance(node, ast.FunctionDef)):
            yield from imports(node, at_start=at_start)


def _is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def names(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


@pytest.mark.parametrize("path", FILES, ids=names)
def test_no_room_imports_a_higher_one(path: Path) -> None:
    mine = room(path)
    for name in imports(ast.parse(path.read_text(encoding="utf-8"))):
        parts = name.split(".")
        if parts[0] == "nas" and parts[1] not in (mine, "__version__"):
            assert FLOOR[parts[1]] < FLOOR[mine], f"{names(path)} imports {name}"


@pytest.mark.parametrize("path", FILES, ids=names)
def test_torch_is_imported_only_from_build_up(path: Path) -> None:
    found = {name.split(".")[0] for name in imports(ast.parse(path.read_text(encoding="utf-8")))}
    assert "torch" not in found or room(path) in TORCH


@pytest.mark.parametrize("path", FILES, ids=names)
def test_nothing_heavy_is_imported_at_start(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = {name.split(".")[0] for name in imports(tree, at_start=True)}
    allowed = ON_TORCH if room(path) in TORCH else set()
    assert found & HEAVY <= (allowed | {"ray"} if room(path) == "cluster" else allowed)


def test_every_room_is_on_a_floor() -> None:
    assert {room(path) for path in FILES} == set(FLOOR)


def test_the_command_line_holds_no_logic_of_others() -> None:
    """Nobody imports `nas.cli`, so everything a command does can be had from Python."""
    for path in FILES:
        if room(path) not in ("cli", "__main__"):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            assert not any(name.startswith("nas.cli") for name in imports(tree))


def test_design_names_every_room_lowest_first() -> None:
    text = (
        (PACKAGE.parent / "docs" / "design.md").read_text(encoding="utf-8").partition("## Rooms")[2]
    )
    documented = re.findall("`([a-z]+)`", "".join(re.findall(r"^\| (.*?) \|", text, re.M)))
    rooms = {
        p.stem for p in PACKAGE.iterdir() if p.suffix == ".py" or (p / "__init__.py").is_file()
    }
    assert set(documented) == rooms - {"__init__", "__main__"}
    assert documented == sorted(documented, key=FLOOR.__getitem__)
