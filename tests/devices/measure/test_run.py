"""Measuring whole networks on this machine, with real runtimes."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from nas.deploy.runtimes import RUNTIMES
from nas.devices.measure.run import measure
from nas.devices.measurements import read_measurements, write_measurements
from nas.errors import UnknownNameError
from nas.space.arch import Arch

from ...conftest import needing

TEXT = """
name: {name}
source: "made for a test"
input: [3, 96, 96]
columns: [op, k, out, act, s]
rows:
  - [conv, 3, {width}, relu, 2]
  - [conv, 3, {width}, relu, 1]
  - [conv, 3, {width}, relu, 1]
  - [pool, ~, ~, ~, ~]
  - [linear, ~, 10, ~, ~]
"""


@cache
def network(width: int) -> Arch:
    """Three convolutions, which every converter writes in a second."""
    return Arch.from_yaml(TEXT.format(name=f"conv{width}", width=width))


def test_an_unknown_runtime_is_named() -> None:
    with pytest.raises(UnknownNameError, match="unknown runtime 'onnx'; nearest: onnxruntime"):
        measure([], "onnx")


@pytest.mark.slow
@pytest.mark.parametrize(
    "runtime",
    [needing(name, runtime.extra) for name, runtime in RUNTIMES.items() if name != "torch-cuda"],
)
def test_a_larger_network_takes_longer_on_every_runtime(runtime: str, tmp_path: Path) -> None:
    archs = [network(32), network(64)]  # four times the MACs
    found = measure([(arch.name, arch) for arch in archs], runtime, seconds=0.5)
    small, large = found.rows
    assert 1.2 < large.ms / small.ms < 12
    for row, arch in zip(found.rows, archs, strict=True):
        assert (row.network, row.arch_id) == (arch.name, arch.arch_id)
        assert (row.runtime, row.threads, row.batch, row.precision) == (runtime, 1, 1, "fp32")
        assert row.version
        assert row.device == found.environment.cpu
        assert row.ms_low is not None and row.ms_high is not None and row.ms_fast is not None
        assert row.ms_fast <= row.ms
        assert row.ms_low <= row.ms <= row.ms_high
    write_measurements(tmp_path / "m.csv", found.rows, found.environment.comments())
    assert read_measurements(tmp_path / "m.csv") == list(found.rows)


@pytest.mark.slow
def test_a_batch_takes_longer_than_an_image() -> None:
    arch = network(64)
    (one,) = measure([("a", arch)], "onnxruntime", seconds=0.5).rows
    (four,) = measure([("a", arch)], "onnxruntime", seconds=0.5, batch=4).rows
    assert 2 < four.ms / one.ms < 12
    assert four.batch == 4


@pytest.mark.slow
def test_measuring_twice_gives_the_same() -> None:
    """To 5 % on a machine that is left alone (`results/benchmarks/measure.csv`); tests share it."""
    networks = [(arch.name, arch) for arch in (network(48), network(64))]
    first, second = (measure(networks, "onnxruntime", seconds=2.0, seed=seed) for seed in (0, 1))
    for a, b in zip(first.rows, second.rows, strict=True):
        assert a.ms == pytest.approx(b.ms, rel=0.2)
