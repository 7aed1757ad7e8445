"""Measures whole networks on this machine: exports them, loads them and times them side by side."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from nas import __version__
from nas.deploy.export import FORMATS, Deployed, deploy, write
from nas.deploy.runtimes import RUNTIMES, Runtime, Session
from nas.devices.measure.timing import Timing, time_calls
from nas.devices.measurements import Measurement
from nas.errors import check_names
from nas.graph.ops import Shape
from nas.space.arch import Arch
from nas.system.environment import Environment, environment
from nas.system.progress import OnProgress, ignore

SECONDS = 5.0
"""Timing of one network."""
DECIMALS = 5
"""Decimals of milliseconds; further ones are noise."""


@dataclass(frozen=True, slots=True)
class MeasuredRun:
    """Measurements of one run, and the machine."""

    rows: tuple[Measurement, ...]
    environment: Environment


def measure(
    archs: Sequence[tuple[str, Arch]],
    runtime: str,
    *,
    threads: int = 1,
    batch: int = 1,
    seconds: float = SECONDS,
    seed: int = 0,
    device: str = "",
    on_progress: OnProgress = ignore,
) -> MeasuredRun:
    """Time named networks for `seconds` each, with seeded random weights and noise as input.

    Raises:
        UnknownNameError: the runtime does not exist.
        ExportError: a network cannot be exported for the runtime.
        MissingExtraError: the runtime is not installed.
        RuntimeUnavailableError: this machine lacks hardware that the runtime needs.
    """
    check_names("runtime", [runtime], RUNTIMES)
    found, rng = RUNTIMES[runtime], np.random.default_rng(seed)
    with tempfile.TemporaryDirectory(prefix="nas-measure-") as folder:
        sessions = []
        for index, (name, arch) in enumerate(archs):
            on_progress(f"export {name}", index / len(archs))
            path = Path(folder) / f"{index}{FORMATS[found.format].suffix}"
            sessions.append(load(deploy(arch, batch=batch), path, found, threads, rng))
        machine = environment()
        timings = time_calls(
            [session.invoke for session in sessions],
            seconds * len(sessions),
            rng,
            one_thread=found.one_at_work(threads),
            on_share=lambda share: on_progress("time", share),
        )
    conditions = Measurement(
        network="",
        ms=0.0,
        device=device or found.hardware(machine.cpu),
        runtime=found.name,
        version=found.version(),
        precision=found.precision,
        threads=threads,
        batch=batch,
        source=f"nas measure {__version__}",
        date=datetime.now(UTC).date().isoformat(),
    )
    rows = [
        _row(conditions, name, arch, timing)
        for (name, arch), timing in zip(archs, timings, strict=True)
    ]
    return MeasuredRun(tuple(rows), machine)


def extras_of(runtime: str) -> tuple[str, ...]:
    """The extras that a runtime needs to export a network and run it."""
    found = RUNTIMES[runtime]
    return ("train", FORMATS[found.format].extra or "train", found.extra)


def load(
    deployed: Deployed, path: Path, runtime: Runtime, threads: int, rng: np.random.Generator
) -> Session:
    """Export a network of a fixed batch to the runtime's format, load it, and feed it noise.

    Raises:
        ExportError: the network cannot be exported for the runtime.
    """
    write(deployed, FORMATS[runtime.format], path)
    return open_session(path, deployed.arch.input, runtime, threads, rng, deployed.batch or 1)


def open_session(
    path: Path,
    shape: Shape,
    runtime: Runtime,
    threads: int,
    rng: np.random.Generator,
    batch: int = 1,
) -> Session:
    """Load a file in the runtime's format and feed it noise. Shapes: shape (C, H, W)."""
    session = runtime.load(path, threads)
    session.feed(rng.standard_normal((batch, *shape), dtype=np.float32))
    return session


def _row(conditions: Measurement, name: str, arch: Arch, timing: Timing) -> Measurement:
    low, high = (round(ms, DECIMALS) for ms in timing.interval_ms)
    return replace(
        conditions,
        network=name,
        arch_id=arch.arch_id,
        ms=round(timing.ms, DECIMALS),
        ms_low=low,
        ms_high=high,
        ms_fast=round(timing.ms_fast, DECIMALS),
        runs=timing.runs,
        note=timing.noise,
    )
