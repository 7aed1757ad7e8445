"""Finds the delegate that executed a network in `benchmark_model`.

A requested delegate may take no node, and then the CPU runs the network. The tool says so in a
line, or by the number of nodes that each delegate replaced.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import PurePosixPath

_ASKED = re.compile(
    r"Use (?:legacy )?(gpu|nnapi|hexagon|coreml|npu)\s*: \[(?:1|true)\]", re.IGNORECASE
)
_LIBRARY = re.compile(r"External delegate path\s*: \[([^\]]+)\]", re.IGNORECASE)
_BACKEND = re.compile(r"External delegate options\s*: \[.*?backend(?:_type)?[:=]\s*(\w+)", re.I)
_STABLE = re.compile(r"Delegate settings file path\s*: \[([^\]]+)\]", re.IGNORECASE)
_ACCELERATOR = re.compile(r"NNAPI accelerator name\s*: \[([^\]]+)\]", re.IGNORECASE)
_APPLIED = re.compile(r"pplied (\w+) delegate, and the model graph will be (\w+)")
_REFUSED = re.compile(
    r"(?:Though |(?:Could not|Failed to) (?:create|apply|load) (?:the )?)(\w+) delegate",
    re.IGNORECASE,
)
_NODES = re.compile(r"Replacing (\d+) out of (\d+) node\(s\) with delegate \(([^)]*)\)")
_CPU = "xnnpack"
"""The CPU's delegate."""


@dataclass(slots=True)
class Delegates:
    """Delegates as far as a log is read."""

    asked: dict[str, str] = field(default_factory=dict)
    """Name in the tool's messages -> name in the runtime's."""
    refused: set[str] = field(default_factory=set)
    nodes: dict[str, int] = field(default_factory=dict)
    """Name of a delegate -> number of nodes it took."""
    total: int = 0
    """Number of nodes that the first delegate found."""

    def take(self, line: str) -> None:
        """Read a line."""
        if found := _ASKED.search(line):
            self.asked.setdefault(found[1].lower(), found[1].lower())
        elif found := _LIBRARY.search(line):
            self.asked["external"] = _library_name(found[1])
        elif (found := _BACKEND.search(line)) and "external" in self.asked:
            self.asked["external"] += f"-{found[1].lower()}"
        elif found := _STABLE.search(line):
            self.asked["stable_delegate"] = PurePosixPath(found[1]).stem
        elif found := _ACCELERATOR.search(line):
            self.asked["nnapi"] = f"nnapi-{found[1].lower()}"
        elif found := _APPLIED.search(line):
            if (name := found[1].lower()) != _CPU:
                self.asked.setdefault(name, name)
        elif found := _REFUSED.search(line):
            self.refused.add(found[1].lower())
        elif found := _NODES.search(line):
            self.nodes[found[3]] = self.nodes.get(found[3], 0) + int(found[1])
            self.total = max(self.total, int(found[2]))

    @property
    def runtime(self) -> str:
        """`litert`, followed by the delegates that executed the network."""
        return "-".join(("litert", *self._ran()))

    @property
    def note(self) -> str:
        """Delegates that executed nothing, and nodes left to the CPU."""
        ran = self._ran()
        idle = [name for name in self.asked.values() if name not in ran]
        notes = [f"{name} was asked for and executed nothing" for name in idle]
        if idle and not ran:
            notes[-1] += ": this is the CPU"
        taken = sum(self._foreign().values())
        if ran and 0 < taken < self.total:
            notes.append(f"{taken} of {self.total} nodes delegated, the CPU executed the others")
        return "; ".join(notes)

    def _ran(self) -> list[str]:
        foreign = self._foreign()
        if self.nodes and not any(foreign.values()):
            return []
        if not self.asked:
            return [_own_name(name) for name, nodes in foreign.items() if nodes]
        return [name for key, name in self.asked.items() if key not in self.refused]

    def _foreign(self) -> dict[str, int]:
        """Return the nodes of each delegate except the CPU's."""
        return {name: n for name, n in self.nodes.items() if _CPU not in name.lower()}


def _library_name(path: str) -> str:
    """`qnn` of libQnnTFLiteDelegate.so, `vx` of libvx_delegate.so."""
    name = PurePosixPath(path.replace("\\", "/")).name.lower().partition(".")[0]
    return _own_name(name.removeprefix("lib")) or "external"


def _own_name(delegate: str) -> str:
    """`gpu` of TfLiteGpuDelegateV2."""
    return re.sub(r"tensorflow_?lite|tf_?lite|delegate(v\d)?|\W|_", "", delegate.lower())
