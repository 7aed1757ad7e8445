"""A file of the user's as a module, found and run as Python itself would import it.

A file in a package is imported under its dotted name with the package's root first on the path; any
other has its own folder there, like a script. Everything is put back afterwards, so two files may
each have a `layers.py`, and a clone of a library may stand in for the one that is installed.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module, invalidate_caches
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

KEPT = frozenset({"nas", "numpy", "torch", "torchvision"}) | sys.stdlib_module_names
"""Modules that no file of the user's takes the place of: they are loaded once in a process."""


@contextmanager
def imported_file(file: Path) -> Iterator[ModuleType]:
    """The module of a file, with what it imports at hand as long as the context is open."""
    file = file.resolve()
    folder = file.parent
    while (folder / "__init__.py").is_file():
        folder = folder.parent
    with _importing([folder, Path.cwd()]):
        yield _load(file, folder)


def _load(file: Path, root: Path) -> ModuleType:
    """Under its name from the root; a relative import makes packages of plain folders."""
    while True:
        try:
            if root == file.parent:
                return _script(file)
            sys.path.insert(0, str(root))
            return import_module(".".join(file.relative_to(root).with_suffix("").parts))
        except ImportError as error:
            if "relative import" not in str(error) or root.parent == root:
                raise
            root = root.parent


def _script(file: Path) -> ModuleType:
    name = f"_{file.stem}" if file.stem in KEPT else file.stem
    spec = spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} is no Python file")
    module = sys.modules[name] = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@contextmanager
def _importing(roots: list[Path]) -> Iterator[None]:
    """Import from the roots first; afterwards path and modules are as they were."""
    path, writes, before = sys.path[:], sys.dont_write_bytecode, dict(sys.modules)
    sys.path[:0] = [str(root) for root in roots]
    sys.dont_write_bytecode = True
    for name in _hidden(roots[0]):
        del sys.modules[name]
    invalidate_caches()
    try:
        yield
    finally:
        sys.path[:] = path
        sys.dont_write_bytecode = writes
        for name in [name for name in sys.modules if name not in before and _is_own(name)]:
            del sys.modules[name]
        sys.modules.update(before)


def _hidden(root: Path) -> list[str]:
    """Loaded modules whose names the root's own files and packages take."""
    tops = {name.partition(".")[0] for name in sys.modules} - KEPT
    taken = {
        top
        for top in tops
        if (root / f"{top}.py").is_file() or (root / top / "__init__.py").is_file()
    }
    return [name for name in sys.modules if name.partition(".")[0] in taken]


def _is_own(name: str) -> bool:
    """A module of the user's: neither installed nor a part of Python."""
    top = name.partition(".")[0]
    module = sys.modules.get(top)
    places = [getattr(module, "__file__", None), *getattr(module, "__path__", ())]
    found = [Path(place) for place in places if place]
    return bool(found) and not any(map(installed, found)) and top not in KEPT


def installed(path: Path) -> bool:
    """Whether a file or folder is of an installed package."""
    return not {"site-packages", "dist-packages"}.isdisjoint(path.parts)
