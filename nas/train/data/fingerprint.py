"""What a data set holds, whatever it is called and wherever it lies, as one hash."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256

import numpy as np
import torch

from nas.train.data.held import Held

VERSION = 1
"""Raised when the same files are read as other pixels than before."""
DIGITS = 12


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
