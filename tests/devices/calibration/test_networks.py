"""Families are told from names; an unknown network by its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from nas.devices.calibration.networks import measured_networks
from nas.devices.measurements import read_measurements
from nas.errors import DocumentError


def test_an_unknown_network_is_named_by_its_first_line(tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    path.write_text("network,ms\nmobilenetv2@192,1\nmobilenet_v2,1\nmobilenet_v2@192,1\n")
    with pytest.raises(
        DocumentError, match=r"line 3 \(network\): unknown architecture 'mobilenet_"
    ):
        measured_networks(read_measurements(path))
