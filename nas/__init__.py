"""Finds the most accurate vision network that runs within a latency budget on a named device.

Names are imported when first used, so `import nas` costs nothing.

Importing it sets OMP_WAIT_POLICY to PASSIVE unless it is set. Every op of torch ends with threads
that wait for each other. On a busy core, a thread that spins keeps others from running.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nas.library import load_arch, load_device, load_space, load_surrogate
    from nas.modules import build, save_weights
    from nas.modules.networks import load_network
    from nas.modules.tracing.trace import graph_of
    from nas.optimize import search
    from nas.space.arch import Arch

__version__ = "0.1.0"

# GNU's, LLVM's and Intel's OpenMP read it once, when they are loaded; torch loads one
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

#: public name -> the module that defines it
_MODULES = {
    "Arch": "nas.space.arch",
    "build": "nas.modules",
    "graph_of": "nas.modules.tracing.trace",
    "load_arch": "nas.library",
    "load_device": "nas.library",
    "load_network": "nas.modules.networks",
    "load_space": "nas.library",
    "load_surrogate": "nas.library",
    "save_weights": "nas.modules",
    "search": "nas.optimize",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'nas' has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_MODULES])


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
