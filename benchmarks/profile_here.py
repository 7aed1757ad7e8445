"""Measure the error of a profiled device on networks of every kind that its fit never saw.

Measures random points of `mobile` and small shipped networks of all families on this machine, one
at a time, and compares the device's predictions. Each network is timed beside the profile's anchor.
Its latency is scaled to the machine's speed during the profile, as the profile does with its own
measurements. Networks already in the CSV of measurements are not measured again. Writes
results/benchmarks/profile.csv, one row for each tested profile. On a shared machine, two profiles
differ by as much as two measurements of one network.

    nas profile --runtime litert --out litert-here
    python benchmarks/profile_here.py litert-here --networks 100
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from files import read_rows, write_rows

from nas import library
from nas.deploy.runtimes import RUNTIMES
from nas.devices.measurements import Measurement, read_measurements, write_measurements
from nas.devices.profile.journal import FUSION, running_median
from nas.devices.profile.part_timer import NETWORK_PACE, part_timer
from nas.devices.profile.run import TOGETHER
from nas.errors import ExportError
from nas.files.csv import read_csv
from nas.files.resources import named
from nas.latency.device import Device
from nas.latency.files import TRIVIAL_KEYS
from nas.latency.fit import assess
from nas.latency.residual import kind_of
from nas.space.arch import Arch
from nas.space.columns import Floats
from nas.system.environment import environment

OUT = Path(__file__).parents[1] / "results" / "benchmarks" / "profile.csv"
MAX_MMACS = 4500
"""Larger networks are outside the range of `mobile`."""
ANCHOR = "anchor ms: "
SEED = 2026
"""Seed of the random points; the profile's own points have another one."""


def networks(device: Device, n: int) -> Iterator[tuple[str, Arch]]:
    """Return every shipped network that fits, then random points of `mobile`, n in all."""
    shipped = [(name, library.load_arch(name)) for name in named("architecture")]
    fitting = [(name, arch) for name, arch in shipped if fits(device, arch)]
    yield from fitting[:n]
    space, rng = library.load_space("mobile"), points_rng()
    for _ in range(n - len(fitting)):
        arch = space.sample(rng)
        yield arch.arch_id, arch


def named_networks(names: Sequence[str]) -> dict[str, Arch]:
    """Return shipped networks by name, random points by their id."""
    shipped, space, rng = named("architecture"), library.load_space("mobile"), points_rng()
    found = {name: library.load_arch(name) for name in names if name in shipped}
    missing = {name for name in names if name not in shipped}
    while missing:
        arch = space.sample(rng)
        if arch.arch_id in missing:
            found[arch.arch_id] = arch
            missing.remove(arch.arch_id)
    return found


def points_rng() -> np.random.Generator:
    """Ids of the random points."""
    return np.random.default_rng(SEED)


def fits(device: Device, arch: Arch) -> bool:
    """Whether a network has the space's kinds of kernels and is not far larger."""
    known = {kind for points in device.residual.points.values() for kind in points.kinds}
    kinds = {kind_of(kernel) for kernel in device.kernels(arch.graph)}
    return arch.macs <= MAX_MMACS * 1e6 and kinds <= known


def measured(device: Device, n: int, path: Path) -> list[Measurement]:
    """Measure each network, with the anchor's latency in its note; keep the rows in `path`."""
    rows = read_measurements(path) if path.exists() else []
    done = {row.network for row in rows}
    info = device.info
    conditions = {"device": environment().cpu, "runtime": info["runtime"]}
    conditions |= {"version": info["version"], "precision": info["precision"]}
    runtime = RUNTIMES[info["runtime"]]
    with part_timer(runtime, info["threads"], SEED) as bench:
        open_ = [(name, arch) for name, arch in networks(device, n) if name not in done]
        open_ = open_[: n - len(rows)]
        for start in range(0, len(open_), TOGETHER):
            some = open_[start : start + TOGETHER]
            timed = bench.time_each([arch for _, arch in some], NETWORK_PACE)
            for (name, arch), found in zip(some, timed, strict=True):
                if isinstance(found, ExportError):
                    print(f"{name}: {found}", flush=True)
                    continue
                ms, (low, high) = found[0].ms, found[0].interval_ms
                more = {"ms_low": low, "ms_high": high, "note": f"{ANCHOR}{found[1].ms:.6f}"}
                rows.append(Measurement(name, ms, arch.arch_id, **conditions, **more))
                write_measurements(path, rows, force=True)
                print(f"{len(rows)}/{n} {name}: {ms:.3f} ms {found[0].noise}", flush=True)
    return rows


def slower(folder: Path, rows: list[Measurement]) -> Floats:
    """Return how much slower than during the profile the machine was at each row, by the anchor."""
    entries = read_csv(folder / "journal.csv", ("anchor_ms", "role"), by_hand=True)
    usual = [e.number("anchor_ms") for e in entries if e.cells["role"] != FUSION]
    anchors = [float(row.note.removeprefix(ANCHOR)) for row in rows]
    return running_median(anchors) / np.median(usual)


def evaluate(device: Device, folder: Path, rows: list[Measurement]) -> dict[str, object]:
    """Return the figures of one device."""
    archs = named_networks([row.network for row in rows])
    drift = slower(folder, rows)
    rows = [replace(row, ms=row.ms / by) for row, by in zip(rows, drift, strict=True)]
    found = [device.predict(archs[row.network]) for row in rows]
    ms = np.array([row.ms for row in rows])
    trivial = [device.info["trivial"][key] for key in TRIVIAL_KEYS]
    sizes = [(1, arch.macs / 1e6, arch.params * 4e-6) for arch in (archs[r.network] for r in rows)]
    inside = [p.low_ms <= row.ms <= p.high_ms for p, row in zip(found, rows, strict=True)]
    errors = assess.errors(np.array([p.ms for p in found]), ms)
    alone = assess.errors(np.array(sizes) @ trivial, ms)
    worst = sorted(
        zip(found, rows, strict=True), key=lambda pair: -abs(pair[0].ms / pair[1].ms - 1)
    )
    for p, row in worst[:15]:
        print(
            f"{row.network:24} {row.ms:9.3f} ms, predicted {p.ms:9.3f} ({p.ms / row.ms - 1:+.1%})"
        )
    made = device.info["fit"]
    return {
        "runtime": device.info["runtime"],
        "profile": device.content_hash,
        "threads": device.info["threads"],
        "networks": len(rows),
        **errors,
        "coverage_pct": round(100 * float(np.mean(inside)), 1),
        **{f"trivial_{key}": alone[key] for key in ("median_error_pct", "spearman")},
        "machine_slower_by_pct": round(100 * float(np.median(drift)) - 100, 1),
        "profile_minutes": made["minutes"],
        "parts": made["parts"],
        "hardware": device.info["hardware"],
        "date": datetime.now(UTC).date().isoformat(),
    }


def main() -> None:
    """Measure missing networks, compare, and write the profile's row."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("device", type=Path)
    parser.add_argument("--networks", type=int, default=100)
    parser.add_argument("--measurements", type=Path, help="CSV that keeps the measurements")
    options = parser.parse_args()
    device = library.load_device(options.device)
    path = options.measurements or options.device / "unseen.csv"
    rows = measured(device, options.networks, path)
    row = evaluate(device, options.device, rows)
    written = read_rows(OUT)
    kept = [old for old in written if old["profile"] != row["profile"]]
    write_rows(OUT, sorted([*kept, row], key=lambda row: str((row["runtime"], row["date"]))))
    for key, value in row.items():
        print(f"{key:26} {value}")


if __name__ == "__main__":
    main()
