"""Deployment lint: ops that a target is known to run badly, before anything is converted.

Each rule says what it finds, why it matters, what to use instead, and its source: a page of
documentation, an issue or a paper. There is no rule without a source. Sources age faster than
networks, so treat a finding as a reason to measure. Each target has a file of rules.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass

from nas.errors import UnknownNameError
from nas.graph.graph import Graph
from nas.graph.lint.coreml import COREML
from nas.graph.lint.executorch import EXECUTORCH
from nas.graph.lint.hexagon import HEXAGON
from nas.graph.lint.int8 import INT8
from nas.graph.lint.litert import LITERT
from nas.graph.lint.rule import Rule

__all__ = ["RULES", "Finding", "Rule", "leaving", "leaving_ops", "lint"]

RULES: dict[str, Collection[Rule]] = {
    "coreml": COREML,
    "int8": INT8,
    "litert": LITERT,
    "executorch": EXECUTORCH,
    "hexagon": HEXAGON,
}


@dataclass(frozen=True, slots=True)
class Finding:
    """Ops of one row of the table that break one rule."""

    rule: str
    row: int
    """-1: the input."""
    ops: tuple[str, ...]
    why: str
    instead: str
    source: str
    leaves: bool


def lint(graph: Graph, target: str, *, dynamic: bool = False) -> tuple[Finding, ...]:
    """Findings of a target's rules, by row; `dynamic` means that the batch size is left open.

    Raises:
        UnknownNameError: there is no such target.
    """
    if target not in RULES:
        raise UnknownNameError("target", target, RULES)
    findings = []
    for rule in RULES[target]:
        if rule.dynamic and not dynamic:
            continue
        rows: dict[int, list[str]] = defaultdict(list)
        for op in rule.finds(graph):
            rows[op.row].append(op.name)
        for row, ops in rows.items():
            texts = (rule.why, rule.instead, rule.source)
            findings.append(Finding(rule.name, row, tuple(ops), *texts, rule.leaves))
    return tuple(sorted(findings, key=lambda finding: finding.row))


def leaving_ops(graph: Graph, target: str | None) -> list[Finding]:
    """Findings of ops that may leave the target's accelerator at any batch size; None has none."""
    return [] if target is None else [one for one in lint(graph, target) if one.leaves]


def leaving(target: str) -> tuple[Rule, ...]:
    """Rules of a target for ops that may leave its accelerator at any batch size."""
    return tuple(rule for rule in RULES[target] if rule.leaves and not rule.dynamic)
