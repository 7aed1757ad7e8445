"""Factors on a device's costs: read, written, and the same for columns as for one kernel."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nas.accuracy import Surrogate
from nas.errors import NasError
from nas.latency.device import Device, load_device
from nas.latency.fit.write import write_device
from nas.latency.kernels import Kernel
from nas.latency.residual import (
    FILE,
    HIGH,
    LOW,
    SCALES,
    KernelPoints,
    Residual,
    kind_of,
    read_residual,
    shape_of,
    write_residual,
)
from nas.library import default_surrogate, load_arch
from nas.optimize.pricing import Pricing
from nas.space.arch import Arch
from nas.space.space import Space

SPACE = """
name: small
source: a test
input: [3, 32, 32]
columns: [op, k, exp, out, se, act, s, n]
rows:
  - [conv, 3, ~, [16, 24], ~, relu, 2, 1]
  - [bneck, [3, 5], [2x, 3x], [16, 24, 32], [~, 0.25], hswish, 2, 2]
  - [pool, ~, ~, ~, ~, ~, ~, 1]
  - [linear, ~, ~, 10, ~, ~, ~, 1]
"""


def kernels_of(arch: Arch) -> Iterator[Kernel]:
    yield from load_device("iphone12-lut").kernels(arch.graph)


@pytest.fixture(scope="module")
def residual() -> Residual:
    """KernelPoints at kernels of MobileNetV3, with seeded weights."""
    found = list(kernels_of(load_arch("mobilenetv3-small")))
    rng, points, weights = np.random.default_rng(0), {}, {}
    for cls in sorted({kernel.cls for kernel in found}):
        own = [kernel for kernel in found if kernel.cls == cls][::3]
        shapes = np.concatenate([shape_of(kernel) for kernel in own])
        kinds = sorted({kind_of(kernel) for kernel in found if kernel.cls == cls})
        shapes = np.concatenate([np.full((len(kinds), shapes.shape[1]), np.nan), shapes])
        points[cls] = KernelPoints((*kinds, *(kind_of(kernel) for kernel in own)), shapes)
        weights[cls] = rng.normal(0, 0.1, len(shapes))
    return Residual(points, weights)


@pytest.fixture
def device(residual: Residual) -> Device:
    return replace(load_device("iphone12-lut"), residual=residual)


@pytest.fixture
def surrogate() -> Surrogate:
    found = default_surrogate()
    assert found
    return found


def test_channels_are_padded_to_the_lanes_of_the_device(residual: Residual) -> None:
    kernels = [k for k in kernels_of(load_arch("mobilenetv3-small")) if k.cls in residual.points]
    padded = [name.startswith("log2_padded") for name in SCALES]
    one, eight = (np.concatenate([shape_of(k, lanes) for k in kernels]) for lanes in (1, 8))
    assert not one[:, padded].any()
    assert (eight[:, padded] >= 0).all() and eight[:, padded].any()
    assert np.array_equal(one[:, np.invert(padded)], eight[:, np.invert(padded)])
    assert [residual.factor(k) for k in kernels] != [
        replace(residual, lanes=1).factor(k) for k in kernels
    ]


def test_without_points_every_factor_is_one() -> None:
    assert {Residual().factor(kernel) for kernel in kernels_of(load_arch("mobilenetv2"))} == {1.0}


def test_what_is_written_reads_back_as_the_same_factors(residual: Residual, tmp_path: Path) -> None:
    write_residual(tmp_path / FILE, residual)
    again = read_residual(tmp_path / FILE)
    for kernel in kernels_of(load_arch("efficientnet-b0")):
        assert again.factor(kernel) == pytest.approx(residual.factor(kernel), abs=1e-3)


def test_a_network_costs_other_milliseconds_with_a_residual(device: Device) -> None:
    arch = load_arch("mobilenetv3-large")
    assert device.predict(arch).ms != load_device("iphone12-lut").predict(arch).ms


def test_pricing_a_space_is_predicting_its_points(device: Device, surrogate: Surrogate) -> None:
    space = Space.from_yaml(SPACE)
    pricing = Pricing(space, device, surrogate)
    codes = space.layered.sample(20, np.random.default_rng(0))
    predicted = [device.predict(space.decode(tuple(code))).ms for code in codes]
    np.testing.assert_allclose(pricing.price(codes)[:, 0], predicted)


def test_no_factor_makes_a_kernel_free(residual: Residual) -> None:
    for sign, limit in ((-1e6, LOW), (1e6, HIGH)):
        weights = {cls: sign * np.ones_like(own) for cls, own in residual.weights.items()}
        extreme = Residual(residual.points, weights)
        kernels = kernels_of(load_arch("mobilenetv3-small"))
        assert {extreme.factor(kernel) for kernel in kernels} == {limit}


def test_a_device_folder_with_one_is_loaded_and_an_edit_is_seen(
    residual: Residual, tmp_path: Path
) -> None:
    known = load_device("iphone12-lut")
    info = {key: value for key, value in known.info.items() if key != "hash"}
    write_device(tmp_path, info, known.table.values(), residual)
    device = load_device(tmp_path)
    assert device.residual.points.keys() == residual.points.keys()
    assert not device.edited
    text = (tmp_path / FILE).read_text()
    (tmp_path / FILE).write_text(text + text.splitlines()[-1] + "\n")
    assert load_device(tmp_path).edited
    assert load_device(tmp_path).content_hash != device.content_hash


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("weight\n", "wait\n", "residual.csv line 1: unknown column 'wait'"),
        ("pointwise", "pointwize", "unknown kernel class 'pointwize'; nearest: pointwise"),
        (",conv,", ",konv,", "unknown op 'konv'; nearest: conv"),
        (",conv,", ",conv,0,", "found 13 cells, expected 12"),
        (",conv,", ",conv,fast", "(log2_mmacs): found 'fast"),
        (",conv,", ",conv,inf", "(log2_mmacs): found 'inf"),
    ],
)
def test_a_mistake_in_the_file_is_named(
    residual: Residual, tmp_path: Path, old: str, new: str, message: str
) -> None:
    path = tmp_path / FILE
    write_residual(path, residual)
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(NasError, match="residual.csv") as raised:
        read_residual(path)
    assert message in str(raised.value)
