"""The result of a profile: a device folder, and the networks that evaluate it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from nas import __version__
from nas.deploy.runtimes import RUNTIMES
from nas.devices.measure.run import DECIMALS
from nas.devices.measurements import Measurement, write_measurements
from nas.devices.profile.fit import Networks, ProfileModel, Sample, fit_networks
from nas.devices.profile.journal import FUSION, HELD_OUT, PART, WHOLE, JournalEntry, drift
from nas.devices.profile.parts import PointSource
from nas.latency.files import TRIVIAL_KEYS
from nas.latency.fit import assess
from nas.latency.fit.assess import HeldOut
from nas.latency.fit.calibrate import LatencySample, fit_trivial, trivial_work
from nas.latency.fit.write import class_costs, write_device
from nas.latency.residual import KernelPoints
from nas.space.columns import Floats
from nas.space.space import Space
from nas.system.environment import environment


@dataclass(frozen=True, slots=True)
class ProfileSettings:
    """Settings of a profile."""

    runtime: str
    threads: int
    space: Space
    minutes: float
    seed: int = 0

    def as_json(self) -> dict[str, object]:
        """Return the settings that must agree to resume; the time may differ."""
        return {
            "runtime": self.runtime,
            "version": RUNTIMES[self.runtime].version(),
            "threads": self.threads,
            "space": self.space.space_hash,
            "seed": self.seed,
            "nas": __version__,
        }


def as_samples(source: PointSource, entries: Sequence[JournalEntry]) -> list[Sample]:
    """Convert entries to samples of a fit, at the machine's usual speed."""
    slow = drift(entries)
    return [
        Sample(source.part(entry.key).load, entry.ms / times, entry.sd, entry.role != PART)
        for entry, times in zip(entries, slow, strict=True)
    ]


@dataclass(frozen=True)
class Profile:
    """All measurements of a profile, and the fits to them."""

    settings: ProfileSettings
    fusion: Mapping[str, float]
    """Op -> its cost after a convolution, as a share of an addition."""
    source: PointSource
    kernels: Mapping[str, KernelPoints]
    """Of the residual."""
    entries: Sequence[JournalEntry]

    @cached_property
    def samples(self) -> dict[str, list[Sample]]:
        """Role -> its samples."""
        timed = [entry for entry in self.entries if entry.role != FUSION]
        found: dict[str, list[Sample]] = {role: [] for role in (PART, WHOLE, HELD_OUT)}
        for entry, sample in zip(timed, as_samples(self.source, timed), strict=True):
            found[entry.role].append(sample)
        return found

    @cached_property
    def networks(self) -> Networks:
        """Model fitted to everything but the held-out networks."""
        return fit_networks([*self.samples[PART], *self.samples[WHOLE]], self.kernels)

    @property
    def model(self) -> ProfileModel:
        """The model of sums over kernels."""
        return self.networks.model

    @cached_property
    def trivial(self) -> Floats:
        """Model of parameters and MACs alone, fitted to the same samples."""
        seen = [*self.samples[PART], *self.samples[WHOLE]]
        return fit_trivial(self._figures(seen), np.array([sample.ms for sample in seen]))

    @cached_property
    def held_out(self) -> list[HeldOut]:
        """Held-out networks with their predictions."""
        held_out = self.samples[HELD_OUT]
        return self._held_out(held_out, self.model.ms([sample.load for sample in held_out]))

    @cached_property
    def left_out(self) -> list[HeldOut]:
        """Held-out networks, and those of the fit as predicted by models without them."""
        return self.held_out + self._held_out(self.samples[WHOLE], self.networks.crossed_ms)

    def _held_out(self, samples: Sequence[Sample], sums_ms: Floats) -> list[HeldOut]:
        figures = self._figures(samples)
        predicted = self.networks.correction.ms(sums_ms)
        return assess.held_out_networks(
            figures, predicted, trivial_work(figures) @ self.trivial, {}
        )

    def _figures(self, samples: Sequence[Sample]) -> list[LatencySample]:
        on_chip_mb = self.model.on_chip_mb
        space = self.settings.space.name
        return [
            LatencySample(f"{i:04}", space, sample.load.summed(on_chip_mb), sample.ms, "", 1.0)
            for i, sample in enumerate(samples)
        ]

    @cached_property
    def info(self) -> dict[str, Any]:
        """Content of `device.yaml`, except name and hash."""
        settings, model = self.settings, self.model
        runtime, machine = RUNTIMES[settings.runtime], environment()
        trivial = (round(float(value), 8) for value in self.trivial)
        made = f"nas profile {__version__}, {settings.space.name}, seed {settings.seed}"
        counts = {role: len(samples) for role, samples in self.samples.items()}
        return {
            "schema": 1,
            "name": "",
            "kind": "measured",
            "hardware": runtime.hardware(machine.cpu or machine.system),
            "runtime": runtime.name,
            "version": runtime.version(),
            "precision": runtime.precision,
            "threads": settings.threads,
            "batch": 1,
            "statistic": "milliseconds of one image, median over rounds less waiting for a core;"
            " predicted from parts of networks and whole ones",
            "date": datetime.now(UTC).date().isoformat(),
            "fixed_ms": float(f"{model.costs.fixed_ms:.5g}"),
            "on_chip_mb": model.on_chip_mb,
            "fuses": [*self.source.fuses],
            "lanes": self.source.lanes,
            "whole": self.networks.correction.as_yaml(),
            **assess.intervals(self.left_out),
            "trivial": dict(zip(TRIVIAL_KEYS, trivial, strict=True)),
            "held_out": assess.score(self.held_out),
            "fit": {
                "parts": counts[PART],
                "whole_networks": counts[WHOLE],
                "busy_timings": sum(entry.busy for entry in self.entries),
                "minutes": round(sum(entry.seconds for entry in self.entries) / 60, 1),
                "residual_amplitude": model.amplitude,
                "cost_after_a_conv": {op: round(share, 3) for op, share in self.fusion.items()},
                "environment": machine.as_json(),
            },
            "sources": [{"citation": made, "figures": sum(counts.values())}],
        }


def write_profile(draft: Path, out: Path, found: Profile) -> None:
    """Write the device's files into `draft`, which will become `out`."""
    networks = [sample.load.kernels for role in (PART, WHOLE) for sample in found.samples[role]]
    table = [cost for cost in class_costs(found.model.costs, networks) if cost.networks]
    info = found.info | {"name": out.name}
    write_device(draft, info, table, found.model.residual)
    folder = draft / "held_out"
    folder.mkdir()
    entries = [entry for entry in found.entries if entry.role == HELD_OUT]
    measured = []
    for entry, sample in zip(entries, found.samples[HELD_OUT], strict=True):
        arch = found.source.part(entry.key).point.arch
        arch.to_yaml(folder / f"{arch.arch_id}.yaml")
        measured.append(_measurement(entry, sample, info, arch.arch_id, folder.name))
    write_measurements(draft / "held_out.csv", measured)


def _measurement(
    entry: JournalEntry, sample: Sample, info: Mapping[str, Any], arch_id: str, folder: str
) -> Measurement:
    drifted = sample.ms / entry.ms
    ms, low, high = (
        round(ms * drifted, DECIMALS) for ms in (entry.ms, entry.ms_low, entry.ms_high)
    )
    return Measurement(
        f"{folder}/{arch_id}.yaml",
        ms,
        arch_id,
        info["hardware"],
        info["runtime"],
        info["version"],
        info["precision"],
        info["threads"],
        ms_low=low,
        ms_high=high,
        runs=entry.runs,
        source=info["sources"][0]["citation"],
        date=info["date"],
        note=entry.note,
    )
