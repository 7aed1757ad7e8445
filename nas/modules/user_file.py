"""Import a Python file of the user as Python itself would.

A file in a package is imported by its dotted name, with the package's root first on the path; any
other file like a script, with its own folder first. All is restored afterwards, so two files may
each import their own `layers.py`, and a local clone of a library replaces the installed one.
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
"""Modules that a user's file never replaces: they can be loaded only once."""


@contextmanager
def imported_file(file: Path) -> Iterator[ModuleType]:
    """Import a file; its own imports are available as long as the context is open."""
    file = file.resolve()
    folder = file.parent
    while (folder / "__init__.py").is_file():
        folder = folder.parent
    with _importing([folder, Path.cwd()]):
        yield _load(file, folder)


def _load(file: Path, root: Path) -> ModuleType:
    """Import by the name from the root; for relative imports plain folders become packages."""
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
        raise ImportError(f"{file} is not a Python file")
    module = sys.modules[name] = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@contextmanager
def _importing(roots: list[Path]) -> Iterator[None]:
    """Import from these folders first; afterwards restore path and modules."""
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
    """Loaded modules with the names of files or packages in the root."""
    tops = {name.partition(".")[0] for name in sys.modules} - KEPT
    taken = {
        top
        for top in tops
        if (root / f"{top}.py").is_file() or (root / top / "__init__.py").is_file()
    }
    return [name for name in sys.modules if name.partition(".")[0] in taken]


def _is_own(name: str) -> bool:
    """Whether a module is the user's: neither installed nor part of Python."""
    top = name.partition(".")[0]
    module = sys.modules.get(top)
    places = [getattr(module, "__file__", None), *getattr(module, "__path__", ())]
    found = [Path(place) for place in places if place]
    return bool(found) and not any(map(installed, found)) and top not in KEPT


def installed(path: Path) -> bool:
    """Whether a file or folder belongs to an installed package."""
    return not {"site-packages", "dist-packages"}.isdisjoint(path.parts)
