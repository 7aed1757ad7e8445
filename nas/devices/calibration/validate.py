"""Validates a device against measurements: its errors, by network and row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nas.devices.calibration.networks import MeasuredNetwork
from nas.errors import CalibrationError
from nas.latency.device import Device, Prediction
from nas.latency.files import TRIVIAL_KEYS
from nas.latency.fit import assess
from nas.latency.kernels import Kernel

STATED = ("precision", "threads", "batch")
"""Conditions under which a device's figures hold."""


@dataclass(frozen=True, slots=True, eq=False)
class ValidatedNetwork:
    """A measured network and its prediction."""

    network: str
    ms: float
    prediction: Prediction
    trivial_ms: float | None
    costliest: Kernel
    """The costliest op of the costliest row."""
    costliest_ms: float
    """Milliseconds of that row."""

    @property
    def error_pct(self) -> float:
        """Error of the prediction in percent; negative if it is too fast."""
        return 100 * (self.prediction.ms / self.ms - 1)

    @property
    def inside(self) -> bool:
        """Whether the measurement lies in the prediction's interval."""
        return self.prediction.low_ms <= self.ms <= self.prediction.high_ms


@dataclass(frozen=True, slots=True, eq=False)
class Validation:
    """All validated networks, and the errors over them."""

    device: Device
    checked: tuple[ValidatedNetwork, ...]
    seen: int = 0
    """Figures that the device was fitted to."""

    @property
    def errors(self) -> dict[str, float]:
        """Errors of the device."""
        predicted = np.array([each.prediction.ms for each in self.checked])
        return assess.errors(predicted, self._measured)

    @property
    def trivial_errors(self) -> dict[str, float] | None:
        """Errors of the trivial model stored with the device, if there is one."""
        trivial = [each.trivial_ms for each in self.checked if each.trivial_ms is not None]
        return assess.errors(np.array(trivial), self._measured) if trivial else None

    @property
    def coverage_pct(self) -> float:
        """Percent of the measurements that lie in their prediction's interval."""
        return 100 * float(np.mean([each.inside for each in self.checked]))

    @property
    def worst(self) -> list[ValidatedNetwork]:
        """The networks, largest error first."""
        return sorted(self.checked, key=lambda each: -abs(each.error_pct))

    @property
    def _measured(self) -> Any:
        return np.array([each.ms for each in self.checked])


def validate(device: Device, found: Sequence[MeasuredNetwork]) -> Validation:
    """Predict the measured networks.

    Raises:
        CalibrationError: a network was measured under other conditions than the device's.
    """
    for each in found:
        for key in STATED:
            is_, expected = getattr(each.row, key), device.info[key]
            if is_ and expected and is_ != expected:
                raise CalibrationError(
                    f"{each.row.place} ({key}): {is_}, but {device.name} is of {expected}"
                )
    checked = tuple(_checked(device, each) for each in found)
    return Validation(device, checked, sum(_seen(device, each) for each in found))


def _seen(device: Device, each: MeasuredNetwork) -> bool:
    """Whether the device was fitted to this figure; only `nas calibrate` records them."""
    return each.figure in (device.info.get("fit") or {}).get("seen", ())


def _checked(device: Device, each: MeasuredNetwork) -> ValidatedNetwork:
    prediction = device.predict(each.graph)
    row = int(np.argmax(prediction.rows))
    found = list(device.kernels(each.graph))
    own = [kernel for kernel in found if max(0, kernel.op.row) == row]
    costliest = max(own, key=device.kernel_ms)
    trivial = device.info.get("trivial")
    work = (1, sum(k.mmacs for k in found), sum(k.weight_mb for k in found))
    return ValidatedNetwork(
        each.row.network,
        each.ms,
        prediction,
        float(np.dot(work, [trivial[key] for key in TRIVIAL_KEYS])) if trivial else None,
        costliest,
        prediction.rows[row],
    )
