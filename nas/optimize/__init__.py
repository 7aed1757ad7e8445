"""Inner search: the best network of a space within a latency budget, in seconds.

`search` joins the exact solver (for the additive part) and evolution (for the whole objective).
Names are imported when first used, so that the strategies can be listed without NumPy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nas.optimize.evolution import EvolutionSettings
    from nas.optimize.result import Candidate, SearchResult
    from nas.optimize.run import search

#: public name -> the module that defines it
_MODULES = {"Candidate": "result", "SearchResult": "result", "EvolutionSettings": "evolution"}
_MODULES |= {"search": "run"}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'nas.optimize' has no attribute {name!r}")
    return getattr(import_module(f"nas.optimize.{_MODULES[name]}"), name)


__all__ = ["Candidate", "SearchResult", "EvolutionSettings", "search"]
