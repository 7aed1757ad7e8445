"""The published figures from which devices are calibrated; iPhones have their own file.

Two kinds of figures are left out: networks without a graph, and networks that fell back to another
unit (`FELL_BACK`), whose latency changes abruptly.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from device_networks import network
from files import read_rows
from imagenet_networks import accel_nasbench
from iphone12_figures import Published, network_name, published
from iphone12_networks import NETWORKS, NETWORKS14, Network

from nas.graph.graph import Graph

#: device -> networks that take many times longer than their work explains. TFLite's GPU delegate
#: and its int8 kernels lack one of their ops (MobileNetV4's table 6, arXiv:2404.10518: FastViT-T8
#: takes 24.7 ms on the GPU of an S23, while MobileOne-S4 with four times the work takes 5.9 ms)
FELL_BACK = {
    "Samsung S23 GPU": r"FastViT",
    "Google Pixel 7 GPU": r"FastViT",
    "Google Pixel 6 CPU": r"FastViT|ConvNeXt",
}

IPHONE14 = "iPhone 14 (Neural Engine, iOS 16)"
AI_HUB = "GitHub quic/ai-hub-models (BSD-3), published latencies of its model pages"
ACCEL = "Ahmad et al., Accel-NASBench, DAC 2024, arXiv:2404.08005"
ACCEL_EVERY = 8
"""Every n-th network of Accel-NASBench is used, in the order of the file."""


Row = tuple[Published, Network]
Rows = tuple[list[Row], set[str]]
"""Figures with their networks, and the names of networks without a graph."""


def whole_networks(data: Path, device: str, runtime: str) -> Rows:
    """Return the figures of a device and runtime (a pattern)."""
    figures = []
    for cells in read_rows(data / "published_latency.csv"):
        if cells["device"] != device or not re.fullmatch(runtime, cells["runtime"]):
            continue
        name = f"{cells['model']} {cells['variant_or_width']}".strip()
        name = re.sub(r"_x(\d)_(\d+)$", r" \1.\2", name)  # PaddleClas writes widths like this
        name = re.sub(r"^((Mobile|Shuffle)NetV[12])$", r"\1 1.0", name)
        if not re.match(FELL_BACK.get(device, "$"), name):
            side = int(re.findall(r"\d+", cells["resolution"])[-1])
            source = cells["source_citation"]
            figures.append(_figure(name, side, cells["latency_ms"], source, source))
    return _with_networks(figures)


#: AI Hub's networks with a side other than 224
SIDES = {"efficientnet_b4": 380, "efficientnet_v2_s": 384}


def ai_hub(data: Path, device: str, runtime: str, precision: str) -> Rows:
    """Return the classifiers of Qualcomm's AI Hub on a device."""
    wanted = {"device": device, "runtime": runtime, "precision": precision}
    return _with_networks(
        [
            _figure(name, SIDES.get(name, 224), cells["latency_ms"], runtime, AI_HUB)
            for cells in read_rows(data / "qualcomm_ai_hub_latency.csv")
            if cells.items() >= wanted.items()
            for name in [cells["model"]]
        ]
    )


def accel(data: Path, column: str) -> Rows:
    """Return the throughput of MBConv networks as ms per image; a family has similar depths."""
    rows: list[Row] = []
    for cells in read_rows(data / "accel_nasbench.csv")[::ACCEL_EVERY]:
        if cells[column]:
            layers = sum(int(cells[f"l{stage}"]) for stage in range(7)) // 3 * 3
            found = Network(f"{layers} to {layers + 2} layers", partial(_accel_graph, cells))
            name = f"Accel-NASBench {cells['id']}"
            rows.append(
                (Published(name, 224, 1000 / float(cells[column]), "anb", ACCEL, 0.0), found)
            )
    return rows, set()


def iphones(data: Path) -> Rows:
    """Return the figures of iPhone 12 and 13."""
    taken, missing = published(data / "published_latency.csv")
    return [(figure, NETWORKS[figure.network]) for figure in taken], set(missing)


def iphone14(data: Path) -> Rows:
    """Return the figures of iPhone 14, all from one table."""
    figures = [
        _figure(network_name(cells), int(cells["resolution"]), cells["latency_ms"], source, source)
        for cells in read_rows(data / "published_latency.csv")
        if cells["device"] == IPHONE14
        for source in [cells["source_citation"]]
    ]
    return _with_networks(figures, NETWORKS14.get)


def _figure(name: str, side: int, ms: str, harness: str, citation: str) -> Published:
    decimals = len(ms.partition(".")[2])
    return Published(name, side, float(ms), harness, citation, 0.5 * 10.0**-decimals / float(ms))


def _with_networks(
    figures: list[Published], network: Callable[[str], Network | None] = network
) -> Rows:
    rows = [(figure, found) for figure in figures if (found := network(figure.network))]
    return rows, {figure.network for figure in figures if not network(figure.network)}


def _accel_graph(cells: Mapping[str, str], _side: int) -> Graph:
    return accel_nasbench(cells).graph
