"""Priced is predicted: sums over the layered space equal what single networks say."""

from __future__ import annotations

import numpy as np
import pytest

from nas import library
from nas.files.resources import named
from nas.optimize.pricing import MACS, MS, PARAMS, Pricing


@pytest.fixture(scope="module", params=sorted(named("space")))
def pricing(request: pytest.FixtureRequest) -> Pricing:
    device, surrogate = library.load_device("iphone12-lut"), library.load_surrogate("imagenet")
    return Pricing(library.load_space(request.param), device, surrogate)


def test_priced_is_predicted(pricing: Pricing) -> None:
    codes = pricing.layered.sample(8, np.random.default_rng(0))
    prices, (top1, sd) = pricing.price(codes), pricing.estimate(codes)
    for code, price, estimate, deviation in zip(codes, prices, top1, sd, strict=True):
        arch = pricing.space.decode(code)
        assert price[MS] == pytest.approx(pricing.device.predict(arch).ms, rel=1e-9)
        assert (price[PARAMS], price[MACS]) == (arch.params, arch.macs)
        guess = pricing.surrogate.predict(arch)
        assert estimate == pytest.approx(guess.top1, rel=1e-6)
        assert deviation == pytest.approx(guess.sd, rel=1e-6)


def test_seeds_are_priced_as_predicted(pricing: Pricing) -> None:
    for name in named("architecture"):
        arch = library.load_arch(name)
        if pricing.space.contains(arch):
            price = pricing.price(np.array([pricing.space.encode(arch)]))[0]
            assert price[MS] == pytest.approx(pricing.device.predict(arch).ms, rel=1e-9)
            assert price[PARAMS] == arch.params


def test_what_cannot_be_built_has_no_price(pricing: Pricing) -> None:
    rng = np.random.default_rng(0)
    layered = pricing.layered
    codes = rng.integers(layered.n_options, size=(2000, len(layered.layers)))
    prices = pricing.price(codes)
    state = np.zeros(len(codes), int)
    for layer, gene in zip(layered.layers, codes.T, strict=True):
        state = np.where(state < 0, -1, layer.next[state, gene])
    assert (np.isnan(prices[:, MS]) == (state < 0)).all()
    has_gaps = any((layer.next < 0).any() for layer in layered.layers)
    assert (state < 0).any() == has_gaps


def test_chunks_do_not_change_prices(pricing: Pricing) -> None:
    codes = pricing.layered.sample(20_000, np.random.default_rng(4))
    assert (pricing.price(codes)[-10:] == pricing.price(codes[-10:])).all()
