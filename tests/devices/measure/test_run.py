"""Measuring whole networks on this machine, with real runtimes."""

from __future__ import annotations

from pathlib import Path

import pytest

from nas.deploy.runtimes import RUNTIMES
from nas.devices.measure.run import measure
from nas.devices.measurements import read_measurements, write_measurements
from nas.errors import UnknownNameError
from nas.library import load_arch


def test_an_unknown_runtime_is_named() -> None:
    with pytest.raises(UnknownNameError, match="unknown runtime 'onnx'; nearest: onnxruntime"):
        measure([], "onnx")


@pytest.mark.slow
@pytest.mark.parametrize("runtime", [name for name in RUNTIMES if name != "torch-cuda"])
def test_a_larger_network_takes_longer_on_every_runtime(runtime: str, tmp_path: Path) -> None:
    names = ["mobilenetv3-small", "mobilenetv3-large"]
    found = measure([(name, load_arch(name)) for name in names], runtime, seconds=0.5)
    small, large = found.rows
    assert 1.5 < large.ms / small.ms < 8
    for row, name in zip(found.rows, names, strict=True):
        assert (row.network, row.arch_id) == (name, load_arch(name).arch_id)
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
    arch = load_arch("mobilenetv3-small")
    (one,) = measure([("a", arch)], "onnxruntime", seconds=0.5).rows
    (four,) = measure([("a", arch)], "onnxruntime", seconds=0.5, batch=4).rows
    assert 2 < four.ms / one.ms < 8
    assert four.batch == 4


@pytest.mark.slow
def test_measuring_twice_gives_the_same() -> None:
    """To 5 % on a machine that is left alone (`results/benchmarks/measure.csv`); tests share it."""
    networks = [(name, load_arch(name)) for name in ("mobilenetv3-large", "repvit-m0.9")]
    first, second = (measure(networks, "onnxruntime", seconds=2.0, seed=seed) for seed in (0, 1))
    for a, b in zip(first.rows, second.rows, strict=True):
        assert a.ms == pytest.approx(b.ms, rel=0.2)
