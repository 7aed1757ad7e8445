"""`nas lint`: ops of a network that run badly on a target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from shutil import get_terminal_size
from textwrap import wrap
from typing import TYPE_CHECKING, Annotated

from nas.cli import complete
from nas.cli.options import ArchName, Json, option
from nas.report.tables.text import numbers, print_facts, print_json, print_line, print_table

if TYPE_CHECKING:
    from nas.graph.lint import Finding
    from nas.space.arch import Arch

GAP = 2
"""Spaces between the columns of `print_facts`."""


def lint(
    arch: ArchName,
    target: Annotated[
        str,
        option(
            "--target",
            "Target: coreml, int8, litert, executorch or hexagon.",
            "NAME",
            complete.TARGETS,
        ),
    ],
    dynamic: Annotated[bool, option("--dynamic-batch", "Assume a dynamic batch size.")] = False,
    json: Json = False,
) -> None:
    """List what a target runs badly, and what to use instead.

    Examples:
        nas lint mobilevit-s --target coreml
        nas lint efficientnet-b0 --target int8 --dynamic-batch
    """
    from nas import library
    from nas.graph.lint import lint as find

    network = library.load_arch(arch)
    findings = find(network.fused, target, dynamic=dynamic)
    if json:
        listed = [asdict(finding) | {"row": finding.row + 1} for finding in findings]
        print_json({"name": network.name, "target": target, "findings": listed})
    else:
        print_findings(network, target, findings)


def print_findings(network: Arch, target: str, findings: Sequence[Finding]) -> None:
    """Print what was found row by row, and below it each rule's reason and source."""
    if not findings:
        print_line(f"{network.name}: nothing known against it on {target}")
        return
    rows = [
        [
            str(finding.row + 1) if finding.row >= 0 else "input",
            network.rows[finding.row].op if finding.row >= 0 else None,
            finding.rule,
            str(len(finding.ops)),
            finding.ops[0],
        ]
        for finding in findings
    ]
    columns = [*numbers("row"), "op", "found", *numbers("ops"), "first"]
    print_table(columns, rows, title=f"{network.name} on {target}")
    for finding in {finding.rule: finding for finding in findings}.values():
        print_line()
        print_facts([(finding.rule, ""), ("why", finding.why), ("instead", finding.instead)])
        # apart, as an address that is longer than a line would widen the lines above
        start = max(len(finding.rule), len("instead")) + GAP
        wide = get_terminal_size().columns - start
        lines = wrap(finding.source, wide, break_long_words=False, break_on_hyphens=False)
        print_line(f"{'source':{start}}" + f"\n{'':{start}}".join(lines))
