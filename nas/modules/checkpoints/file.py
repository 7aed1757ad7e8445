"""Read checkpoint files: find the network's tensors among what training programs save.

Training programs save a state dict under a key, beside epochs, arguments and an optimiser, and
wrappers add prefixes to its names. No arbitrary object is unpickled: safetensors has none, and from
torch files only tensors, plain values and the harmless classes of `ALLOWED` are loaded.
"""

from __future__ import annotations

import argparse
import collections
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath, PureWindowsPath
from pickle import UnpicklingError
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from torch import Tensor

from nas.errors import WeightsError, brief, first_line

AVERAGED = ("state_dict_ema", "model_ema", "ema_state_dict", "ema_model", "ema")
"""Keys of averaged weights, which are preferred because people deploy them."""
PLAIN = ("state_dict", "model_state_dict", "model", "net", "network", "module", "weights", "params")
NAMED = ("arch", "architecture", "model_name", "model")
"""Keys of the file, or of saved arguments, that may name the network."""
PREFIXES = re.compile(r"^(?:(?:module|_orig_mod|model|net|network)\.)+")
COUNTERS = re.compile(r"(?:^|\.)(?:total_ops|total_params|n_averaged)$")
"""Counters that thop and weight averaging add."""
OWN = re.compile(r"row\d+_")
MAX_NESTED = 4
SHOWN = 5

