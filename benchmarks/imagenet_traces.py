"""Features of networks traced from timm, kept in a folder, as to trace them all takes an hour."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from files import kept

from nas.accuracy import features
from nas.graph.cost import macs
from nas.graph.graph import Graph
from nas.modules.networks import load_network
from nas.space.columns import Floats


@dataclass(frozen=True, slots=True)
class TracedFeatures:
    """What the fit needs of one network."""

    features: Floats
    params: float
    macs: float


def traced_features(folder: Path, name: str) -> TracedFeatures:
    """Return the features of a network, from its file in `folder` if there is one."""

    def trace() -> dict[str, Any]:
        network = load_network(name)
        return described(network.graph, network.params)

    found = kept(folder / f"{name.removeprefix('timm:')}.json", trace)
    return TracedFeatures(np.array(found["features"]), found["params"], found["macs"])


def described(graph: Graph, params: int) -> dict[str, Any]:
    """Return the content of a network's file."""
    values = [float(value) for value in features(graph)]
    return {"features": values, "params": params, "macs": int(macs(graph))}
