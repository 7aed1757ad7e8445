"""From sums over kernels to networks: increasing, invertible, and found where it is there."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas.errors import DocumentError
from nas.files.resources import data_dir
from nas.latency.correction import NO_CORRECTION, STEEPEST, NetworkCorrection, fit_correction
from nas.latency.device import load_device
from nas.latency.fit.write import write_device
from nas.library import load_arch, load_space, load_surrogate
from nas.optimize import EvolutionSettings, search
from nas.optimize.pricing import MS, Pricing

WHOLES = st.builds(
    lambda factor, exponent, least, times: NetworkCorrection(
        factor, exponent, least * times, least
    ),
    st.floats(0.5, 2),
    st.floats(-STEEPEST, STEEPEST),
    st.floats(0.01, 10),
    st.floats(1, 100),
)


@given(WHOLES, st.floats(1e-3, 1e3))
def test_a_budget_on_the_network_is_one_on_the_sum(
    correction: NetworkCorrection, sum_ms: float
) -> None:
    assert correction.invert(float(correction.ms(sum_ms))) == pytest.approx(sum_ms, rel=1e-9)
    assert correction.ms(sum_ms * 1.01) > correction.ms(sum_ms)


def test_it_is_found_where_it_is_there() -> None:
    rng = np.random.default_rng(0)
    sums = np.exp(rng.uniform(np.log(0.5), np.log(60), 40))
    true = NetworkCorrection(1.05, 0.15, float(np.median(sums)), 0.5)
    found = fit_correction(sums, true.ms(sums) * rng.lognormal(0, 0.02, 40))
    assert found.factor == pytest.approx(1.05, rel=0.02)
    assert found.exponent == pytest.approx(0.15, abs=0.02)
    assert found.times(2).ms(2 * sums) == pytest.approx(2 * found.ms(sums))


def test_few_networks_only_claim_a_factor() -> None:
    assert fit_correction([], []) == NO_CORRECTION
    few = fit_correction([1.0, 2.0, 4.0], [1.1, 2.2, 4.4])
    assert (few.factor, few.exponent) == (pytest.approx(1.1), 0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A shipped device on which small networks are cheaper than their kernels."""
    device = load_device("iphone12-lut")
    info = {key: value for key, value in device.info.items() if key != "hash"}
    info |= {"name": "mine", "whole": NetworkCorrection(0.9, 0.3, 1.2, 0.6).as_yaml()}
    (tmp_path / "mine").mkdir()
    write_device(tmp_path / "mine", info, device.table.values())
    return tmp_path / "mine"


def test_predicted_rows_add_up_and_prices_agree(folder: Path) -> None:
    device, plain = load_device(folder), load_device("iphone12-lut")
    arch = load_arch("mobilenetv3-small")
    prediction, sum_ms = device.predict(arch), plain.predict(arch).ms
    assert prediction.ms == pytest.approx(device.correction.ms(sum_ms))
    assert sum(prediction.rows) + prediction.fixed_ms == pytest.approx(prediction.ms)
    pricing = Pricing(load_space("mobilenetv3"), device, load_surrogate("imagenet"))
    codes = pricing.layered.sample(20, np.random.default_rng(0))
    predicted = [device.predict(pricing.space.decode(code)).ms for code in codes]
    assert pricing.price(codes)[:, MS] == pytest.approx(predicted, rel=1e-9)


def test_a_search_keeps_the_budget_of_the_network(folder: Path) -> None:
    few = EvolutionSettings(generations=5, children=100)
    result = search("mobilenetv3", folder, budget_ms=0.6, settings=few)
    assert 0.55 < result.best.ms <= 0.6
    assert result.device.predict(result.best.arch).ms == pytest.approx(result.best.ms)


def test_it_is_checked_and_hashed(folder: Path, tmp_path: Path) -> None:
    assert not load_device(folder).edited
    file = folder / "device.yaml"
    text = file.read_text()
    file.write_text(text.replace("exponent: 0.3", "exponent: 0.2"))
    assert load_device(folder).edited
    file.write_text(text.replace("exponent: 0.3", "exponent: 2"))
    with pytest.raises(
        DocumentError, match=r"whole.exponent\): expected a number from -0.5 to 0.5"
    ):
        load_device(folder)
    file.write_text(text.replace("factor: 0.9", "factor: 0"))
    with pytest.raises(DocumentError, match=r"whole.factor\): expected a number above 0"):
        load_device(folder)
    shutil.copytree(data_dir("predictors") / "iphone12-lut", tmp_path / "plain")
    assert not load_device(tmp_path / "plain").edited
