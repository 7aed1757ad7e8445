"""Spaces in which the accuracy of every network is known: search strategies are compared there.

nas-bench-macro    CIFAR-10 test accuracy of all 3969 networks, from the benchmark's own table
accel-nasbench     ImageNet accuracy after a short training, fitted to networks trained that way
ofa-mobilenetv3    ImageNet accuracy of sub-networks of once-for-all, fitted likewise

`predictors/benchmarks/` states how well a fitted benchmark ranks networks it has not seen. For a
search its accuracies are the ground truth by definition.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from nas import library
from nas.errors import DocumentError, check_names
from nas.evaluate.bench import macro
from nas.evaluate.bench.artefact import CSV, YAML, read_fitted
from nas.files.resources import content_hash, data_dir
from nas.space.columns import Floats, Ints
from nas.space.space import Space


@dataclass(frozen=True, eq=False)
class Benchmark:
    """A space, and the accuracy of each of its networks."""

    name: str
    space: Space
    evaluate: Callable[[Ints], Floats]
    """Valid codes (n, P) -> accuracies (n,) in points.

    Omitted repeats must stand behind the others, since fitted benchmarks know only such codes.
    """
    best: float | None
    """The highest accuracy of the space in points, if known."""
    source: str
    content_hash: str
    """12 hex digits over the files with the accuracies."""


def load_benchmark(name: str, data: Path | None = None) -> Benchmark:
    """Load a benchmark by name; `data` is the folder with the tables that are not shipped.

    Raises:
        UnknownNameError: with the nearest names.
        DocumentError: a table is missing or malformed; names file, row and field.
    """
    check_names("benchmark", [name], BENCHMARKS)
    return BENCHMARKS[name](name, data)


def _macro(name: str, data: Path | None) -> Benchmark:
    if data is None:
        raise DocumentError(f"{name} needs the folder with {macro.FILE}; {macro.MISSING}")
    space = library.load_space(name)
    accuracies = macro.read_accuracies(data)
    return Benchmark(
        name,
        space,
        macro.Macro(space, accuracies),
        float(accuracies.max()),
        "NAS-Bench-Macro, arXiv:2103.11922: CIFAR-10 test accuracy, mean of three trainings",
        content_hash(data / macro.FILE),
    )


def _fitted(name: str, data: Path | None) -> Benchmark:
    space = library.load_space(name)
    folder = data_dir("predictors") / "benchmarks" / name
    trees, truth = read_fitted(folder, space)
    found = content_hash(folder / YAML, folder / CSV)
    return Benchmark(name, space, trees, None, f"{truth.source}: {truth.accuracy}", found)


#: name of a benchmark, which is that of its space -> its loader
BENCHMARKS: Mapping[str, Callable[[str, Path | None], Benchmark]] = {
    "nas-bench-macro": _macro,
    "accel-nasbench": _fitted,
    "ofa-mobilenetv3": _fitted,
}
