"""A device held against measurements: how far off, in which networks and in which of their rows."""

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
"""Conditions of a device that its figures hold for only."""


@dataclass(frozen=True, slots=True, eq=False)
class ValidatedNetwork:
    """One measured network beside its prediction."""

    network: str
    ms: float
    prediction: Prediction
    trivial_ms: float | None
    costliest: Kernel
    """Of the row that takes most of the predicted milliseconds, the op that does."""
    costliest_ms: float
    """Of the whole row."""

    @property
    def error_pct(self) -> float:
        """Of the prediction; below 0 where it is too fast."""
        return 100 * (self.prediction.ms / self.ms - 1)

    @property
    def inside(self) -> bool:
        """The measurement lies in the prediction's interval."""
        return self.prediction.low_ms <= self.ms <= self.prediction.high_ms


@dataclass(frozen=True, slots=True, eq=False)
class Validation:
    """All of them, and their figures."""

    device: Device
    checked: tuple[ValidatedNetwork, ...]

    @property
    def errors(self) -> dict[str, float]:
        """Of the device."""
        predicted = np.array([each.prediction.ms for each in self.checked])
        return assess.errors(predicted, self._measured)

    @property
    def trivial_errors(self) -> dict[str, float] | None:
        """Of the model of parameters and MACs stored with the device, if there is one."""
        trivial = [each.trivial_ms for each in self.checked if each.trivial_ms is not None]
        return assess.errors(np.array(trivial), self._measured) if trivial else None

    @property
    def coverage_pct(self) -> float:
        """Measurements in their prediction's interval."""
        return 100 * float(np.mean([each.inside for each in self.checked]))

    @property
    def worst(self) -> list[ValidatedNetwork]:
        """Largest error first."""
        return sorted(self.checked, key=lambda each: -abs(each.error_pct))

    @property
    def _measured(self) -> Any:
        return np.array([each.ms for each in self.checked])


def validate(device: Device, found: Sequence[MeasuredNetwork]) -> Validation:
    """Predict what was measured.

    Raises:
        CalibrationError: measured under conditions that the device's figures do not hold for.
    """
    for each in found:
        for key in STATED:
            is_, expected = getattr(each.row, key), device.info[key]
            if is_ and expected and is_ != expected:
                raise CalibrationError(
                    f"{each.row.place} ({key}): {is_}, but {device.name} is of {expected}"
                )
    return Validation(device, tuple(_checked(device, each) for each in found))


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
