"""Shell completion: names of what is shipped, and lists of them.

If nothing matches, the shell completes files. Completion takes a tenth of a second because nothing
numeric is imported. So the choices of packages that import NumPy or torch are repeated here; a test
compares them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

Complete = Callable[[str], list[str]]

BENCHMARKS = ("nas-bench-macro", "accel-nasbench", "ofa-mobilenetv3")
DATA_SETS = ("fashion-mnist", "cifar10", "cifar100", "imagenette", "imagenet", "digits")
FORMATS = ("yaml", "torch", "onnx", "coreml", "litert", "litert-int8", "executorch")
NORMALISATIONS = ("imagenet", "half", "none")
ORIGINS = ("nas", "timm", "torchvision", "tensorflow")
OBJECTIVES = ("ms", "params", "macs")
PROXIES = ("naswot", "synflow", "zico", "zen")
RUNTIMES = ("onnxruntime", "litert", "executorch", "openvino", "torch", "torch-cuda")
TARGETS = ("coreml", "int8", "litert", "executorch")


def archs(incomplete: str) -> list[str]:
    """Architectures."""
    return _shipped("architecture", incomplete)


def devices(incomplete: str) -> list[str]:
    """Devices."""
    return _shipped("device", incomplete)


def spaces(incomplete: str) -> list[str]:
    """Search spaces."""
    return _shipped("space", incomplete)


def surrogates(incomplete: str) -> list[str]:
    """Accuracy surrogates."""
    return _shipped("surrogate", incomplete)


def recipes(incomplete: str) -> list[str]:
    """Training recipes."""
    from nas.train.recipe import recipes as shipped

    return _starting(shipped(), incomplete)


def strategies(incomplete: str) -> list[str]:
    """Search strategies; also a list of them."""
    from nas.optimize.strategies import STRATEGIES

    return _last(STRATEGIES, incomplete)


def one_of(names: Iterable[str]) -> Complete:
    """One of these."""

    def complete(incomplete: str) -> list[str]:
        return _starting(names, incomplete)

    return complete


def some_of(names: Iterable[str]) -> Complete:
    """A list of these, as `a,b`."""

    def complete(incomplete: str) -> list[str]:
        return _last(names, incomplete)

    return complete


def _shipped(what: Any, incomplete: str) -> list[str]:
    from nas.files.resources import named

    return _starting(named(what), incomplete)


def _starting(names: Iterable[str], incomplete: str) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]


def _last(names: Iterable[str], incomplete: str) -> list[str]:
    """The last name of a list is completed; those before it are not offered again."""
    before, comma, last = incomplete.rpartition(",")
    left = [name for name in names if name not in before.split(",")]
    return [f"{before}{comma}{name}" for name in _starting(left, last)]
