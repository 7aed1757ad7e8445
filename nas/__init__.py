"""Finds the most accurate vision network that runs within a latency budget on a named device.

Names are imported when first used, so `import nas` costs nothing.

Importing it sets OMP_WAIT_POLICY to PASSIVE unless it is set. Every op of torch ends with threads
that wait for each other. On a busy core, a thread that spins keeps others from running.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nas.arch import Arch
    from nas.build import build, save_weights
    from nas.build.named import load_network
    from nas.build.trace import graph_of
    from nas.library import load_arch, load_device, load_space, load_surrogate
    from nas.search import search

__version__ = "0.1.0"

# GNU's, LLVM's and Intel's OpenMP read it once, when they are loaded; torch loads one
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

#: public name -> the module that defines it
_MODULES = {
    "Arch": "nas.arch",
    "build": "nas.build",
    "graph_of": "nas.build.trace",
    "load_arch": "nas.library",
    "load_device": "nas.library",
    "load_network": "nas.build.named",
    "load_space": "nas.library",
    "load_surrogate": "nas.library",
    "save_weights": "nas.build",
    "search": "nas.search",
}


class _Face(ModuleType):
    """`nas.build` and `nas.search` are the functions, not the packages that hold them."""

    def __getattr__(self, name: str) -> Any:
        if name not in _MODULES:
            raise AttributeError(f"module 'nas' has no attribute {name!r}")
        return getattr(import_module(_MODULES[name]), name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in _MODULES:  # importing a subpackage would hide the function of its name
            super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        return sorted([*super().__dir__(), *_MODULES])


sys.modules[__name__].__class__ = _Face

__all__ = [
    "Arch",
    "__version__",
    "build",
    "graph_of",
    "load_arch",
    "load_device",
    "load_network",
    "load_space",
    "load_surrogate",
    "save_weights",
    "search",
]
