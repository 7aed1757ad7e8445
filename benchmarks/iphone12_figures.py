"""The published iPhone figures that the calibration uses, with their networks and harnesses.

Left out are: figures that are not of an iPhone 12 or 13 with all compute units; the 2022 figures of
EfficientFormer V1 (from an older tool, up to four times off); networks that fell back from the
Neural Engine, whose latency changes abruptly (`FELL_BACK`); and networks without a graph here.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from files import read_rows
from iphone12_networks import NETWORKS


class Published(NamedTuple):
    """One published latency of a network."""

    network: str
    side: int
    ms: float
    harness: str
    citation: str
    rounding: float
    """Largest error by rounding, as a share of `ms`."""

    @property
    def key(self) -> tuple[str, int]:
        return self.network, self.side


#: part of the citation (with the device) -> harness; figures without a harness are left out
HARNESSES = {
    "RepViT": "repvit",
    "RepNeXt": "repnext",
    "EfficientFormerV2": "efficientformerv2",
    "SHViT": "shvit",
    "Next-ViT": "nextvit",
    "ml-mobileone": "mobileone",
    "ml-fastvit": "modelbench",
    "ml-mobileclip": "modelbench",
    "coreml-FastViT": "modelbench",
    "RepGhostNetV2": "repghost",
    "iFormer": "iphone13",
    "MobileNetV4, ECCV": "iphone13-mnv4",
    "Rewrite the Stars": "starnet",
}
MISNAMED = frozenset({"starnet"})
"""Harnesses whose table says iPhone 13 for figures of iPhone 12: those of StarNet's table 6 are the
iPhone 12 column of its table 19."""

#: (harness, network): figures many times those of the same network, or of a larger one, elsewhere
FELL_BACK = {
    ("iphone13", "MobileViTv2 0.5"),
    ("efficientformerv2", "MobileViT XS"),
    ("starnet", "MobileNetV3 Large"),
    ("starnet", "MobileNetV3 Large 0.75"),
    ("starnet", "ShuffleNetV2 1.0"),
    ("starnet", "ShuffleNetV2 1.5"),
    ("starnet", "ShuffleNetV2 2.0"),
}

#: side of the image if a table states none or a default
SIDES = {f"MobileCLIP S{n}": 256 for n in range(3)} | {"EfficientNet B3": 300}

#: a network's name in tables -> its name in `NETWORKS`
SPELLINGS = (
    (r"RepViT-roadmap step0.*", "MobileNetV3 Large"),
    (r"RepViT-roadmap step9.*", "RepViT M0.9"),
    (r"RepViT-roadmap (step\d).*", r"RepViT \1"),
    (r"RepViT old M1", "RepViT M0.9"),
    (
        r"(RepViT|RepNeXt|PoolFormer|EfficientFormer|EfficientFormerV2|FastViT|ConvNeXt|iFormer)-",
        r"\1 ",
    ),
    (r"ResNet(18|50) ", r"ResNet \1 "),
    (r"EfficientNet-B0", "EfficientNet B0"),
    (r"ResNet \(RSB\)", "ResNet"),
    (r"backbone only", "backbone"),
    (r"MobileNetV3 Large 1.0", "MobileNetV3 Large"),
    (r"MobileNetV4-(Conv-\w) 1.0", r"MobileNetV4 \1"),
    (r"MobileCLIP MobileCLIP-(S\d) .*", r"MobileCLIP \1"),
    (r"EfficientViT \(MIT\) (B\d)-.*", r"EfficientViT \1"),
    (r" \((no-distill curve|Table 4)\)", ""),
)


def published(path: Path) -> tuple[list[Published], list[str]]:
    """Return the figures to fit, and the networks of the file that have no graph here."""
    taken: list[Published] = []
    unknown: set[str] = set()
    for cells in filter(_usable, read_rows(path)):
        network = network_name(cells)
        if network not in NETWORKS:
            unknown.add(network)
        elif (figure := _figure(cells, network)) is not None:
            taken.append(figure)
    return taken, sorted(unknown)


def _usable(cells: dict[str, str]) -> bool:
    phone = re.match(r"iPhone 1[23]\b", cells["device"])
    return (
        bool(phone)
        and "CPU" not in cells["device"]
        and "arXiv:2206.01191" not in cells["source_citation"]
    )


def network_name(cells: dict[str, str]) -> str:
    """Return a network's name in `NETWORKS`."""
    name = f"{cells['model']} {cells['variant_or_width']}"
    for pattern, spelling in SPELLINGS:
        name = re.sub(pattern, spelling, name)
    return name


def _figure(cells: dict[str, str], network: str) -> Published | None:
    citation = cells["source_citation"]
    on_13 = "iPhone 13" in cells["device"]
    known = (
        h
        for part, h in HARNESSES.items()
        if part in citation and (h in MISNAMED or h.startswith("iphone13") == on_13)
    )
    harness = next(known, None)
    if harness is None or (harness, network) in FELL_BACK:
        return None
    side = int(re.findall(r"\d+", cells["resolution"])[-1])
    ms = float(cells["latency_ms"])
    decimals = len(cells["latency_ms"].partition(".")[2])
    side = SIDES.get(network, side)
    return Published(network, side, ms, harness, citation, 0.5 * 10.0**-decimals / ms)
