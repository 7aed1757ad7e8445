"""Track which values of a program share memory and so change together."""

from __future__ import annotations

from collections.abc import Container
from typing import Any

from nas.modules.tracing.nodes import viewed, written


class Aliases:
    """Groups views of one tensor; a call that writes to one of them writes to all."""

    def __init__(self, trained: Container[str]) -> None:
        self.trained = trained
        self.root: dict[Any, Any] = {}
        """View -> the tensor whose memory it shows."""
        self.sharing: dict[Any, list[Any]] = {}
        """Tensor -> all nodes that show its memory, itself included."""
        self.writers: dict[Any, list[Any]] = {}

    def take(self, node: Any) -> None:
        """Record the memory that the program's next call reads, allocates and writes."""
        targets = written(node)
        base = targets[0] if targets else viewed(node)
        root = node if base is None else self.root.get(base, base)
        self.root[node] = root
        self.sharing.setdefault(root, [root]).append(node)
        for target in targets:
            self.writers.setdefault(self.root.get(target, target), []).append(node)

    def changed(self, node: Any) -> list[Any]:
        """All nodes whose values the call changes."""
        roots = {self.root.get(target, target): None for target in written(node)}
        return [shared for root in roots for shared in self.sharing.get(root, [root])]

    def leaves(self, nodes: list[Any], index: Container[Any]) -> set[Any]:
        """Trained tensors that constants are computed from, also by in-place writes.

        The search stops at nodes in `index`, which depend on the input.
        """
        found, seen = set(), set()
        todo = list(nodes)
        while todo:
            node = todo.pop()
            if node in seen or node in index:
                continue
            seen.add(node)
            if node.name in self.trained:
                found.add(node)
            todo += [*node.all_input_nodes, *self.writers.get(self.root.get(node, node), [])]
        return found
