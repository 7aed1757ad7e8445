"""The reference of the public names of `nas` and of the classes that they return."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import nas

INTRODUCTION = """\
# Python

This page documents the names of `import nas`. Each is imported when it is first used.
`nas.load_arch` and similar functions take a shipped name or a path. An invalid name, file or budget
raises a `nas.errors.NasError` with a one-line message. The returned classes follow the functions.

`on_progress` is called with the current step (a text) and the share of all the work that is done,
from 0 to 1; `on_message` with a line about an event ([examples](../python.md#progress)).
"""
RETURNED = (
    "nas.latency.device.Device",
    "nas.latency.device.Prediction",
    "nas.accuracy.Surrogate",
    "nas.accuracy.AccuracyEstimate",
    "nas.space.space.Space",
    "nas.optimize.SearchResult",
    "nas.optimize.Candidate",
    "nas.study.results.StudyResult",
    "nas.train.final.Final",
    "nas.adapt.result.Adaptation",
    "nas.deploy.export.Export",
)


def python() -> Iterator[str]:
    """Yield a section for each name."""
    yield INTRODUCTION
    for name in nas.__all__:
        if name != "__version__":
            yield from _documented(f"nas.{name}", inspect.isclass(getattr(nas, name)))
    for name in RETURNED:
        yield from _documented(name, True)


def _documented(name: str, is_class: bool) -> Iterator[str]:
    directive = "autoclass" if is_class else "autofunction"
    yield f"## `{name}`\n\n```{{eval-rst}}\n.. {directive}:: {name}\n```\n"
