"""Blocks from files of the user's own: Python that is executed, and only if it is named.

The files are named by `nas --blocks FILE.py` or by the variable NAS_BLOCKS, which passes them on to
worker processes. Each registers its blocks with `nas.blocks.register`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from hashlib import sha256
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

from nas.errors import BlockError, NasError, first_line

VARIABLE = "NAS_BLOCKS"
"""Environment variable: the files, separated as those of PATH."""


def files_in_environment() -> list[Path]:
    """The files that the variable names."""
    return [Path(file) for file in os.environ.get(VARIABLE, "").split(os.pathsep) if file]


def name_in_environment(files: Iterable[Path]) -> None:
    """Add files to the variable, for processes that this one starts."""
    named = [*files_in_environment(), *(file.resolve() for file in files)]
    os.environ[VARIABLE] = os.pathsep.join(dict.fromkeys(map(str, named)))


def execute(file: Path) -> bool:
    """Execute a file unless it was; return whether it is now. It can import modules beside it.

    It becomes a module below `nas.blocks`, so a process that unpickles one of its rows imports
    `nas.blocks` first, which executes the file there.

    Raises:
        BlockError: there is no such file, or it raised an error.
    """
    file = file.resolve()
    name = f"nas.blocks.{file.stem}_{sha256(str(file).encode()).hexdigest()[:8]}"
    if name in sys.modules:
        return False
    spec = spec_from_file_location(name, file) if file.suffix == ".py" else None
    if spec is None or spec.loader is None or not file.is_file():
        found = "another file" if file.is_file() else "no such file"
        raise BlockError(f"{file}: expected a Python file that registers blocks, found {found}")
    module = sys.modules[name] = module_from_spec(spec)
    sys.path.append(str(file.parent))
    try:
        spec.loader.exec_module(module)
    except NasError:
        del sys.modules[name]
        raise
    except Exception as error:
        del sys.modules[name]
        raise BlockError(f"{file}: {type(error).__name__}: {first_line(error)}") from error
    return True
