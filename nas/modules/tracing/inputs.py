"""Inputs of a module: given by the user, stated by the module, or guessed.

3x224x224            one image (channels, height, width), in the module's own number type
1x96x192:float16     of another type
77:int64             whatever dimensions; the batch of one is left out
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from nas.errors import TraceError, UnknownNameError, brief
from nas.graph.ops import Shape
from nas.system.extras import require

if TYPE_CHECKING:
    import torch
    from torch import nn

DEFAULT: Shape = (3, 224, 224)
"""Default input: one image."""

TYPES = ("float32", "float16", "bfloat16", "float64", "int64", "int32", "uint8", "bool")


class Input(NamedTuple):
    """One input, without its batch of one."""

    shape: Shape
    dtype: str = ""
    """A name of `TYPES`; empty for the type of the module's parameters."""


def parse(text: str) -> Input:
    """Parse an input in the notation above.

    Raises:
        TraceError: the text is not in this notation.
        UnknownNameError: there is no such number type.
    """
    if not (found := re.fullmatch(r"([1-9]\d{0,8}(?:x[1-9]\d{0,8})*)(?::(\w+))?", text)):
        raise TraceError(
            f"--input {brief(text)}: expected sizes without the batch, and maybe a number type:"
            " 3x224x224, 1x96x192:float16 or 77:int64"
        )
    if found[2] and found[2] not in TYPES:
        raise UnknownNameError("number type", found[2], TYPES, f"--input {text}")
    return Input(tuple(map(int, found[1].split("x"))), found[2] or "")


def resized(inputs: Sequence[Input], size: tuple[int, int]) -> tuple[Input, ...]:
    """The inputs with every image at this height and width."""
    return tuple(
        i._replace(shape=(*i.shape[:-2], *size)) if len(i.shape) > 2 else i for i in inputs
    )


def guesses(module: Any) -> Iterator[tuple[Input, ...]]:
    """Guess inputs: as many images as `forward` requires."""
    torch = require("train")
    count = 1
    with suppress(ValueError):  # TorchScript has no signature
        takes = inspect.signature(module.forward).parameters.values()
        count = sum(p.default is p.empty and p.kind <= p.POSITIONAL_OR_KEYWORD for p in takes)
    convs = (m for m in module.modules() if isinstance(m, torch.nn.Conv2d))
    widths = [DEFAULT[0], *(conv.in_channels for conv in list(convs)[:1])]
    for channels in dict.fromkeys(filter(None, widths)):  # a lazy layer has no width yet
        yield (Input((channels, *DEFAULT[1:])),) * max(count, 1)


def stated(examples: Any) -> tuple[Input, ...]:
    """Inputs from example tensors: one, or several in a list or tuple."""
    torch = require("train")
    several = examples if isinstance(examples, list | tuple) else [examples]
    if not all(isinstance(tensor, torch.Tensor) and tensor.dim() > 1 for tensor in several):
        found = ", ".join(type(tensor).__name__ for tensor in several)
        raise TypeError(f"expected example inputs as tensors with a batch, found {found}")
    return tuple(Input(tuple(t.shape[1:]), str(t.dtype).removeprefix("torch.")) for t in several)


def tensors_of(module: nn.Module, inputs: Sequence[Input]) -> tuple[torch.Tensor, ...]:
    """Zeros with a batch of one, on the device and in the number type of the module."""
    import torch

    made = (p for p in module.parameters() if not torch.nn.parameter.is_lazy(p))
    like = next((p for p in made if p.is_floating_point()), torch.zeros(0))
    types = [getattr(torch, i.dtype) if i.dtype else like.dtype for i in inputs]
    return tuple(
        torch.zeros(1, *i.shape, dtype=dtype, device=like.device)
        for i, dtype in zip(inputs, types, strict=True)
    )
