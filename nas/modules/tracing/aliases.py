"""Which values of a program share memory, so that writing to one of them changes the others."""

from __future__ import annotations

from collections.abc import Container
from typing import Any

from nas.modules.tracing.nodes import viewed, written


class Aliases:
    """Views of one tensor belong together; a call that writes to one of them writes to all."""

    def __init__(self, trained: Container[str]) -> None:
        self.trained = trained
        self.root: dict[Any, Any] = {}
        """Of each view the tensor whose memory it shows."""
        self.sharing: dict[Any, list[Any]] = {}
        """Of each such tensor all nodes that show it, itself included."""
        self.writers: dict[Any, list[Any]] = {}

    def take(self, node: Any) -> None:
        """Note what memory the next call of the program reads, makes and writes."""
        targets = written(node)
        base = targets[0] if targets else viewed(node)
        root = node if base is None else self.root.get(base, base)
        self.root[node] = root
        self.sharing.setdefault(root, [root]).append(node)
        for target in targets:
            self.writers.setdefault(self.root.get(target, target), []).append(node)

    def changed(self, node: Any) -> list[Any]:
        """All nodes whose values the call has changed."""
        roots = {self.root.get(target, target): None for target in written(node)}
        return [shared for root in roots for shared in self.sharing.get(root, [root])]

    def leaves(self, nodes: list[Any], index: Container[Any]) -> set[Any]:
        """The trained tensors that constants are made of, also by writing to them in place.

        Nodes in `index` depend on the input and end the way.
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
