"""Weight inheritance from a similar trained network: equal rows, the channels that both have.

As weight inheritance in evolution (arXiv:1703.01041, section 3.2; sliced as in arXiv:1908.09791).
`nas fidelity` measures whether networks rank after it as they do after training from scratch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import SequenceMatcher
from pathlib import Path

import torch
from torch import Tensor

from nas.space.arch import Arch
from nas.train.loop import Training


def kinship(arch: Arch, other: Arch) -> float:
    """Similarity of two networks: the share of rows in common, in order; 1 for the same rows."""
    return SequenceMatcher(None, arch.rows, other.rows, autojunk=False).ratio()


@torch.no_grad()
def inherit(training: Training, parent: Arch, state: Mapping[str, Tensor]) -> float:
    """Copy `parent`'s tensors into a fresh training; returns the share of weights copied.

    Rows are matched in order by op and stride, so an extra row does not shift the others.
    """
    rows = dict(_matched(training.arch, parent))
    own = training.module.state_dict()
    taken = 0
    for name, tensor in own.items():
        row, _, rest = name.partition(".")
        given = state.get(f"{rows.get(row)}.{rest}")
        if given is None or given.ndim != tensor.ndim or not tensor.ndim:
            continue
        both = tuple(slice(min(sizes)) for sizes in zip(tensor.shape, given.shape, strict=True))
        tensor[both] = given[both].to(tensor)
        taken += tensor[both].numel()
    training.restart()
    whole = sum(tensor.numel() for tensor in own.values() if tensor.ndim)
    return float(taken / max(1, whole))


def inherit_from(training: Training, parent: Arch, checkpoint: Path) -> float:
    """`inherit` from the checkpoint of the parent's training."""
    content = torch.load(checkpoint, map_location="cpu", weights_only=True)
    return inherit(training, parent, content["module"])


def _matched(child: Arch, parent: Arch) -> Iterator[tuple[str, str]]:
    """Pairs of row scopes: the child's and the parent's that it inherits from."""
    own, given = (
        [(row.op, row.canonical().get("s", 1)) for row in arch.rows] for arch in (child, parent)
    )
    for match in SequenceMatcher(None, own, given, autojunk=False).get_matching_blocks():
        for number, (op, _) in enumerate(own[match.a : match.a + match.size], start=1):
            yield f"row{match.a + number}_{op}", f"row{match.b + number}_{op}"