ALLOWED: list[Any] = [
    argparse.Namespace,
    SimpleNamespace,
    collections.Counter,
    collections.defaultdict,
    dict,
    list,
    set,
    np.dtype,
    np.ndarray,
    *(getattr(np.dtypes, name) for name in np.dtypes.__all__ if name.endswith("DType")),
    *(
        (value.__reduce__()[0], f"numpy.{core}.multiarray.{name}")
        for value, name in ((np.float64(0), "scalar"), (np.empty(0), "_reconstruct"))
        for core in ("core", "_core")
    ),
    (PurePosixPath, "pathlib.PosixPath"),
    (PureWindowsPath, "pathlib.WindowsPath"),
]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The weights of one network, read from a file."""

    path: Path
    state: dict[str, Tensor]
    """Tensors by name, without prefixes of wrappers and counters."""
    ordered: bool
    """Whether the tensors are in the order of the network's definition."""
    key: str = ""
    """Key of the state dict in the file."""
    network: str = ""
    """The network's name in the file, if there is one."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    """Metadata of a safetensors file."""

    @property
    def is_own(self) -> bool:
        """Whether the names are those of our own modules."""
        return any(OWN.match(name) for name in self.state)


def read_checkpoint(path: Path) -> Checkpoint:
    """Read the weights in a file of safetensors or `torch.save`.

    Raises:
        WeightsError: the file is damaged or holds objects or no weights; its content is named.
    """
    if path.suffix == ".safetensors":
        return _read_safetensors(path)
    content = _load(path)
    if not isinstance(content, Mapping) or not content:
        raise WeightsError(f"{path}: expected names and tensors, found {brief(content)}")
    key, state = _find(content, path)
    return Checkpoint(path, _cleaned(state), True, key, _network(content))


def _read_safetensors(path: Path) -> Checkpoint:
    try:
        with safe_open(path, "pt") as file:
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            metadata = dict(file.metadata() or {})
    except Exception as error:  # a damaged file can raise nearly any error
        raise _unreadable(path, first_line(error)) from error
    if not state:
        raise WeightsError(f"{path}: expected names and tensors, found none")
    return Checkpoint(path, _cleaned(state), False, "", _configured(path), metadata)


def _load(path: Path) -> Any:
    try:
        with torch.serialization.safe_globals(ALLOWED):
            return torch.load(path, map_location="cpu", weights_only=True)
    except UnpicklingError as error:  # torch's own message suggests to allow any object
        raise _unreadable(path, _objects(path)) from error
    except Exception as error:
        reason = first_line(error)
        if "TorchScript" in str(error):
            reason = "it is a TorchScript archive; save the state_dict() of its module"
        raise _unreadable(path, reason) from error


def _unreadable(path: Path, reason: str) -> WeightsError:
    return WeightsError(f"{path}: holds no weights that can be read: {reason}")


def _objects(path: Path) -> str:
    """Which content is not loaded, and what to do."""
    try:
        with torch.serialization.safe_globals(ALLOWED):
            found = torch.serialization.get_unsafe_globals_in_checkpoint(path)
    except Exception:  # it is not a file of torch
        found = []
    if not found:
        return "expected tensors alone, as torch saves a state dict"
    names = ", ".join(found[:SHOWN]) + (", ..." if len(found) > SHOWN else "")
    if any(name.startswith("torch.nn.modules") for name in found):
        return (
            f"a whole pickled module ({names}) is not loaded;"
            " save its weights: torch.save(model.state_dict(), FILE)"
        )
    return (
        f"Python objects ({names}) are not loaded;"
        ' save its weights alone: torch.save(checkpoint["state_dict"], FILE)'
    )


def _find(content: Mapping[Any, Any], path: Path) -> tuple[str, Mapping[str, Any]]:
    """The key and the state dict; averaged weights are preferred."""
    found = dict(_states(content, ""))
    if "" in found:
        return "", found[""]
    for known in (*AVERAGED, *PLAIN):
        for key, state in found.items():
            if key.split("/")[0] == known:
                return key, state
    if len(found) == 1:
        return next(iter(found.items()))
    if not found:
        shown = ", ".join(f"{brief(k)} ({type(v).__name__})" for k, v in [*content.items()][:SHOWN])
        raise WeightsError(f"{path}: expected a tensor under each name, found {shown}")
    raise WeightsError(
        f"{path}: holds several networks, under {', '.join(map(repr, found))};"
        f" expected one of {', '.join((*AVERAGED, *PLAIN))}, or a file with one alone"
    )


def _states(
    content: Mapping[Any, Any], key: str, depth: int = 0
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """All mappings that are state dicts, with their keys, except for an optimiser's."""
    inner = {k: v for k, v in content.items() if isinstance(v, Mapping) and isinstance(k, str)}
    tensors = [k for k, v in content.items() if isinstance(v, Tensor) and isinstance(k, str)]
    if any("." in name for name in tensors) or (len(tensors) > 1 and not inner):
        yield key, content
    elif depth < MAX_NESTED:
        for name, value in inner.items():
            if not re.search("optim|sched|scaler|loss|criterion", name, re.IGNORECASE):
                yield from _states(value, f"{key}/{name}" if key else name, depth + 1)


def _cleaned(state: Mapping[str, Any]) -> dict[str, Tensor]:
    """Only tensors, without counters and without a prefix that all names share."""
    kept = {
        name: tensor
        for name, tensor in state.items()
        if isinstance(name, str)
        and isinstance(tensor, Tensor)
        and not tensor.is_sparse
        and not COUNTERS.search(name)
    }
    prefixes = {found[0] if (found := PREFIXES.match(name)) else "" for name in kept}
    if len(prefixes) != 1:
        return kept
    prefix = prefixes.pop()
    return {name.removeprefix(prefix): tensor for name, tensor in kept.items()}


def _network(content: Mapping[Any, Any]) -> str:
    """The network's name as training programs record it."""
    noted = [content]
    for key in ("args", "config", "cfg", "hyper_parameters"):
        value = content.get(key)
        noted.append(vars(value) if isinstance(value, argparse.Namespace) else value or {})
    for each in noted:
        for key in NAMED:
            if isinstance(each, Mapping) and isinstance(name := each.get(key), str):
                return name
    return ""


def _configured(path: Path) -> str:
    """The name in timm's `config.json` beside a safetensors file."""
    try:
        content = json.loads((path.parent / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""
    return _network(content) if isinstance(content, dict) else ""
