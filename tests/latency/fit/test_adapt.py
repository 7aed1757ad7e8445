"""A known device adapted to a relative of which the truth is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from nas.latency.device import load_device
from nas.latency.files import TERMS
from nas.latency.fit.adapt import SPLITS, adapt, adapt_several, costs_of, scaled
from nas.latency.fit.blend import left_out
from nas.latency.fit.calibrate import Costs, LatencySample
from nas.latency.kernels import CLASSES

TRUE = np.tile([0.5, 0.04, 30.0, 0.5, 20.0], (len(CLASSES), 1))
KNOWN = Costs(0.4, TRUE)


def relative(n: int, true: Costs, noise: float = 0.01) -> list[LatencySample]:
    """Figures of n networks, each with its own mix of classes, on a device with these costs."""
    rng = np.random.default_rng(n)
    size = rng.uniform(0.5, 4, (n, 1, 1)) * rng.dirichlet(np.ones(len(CLASSES)), n)[:, :, None]
    work = size * [100, 500, 10, 40, 5] * rng.uniform(0.5, 1.5, (n, len(CLASSES), len(TERMS)))
    ms = true.ms(work) * rng.lognormal(0, noise, n)
    return [
        LatencySample(f"net{i}", f"family{i % 5}", work[i], float(ms[i]), "", 1.0) for i in range(n)
    ]


@pytest.mark.parametrize("factor", [1.3, 0.01])
def test_a_device_of_another_speed_throughout_takes_one_factor(factor: float) -> None:
    found = relative(8, Costs(0.4 * factor, TRUE * factor))
    costs, _ = adapt(found, KNOWN)
    assert costs.us == pytest.approx(factor * TRUE, rel=0.05)
    assert costs.fixed_ms == pytest.approx(0.4 * factor, rel=0.05)


def test_a_device_with_another_fixed_part_takes_more_factors_and_is_predicted_better() -> None:
    found = relative(20, Costs(2.0, TRUE))
    costs, shares = adapt(found, KNOWN)
    assert shares["one factor"] < 0.1
    assert sum(shares.values()) == pytest.approx(1)
    truth = np.array([figure.ms for figure in found])
    one = scaled(KNOWN, SPLITS[0], found)
    work = np.array([figure.work for figure in found])
    error, plain = (np.abs(c.ms(work) / truth - 1).mean() for c in (costs, one))
    assert error < 0.5 * plain


def test_predictions_of_networks_left_out_get_better() -> None:
    found = relative(12, Costs(0.5, TRUE * 0.6))
    truth = np.array([figure.ms for figure in found])
    before = KNOWN.ms(np.array([figure.work for figure in found]))
    after = left_out(found, lambda kept: adapt(kept, KNOWN)[0].predict)
    assert np.median(np.abs(after / truth - 1)) < 0.05 < np.median(np.abs(before / truth - 1))


def test_of_several_known_devices_the_one_alike_counts() -> None:
    alike, other = Costs(0.5, TRUE), Costs(4.0, TRUE[:, ::-1] * [1, 1, 1, 50, 1])
    found = relative(12, Costs(0.3, TRUE * 0.6))
    costs, shares = adapt_several(found, {"other": other, "alike": alike})
    assert list(shares) == ["other", "alike"]
    assert sum(shares.values()) == pytest.approx(1)
    assert shares["alike"] > 0.9
    assert costs.us == pytest.approx(0.6 * TRUE, rel=0.3)


def test_one_network_beside_a_family_is_enough_to_predict_the_family() -> None:
    found = relative(5, Costs(0.5, TRUE))
    found = [replace(f, family=str(f.network == "net0")) for f in found]
    assert (left_out(found, lambda kept: adapt(kept, KNOWN)[0].predict) > 0).all()


def test_nothing_becomes_free_on_the_way() -> None:
    found = [replace(figure, ms=1e-6) for figure in relative(6, KNOWN)]
    costs, _ = adapt(found, KNOWN)
    assert (costs.us > 0).all()
    assert costs.fixed_ms > 0


def test_costs_of_a_device_are_those_of_its_table() -> None:
    device = load_device("iphone12-lut")
    costs = costs_of(device)
    assert costs.us[CLASSES.index("conv"), 1] == device.table["conv"].us_per_mmac
    short = replace(device, table={"conv": device.table["conv"]})
    assert (costs_of(short).us == costs.us[CLASSES.index("conv")]).all()
