"""The order of the rooms: lower never imports higher, and torch starts at `nas.modules`."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "nas"

#: lowest first; rooms of one floor do not know each other
FLOORS = (
    ("errors",),
    ("files", "gp", "system"),
    ("graph",),
    ("blocks",),
    ("space",),
    ("latency", "accuracy"),
    ("library",),
    ("optimize", "modules"),
    ("train",),
    ("supernet",),
    ("deploy", "evaluate"),
    ("devices",),
    ("study",),
    ("adapt",),
    ("report",),
    ("schema",),
    ("api",),
    ("cli",),
    ("__main__",),
)
FLOOR = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
#: most pairs of rooms of which one imports the other
ARROWS = 165
#: folders that import torch at start; elsewhere a function may import it
TORCH = ("adapt", "deploy/export", "deploy/runtimes", "evaluate/proxies", "modules", "study/ray")
TORCH += ("supernet", "train")
RAY = ("study/ray",)
HEAVY = {"jinja2", "matplotlib", "optuna", "pandas", "plotly", "ray", "rich", "scipy"}
HEAVY |= {"torch", "torchvision"}
ON_TORCH = {"torch", "torchvision"}


@cache
def trees() -> dict[Path, ast.Module]:
    """Every file of the package, parsed."""
    return {
        path: ast.parse(path.read_text(encoding="utf-8"))
        for path in sorted(PACKAGE.rglob("*.py"))
        if path != PACKAGE / "__init__.py"
    }


def room(path: Path) -> str:
    """`nas/latency/fit/write.py` stands in the room `latency`, `nas/errors.py` in `errors`."""
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


def test_no_room_imports_a_higher_one() -> None:
    found = [
        f"{names(path)} imports {name}"
        for path, tree in trees().items()
        for name in imports(tree)
        if name.startswith("nas.") and name.split(".")[1] not in (room(path), "__version__")
        if FLOOR[name.split(".")[1]] >= FLOOR[room(path)]
    ]
    assert not found


def test_rooms_know_few_others() -> None:
    """Every arrow from one room to another is one that a reader has to follow."""
    arrows = {
        (room(path), name.split(".")[1])
        for path, tree in trees().items()
        for name in imports(tree)
        if name.startswith("nas.")
    }
    assert sum(a != b and b in FLOOR for a, b in arrows) <= ARROWS


def test_torch_is_imported_only_from_modules_up() -> None:
    found = [
        names(path)
        for path, tree in trees().items()
        if not within(path, TORCH) and "torch" in tops(imports(tree))
    ]
    assert not found


def test_nothing_heavy_is_imported_at_start() -> None:
    found = [
        f"{names(path)} imports {name}"
        for path, tree in trees().items()
        for name in (tops(imports(tree, at_start=True)) & HEAVY) - allowed(path)
    ]
    assert not found


def tops(found: Iterable[str]) -> set[str]:
    """The packages of dotted names."""
    return {name.split(".")[0] for name in found}


def within(path: Path, folders: Iterable[str]) -> bool:
    """Whether a file lies in one of these folders of the package."""
    return any(path.is_relative_to(PACKAGE / folder) for folder in folders)


def allowed(path: Path) -> set[str]:
    """Heavy packages that a file may import at start."""
    return (ON_TORCH if within(path, TORCH) else set()) | ({"ray"} if within(path, RAY) else set())


def test_every_room_is_on_a_floor() -> None:
    assert {room(path) for path in trees()} == set(FLOOR)


def test_the_command_line_holds_no_logic_of_others() -> None:
    """Nobody imports `nas.cli`, so everything a command does can be had from Python."""
    for path, tree in trees().items():
        if room(path) not in ("cli", "__main__"):
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
