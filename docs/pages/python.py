"""The public names of `nas`, and the classes that they return."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import nas

INTRODUCTION = """\
# Python

What `import nas` offers; each name is imported when it is first used. `nas.load_arch` and its like
take a shipped name or a path. A bad name, file or budget raises a `nas.errors.NasError` whose text
is one line. The classes that are returned follow the functions.
"""
RETURNED = (
    "nas.latency.device.Device",
    "nas.latency.device.Prediction",
    "nas.accuracy.Surrogate",
    "nas.accuracy.AccuracyEstimate",
    "nas.space.space.Space",
    "nas.optimize.SearchResult",
    "nas.optimize.Candidate",
)


def python() -> Iterator[str]:
    """A section for each name."""
    yield INTRODUCTION
    for name in nas.__all__:
        if name != "__version__":
            yield from _documented(f"nas.{name}", inspect.isclass(getattr(nas, name)))
    for name in RETURNED:
        yield from _documented(name, True)


def _documented(name: str, is_class: bool) -> Iterator[str]:
    directive = "autoclass" if is_class else "autofunction"
    yield f"## `{name}`\n\n```{{eval-rst}}\n.. {directive}:: {name}\n```\n"
