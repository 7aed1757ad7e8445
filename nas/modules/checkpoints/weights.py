"""Load weights into a network, matched by structure, and save them.

`nas.modules.checkpoints.file` reads the files, `nas.modules.checkpoints.layer_matching` matches the
layers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor, nn

from nas.errors import WeightsError, WriteError
from nas.graph.conventions import Conventions
from nas.modules.checkpoints.file import Checkpoint, read_checkpoint
from nas.modules.checkpoints.layer_matching import (
    LayerMatcher,
    LayerTensors,
    check_multiset,
    layers_of,
    natural,
    unmatched,
)


def load_checkpoint(module: nn.Module, saved: Checkpoint) -> None:
    """Load a checkpoint of the same network (ours, timm's or torchvision's) into `module`.

    Raises:
        WeightsError: a tensor does not fit (the first is named); `module` is unchanged.
    """
    try:
        load_state(module, saved.state, ordered=saved.ordered)
    except WeightsError as error:
        raise WeightsError(f"{saved.path}: {error}") from None


def save_state(
    state: Mapping[str, Tensor], path: str | Path, conventions: Conventions | None = None
) -> None:
    """Write tensors and the conventions they assume to a safetensors file, atomically.

    Raises:
        WriteError: the file cannot be written.
    """
    path = Path(path)
    stated = asdict(conventions) if conventions else {}
    metadata = {"format": "pt"} | {key: str(value) for key, value in stated.items()}
    try:
        with TemporaryDirectory(dir=path.parent) as folder:
            part = Path(folder) / "part"
            whole = {name: tensor.contiguous() for name, tensor in state.items()}
            save_file(whole, part, metadata=metadata)
            part.replace(path)
    except (OSError, SafetensorError) as error:
        raise WriteError.of(path, error) from error


def read_state(path: Path) -> dict[str, Tensor]:
    """The tensors of a file by name."""
    return read_checkpoint(path).state


@torch.no_grad()
def load_state(module: nn.Module, state: Mapping[str, Tensor], *, ordered: bool = True) -> None:
    """Copy a state dict into `module`; if `ordered`, its order decides between equal layers.

    Raises:
        WeightsError: a tensor does not fit (the first is named); `module` is unchanged.
    """
    wanted = layers_of(module.state_dict(keep_vars=True))
    given = _fitting(
        state if ordered else {n: state[n] for n in sorted(state, key=natural)}, wanted
    )
    # a 1 x 1 convolution may be a linear layer in the other: then ignore sizes of 1
    exact = not (unmatched(given, wanted, 1) or unmatched(wanted, given, 1))
    least = 1 if exact else 2
    check_multiset(given, wanted)
    named = {frozenset(layer.names.values()): layer for layer in given}
    same = [named.get(frozenset(layer.names.values())) for layer in wanted]
    if all(a and a.shapes(least) == b.shapes(least) for a, b in zip(same, wanted, strict=True)):
        given = [layer for layer in same if layer]  # all names agree: one of our files
    else:
        given = LayerMatcher(given, wanted, least).run()
    for source, layer in zip(given, wanted, strict=True):
        for tensor, old in layer.tensors.items():
            if tensor in source.tensors:
                old.copy_(source.tensors[tensor].reshape(old.shape))


def classes_in(module: nn.Module, state: Mapping[str, Tensor], head: str) -> int | None:
    """Number of classes of a checkpoint that differs from `module` only in `head`, else None.

    A head may have several classifiers, of as many classes each.
    """
    wanted = layers_of(module.state_dict())
    given = _fitting(state, wanted)
    extra, missing = unmatched(given, wanted), unmatched(wanted, given)
    if len(extra) != len(missing):
        return None
    found = {_classes(*pair, head) for pair in zip(extra, missing, strict=True)}
    return found.pop() if len(found) == 1 else None


def _classes(theirs: LayerTensors, ours: LayerTensors, head: str) -> int | None:
    """Number of classes of another network's layer for ours, if that is a classifier in `head`."""
    if theirs.tensors.keys() != ours.tensors.keys():
        return None
    if not all(name.startswith(head) for name in ours.names.values()):
        return None
    found, own = theirs.tensors["weight"], ours.tensors["weight"]
    return found.shape[0] if found.shape[1:2] == own.shape[1:2] else None


def _fitting(state: Mapping[str, Tensor], wanted: list[LayerTensors]) -> list[LayerTensors]:
    """Layers of the best fitting part of a file: all, or those with one first name.

    Training programs save a loss, a teacher or averaged weights beside the network.
    """
    parts: dict[str, dict[str, Tensor]] = {}
    for name, tensor in state.items():
        first, dot, rest = name.partition(".")
        if dot:
            parts.setdefault(first, {})[rest] = tensor
    averaged_first = sorted(parts, key=lambda name: "ema" not in name.lower())
    candidates = [layers_of(state), *(layers_of(parts[name]) for name in averaged_first)]
    return min(candidates, key=lambda own: len(unmatched(own, wanted) + unmatched(wanted, own)))
