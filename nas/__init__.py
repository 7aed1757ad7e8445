"""Finds the most accurate vision network that runs within a latency budget on a named device.

Names are imported when first used, so `import nas` costs nothing.

Importing it sets OMP_WAIT_POLICY to PASSIVE unless it is set. Every op of torch ends with threads
that wait for each other. On a busy core, a thread that spins keeps others from running.
"""

from __future__ import annotations

import os as _os
from typing import TYPE_CHECKING as _TYPE_CHECKING

if _TYPE_CHECKING:
    from nas.api.adapt import adapt_network
    from nas.api.export import export_network
    from nas.api.search import search, search_and_train
    from nas.api.supernet import Supernet, search_supernet, train_supernet
    from nas.api.train import load_task, train_network
    from nas.files.output import Output
    from nas.library import load_arch, load_device, load_space, load_surrogate
    from nas.modules import build, save_weights
    from nas.modules.networks import load_network
    from nas.modules.tracing.trace import graph_of
    from nas.space.arch import Arch
    from nas.study.settings import StudySettings

__version__ = "0.1.0"

# GNU's, LLVM's and Intel's OpenMP read it once, when they are loaded; torch loads one
_os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

#: public name -> the module that defines it
_MODULES = {
    "Arch": "nas.space.arch",
    "Output": "nas.files.output",
    "StudySettings": "nas.study.settings",
    "Supernet": "nas.api.supernet",
    "adapt_network": "nas.api.adapt",
    "build": "nas.modules",
    "export_network": "nas.api.export",
    "graph_of": "nas.modules.tracing.trace",
    "load_arch": "nas.library",
    "load_device": "nas.library",
    "load_network": "nas.modules.networks",
    "load_space": "nas.library",
    "load_surrogate": "nas.library",
    "load_task": "nas.api.train",
    "save_weights": "nas.modules",
    "search": "nas.api.search",
    "search_and_train": "nas.api.search",
    "search_supernet": "nas.api.supernet",
    "train_network": "nas.api.train",
    "train_supernet": "nas.api.supernet",
}


def __getattr__(name: str) -> object:
    from importlib import import_module

    if name not in _MODULES:
        raise AttributeError(f"module 'nas' has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    """The public names; packages below are imported by their full names."""
    return [*__all__]


__all__ = [
    "Arch",
    "Output",
    "StudySettings",
    "Supernet",
    "__version__",
    "adapt_network",
    "build",
    "export_network",
    "graph_of",
    "load_arch",
    "load_device",
    "load_network",
    "load_space",
    "load_surrogate",
    "load_task",
    "save_weights",
    "search",
    "search_and_train",
    "search_supernet",
    "train_network",
    "train_supernet",
]
