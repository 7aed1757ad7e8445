"""Rewrite a graph to tensors of at most 4 dimensions per image, as Core ML requires.

Only intermediate values of pixel shuffles have more: a reshape splits dimensions, a permutation
moves them, a reshape joins them. A reshape changes no element, so a value may keep any other shape.
Only the permutation remains. If it moves more than 4 blocks of neighbouring dimensions, it becomes
the shortest chain of permutations of at most 4 blocks: two for MobileViT's unfolding and folding,
one or two for attention heads.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import combinations, pairwise, permutations
from math import prod

from nas.errors import ExportError
from nas.graph.graph import Graph
from nas.graph.ops import MAX_RANK, Op, Shape

Blocks = tuple[int, ...]
"""An order of blocks of dimensions."""
Move = tuple[tuple[Blocks, ...], Blocks]
"""Groups of neighbouring blocks, and the new order of the groups."""


def within_rank(graph: Graph) -> Graph:
    """The same computation with tensors of at most `MAX_RANK` dimensions.

    An output of higher rank keeps its elements in order, but not its shape.

    Raises:
        ExportError: an op other than reshape, permutation or selection has a higher rank.
    """
    if all(len(op.shape) <= MAX_RANK for op in graph.ops):
        return graph
    rewriter = _Rewriter()
    for index, op in enumerate(graph.ops):
        rewriter.take(index, op)
    return Graph(tuple(rewriter.ops), graph.resolution)


class _Rewriter:
    def __init__(self) -> None:
        self.ops: list[Op] = []
        self.at: dict[int, int] = {}
        """Old op index -> new index of the same elements, perhaps in another shape."""

    def take(self, index: int, op: Op) -> None:
        if op.rank <= MAX_RANK:
            inputs = tuple(self.at[i] for i in op.inputs)
            self.at[index] = self._add(op._replace(inputs=inputs))
            return
        x = self.at[op.inputs[0]]
        if op.kind == "permute":
            x = self._permute(x, op)
        elif op.kind == "select":
            x = self._select(x, op)
        elif op.kind != "reshape":
            raise _refused(op)
        if len(op.shape) <= MAX_RANK:
            x = self._reshape(x, op, op.name, op.shape)
        self.at[index] = x

    def _add(self, op: Op) -> int:
        shapes = tuple(self.ops[i].shape for i in op.inputs)
        self.ops.append(op._replace(in_shapes=shapes))
        return len(self.ops) - 1

    def _reshape(self, x: int, op: Op, name: str, shape: Shape) -> int:
        if self.ops[x].kind == "reshape":
            (x,) = self.ops[x].inputs
        return self._add(Op("reshape", name, op.row, (x,), (), shape, {"shape": shape}))

    def _permute(self, x: int, op: Op) -> int:
        sizes, order = _blocks(op.in_shapes[0], op.attrs["dims"])
        for step, (groups, to) in enumerate(_moves(order)):
            shape = tuple(prod(sizes[block] for block in group) for group in groups)
            x = self._reshape(x, op, f"{op.name}.shape{step}", shape)
            moved, attrs = tuple(shape[i] for i in to), {"dims": to}
            x = self._add(Op("permute", f"{op.name}.step{step}", op.row, (x,), (), moved, attrs))
        return x

    def _select(self, x: int, op: Op) -> int:
        first, *rest = op.in_shapes[0]
        shape = (prod(rest[:-2]), *rest[-2:])
        x = self._reshape(x, op, f"{op.name}.parts", (first, *shape))
        return self._add(op._replace(name=f"{op.name}.part", inputs=(x,), shape=shape))


def _refused(op: Op) -> ExportError:
    return ExportError(
        f"row {op.row + 1}, {op.name}: {op.kind} has {op.rank} dimensions per image, and Core ML"
        f" takes {MAX_RANK}; only ops that move elements can be rewritten"
    )


def _blocks(shape: Shape, dims: Sequence[int]) -> tuple[list[int], Blocks]:
    """Sizes of blocks of dimensions that a permutation keeps together, and their new order.

    >>> _blocks((2, 3, 1, 5, 7), (3, 4, 2, 0, 1))
    ([6, 35], (1, 0))
    """
    kept = [d for d, size in enumerate(shape) if size != 1]
    moved = [kept.index(d) for d in dims if d in kept]
    after = dict(pairwise(moved))
    starts = [d for d in range(len(kept)) if d == 0 or after.get(d - 1) != d]
    ends = pairwise((*starts, len(kept)))
    sizes = [prod(shape[d] for d in kept[start:end]) for start, end in ends]
    return sizes, tuple(starts.index(d) for d in moved if d in starts)


@cache
def _moves(target: Blocks) -> tuple[Move, ...]:
    """The fewest moves from sorted blocks to `target`, found breadth first."""
    start = tuple(range(len(target)))
    paths: dict[Blocks, tuple[Move, ...]] = {start: ()}
    queue = deque([start])
    while target not in paths:
        order = queue.popleft()
        for groups, to in _choices(order):
            moved = tuple(block for i in to for block in groups[i])
            if moved not in paths:
                paths[moved] = (*paths[order], (groups, to))
                queue.append(moved)
    return paths[target]


def _choices(order: Blocks) -> Iterator[Move]:
    """Every division into at most `MAX_RANK` groups, in every other order."""
    for n in range(2, MAX_RANK + 1):
        for cuts in combinations(range(1, len(order)), n - 1):
            edges = pairwise((0, *cuts, len(order)))
            groups = tuple(order[a:b] for a, b in edges)
            for to in permutations(range(n)):
                if to != tuple(range(n)):
                    yield groups, to
