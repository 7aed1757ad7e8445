"""What a data set holds, whatever it is called and wherever it lies, as one hash."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch

from nas.data.held import Held

VERSION = 1
"""Raised when the same files are read as other pixels than before."""
DIGITS = 12
END_BYTES = 4096
"""Read at either end of a file that is too large to be hashed as a whole."""


def fingerprint(classes: Sequence[str], contents: Iterable[bytes]) -> str:
    """Hex digits over the names of the classes and the contents of both splits, in order."""
    digest = sha256(repr((VERSION, *classes)).encode())
    for part in contents:
        digest.update(len(part).to_bytes(8))
        digest.update(part)
    return digest.hexdigest()[:DIGITS]


def of_arrays(split: Held) -> bytes:
    """The content of a split of arrays: shape, pixels and labels."""
    digest = sha256(repr(tuple(split.pixels.shape)).encode())
    for values in (split.pixels, split.labels.to(torch.int64)):
        digest.update(np.ascontiguousarray(values.cpu().numpy()).data)
    return digest.digest()


def of_file(name: str, label: int, content: bytes) -> bytes:
    """One image file of a split, by its name below the split's folder."""
    return sha256(repr((name, label)).encode() + b"\0" + content).digest()


def ends(path: Path) -> bytes:
    """Size and both ends of a file, which tell it from nearly every other."""
    with path.open("rb") as file:
        head = file.read(END_BYTES)
        size = file.seek(0, os.SEEK_END)
        file.seek(max(len(head), size - END_BYTES))
        return size.to_bytes(8) + head + file.read(END_BYTES)
