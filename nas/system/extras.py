"""Optional dependencies: the modules of each extra, and the command that installs it."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

from nas.errors import MissingExtraError

#: extra -> the modules it must make importable (the same names as in pyproject.toml)
EXTRAS: dict[str, tuple[str, ...]] = {
    "train": (
        "torch",
        "torchvision",
        "safetensors",
        "PIL",
        "optuna",
        "sklearn",
        "tensorboard",
    ),
    "report": ("plotly", "jinja2"),
    "timm": ("timm",),
    "postgres": ("psycopg",),
    "ray": ("ray",),
    "notebook": ("pandas",),
    "onnx": ("onnx", "onnxruntime", "onnxscript"),
    "openvino": ("openvino",),
    "coreml": ("coremltools",),
    "litert": ("litert_torch", "ai_edge_litert", "ai_edge_quantizer"),
    "executorch": ("executorch",),
}


def require(extra: str, module: str | None = None) -> ModuleType:
    """Import `module` (default: the first module of the extra).

    Raises:
        MissingExtraError: it is not installed; the message has the command that installs it.
    """
    name = module or EXTRAS[extra][0]
    try:
        return import_module(name)
    except ImportError as error:
        raise _missing([name], [extra]) from error


def require_extras(*extras: str) -> None:
    """Check that these extras are installed, without importing them.

    Raises:
        MissingExtraError: some are not; the message names all, and one command that installs them.
    """
    missing = [extra for extra in dict.fromkeys(extras) if not _found(EXTRAS[extra][0])]
    if missing:
        raise _missing([EXTRAS[extra][0] for extra in missing], missing)


def _found(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):  # a finder refuses it, or its import has failed before
        return False


def missing_extra(error: ModuleNotFoundError) -> MissingExtraError | None:
    """The error for a failed import of an extra's module; None if no extra has the module."""
    name = (error.name or "").partition(".")[0]
    extra = next((extra for extra, modules in EXTRAS.items() if name in modules), None)
    return None if extra is None else _missing([name], [extra])


def _missing(names: Sequence[str], extras: Sequence[str]) -> MissingExtraError:
    *most, last = names
    text = f"{', '.join(most)} and {last} are" if most else f"{last} is"
    one = "them" if most else "it"
    return MissingExtraError(
        f"{text} not installed; install {one} with: pip install '.[{','.join(extras)}]'"
    )
