"""Optional dependencies: what each extra brings, and the line that installs it."""

from __future__ import annotations

from importlib import import_module
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
        "filelock",
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
    """Import `module` (default: the extra's first) or say which extra brings it.

    Raises:
        MissingExtraError: with the install line.
    """
    name = module or EXTRAS[extra][0]
    try:
        return import_module(name)
    except ImportError as error:
        raise _missing(name, extra) from error


def missing_extra(error: ModuleNotFoundError) -> MissingExtraError | None:
    """The same of a plain import that failed; None: no extra brings that module."""
    name = (error.name or "").partition(".")[0]
    extra = next((extra for extra, modules in EXTRAS.items() if name in modules), None)
    return None if extra is None else _missing(name, extra)


def _missing(name: str, extra: str) -> MissingExtraError:
    return MissingExtraError(f"{name} is not installed; install it with: pip install '.[{extra}]'")
