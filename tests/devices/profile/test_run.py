"""A whole profile, killed and gone on with."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from time import monotonic, sleep
from typing import cast

import numpy as np
import pytest

from nas.devices.calibration.networks import measured_networks
from nas.devices.calibration.validate import validate
from nas.devices.measure.timing import Pace, Timing
from nas.devices.measurements import read_measurements
from nas.devices.profile.journal import FUSION, HELD_OUT, PART, WHOLE, Journal, JournalEntry
from nas.devices.profile.part_timer import PartTimer
from nas.devices.profile.parts import PointSource
from nas.devices.profile.result import Profile, ProfileSettings
from nas.devices.profile.run import BATCH, LEAST, MOST_UNTIMED, Profiler, profile
from nas.errors import ResultError, RuntimeUnavailableError
from nas.latency.device import load_device
from nas.library import load_space
from nas.space.arch import Arch
from nas.system.progress import ignore

SPACE = """
name: small
source: a test
input: [3, 64, 64]
columns: [op, k, exp, out, se, act, s, n]
rows:
  - [conv, 3, ~, [16, 24], ~, relu, 2, 1]
  - [bneck, [3, 5], [2x, 3x, 4x], [16, 24, 32], [~, 0.25], [relu, hswish], 2, [1, 2]]
  - [bneck, [3, 5], [2x, 3x, 4x], [32, 48, 64], [~, 0.25], [relu, hswish], 2, [1, 2]]
  - [pool, ~, ~, ~, ~, ~, ~, 1]
  - [linear, ~, ~, 10, ~, ~, ~, 1]
"""
SHORT = """
from nas.devices.measure.timing import Pace
from nas.devices.profile import fusion, part_timer, run

pace = Pace(warm_up_s=0.01, burst_s=0.005, rounds=9, at_most=2.0)
put(run, "PART_PACE", pace)
put(run, "NETWORK_PACE", pace)
put(fusion, "NETWORK_PACE", pace)
put(fusion, "PROBES", {name: fusion.PROBES[name] for name in ("relu", "hswish", "add")})
put(part_timer, "SECONDS", 0.05)
put(part_timer, "cores", lambda: 1)
"""
"""Less of everything that is timed, put in place by `put(module, name, value)`."""
PROGRAM = f"put = setattr\n{SHORT}\nfrom nas.cli.main import main; main()"


def begun_by(process: int) -> list[Path]:
    """Processes that it began, where the system tells."""
    listed = Path(f"/proc/{process}/task/{process}/children")
    found = listed.read_text().split() if listed.exists() else []
    return [Path("/proc", other, "stat") for other in found]


def lives(stat: Path) -> bool:
    try:
        return " Z " not in stat.read_text()
    except OSError:
        return False


def killed_once(command: list[str], journal: Path, parts: int) -> list[str]:
    """Run until the journal has so many parts, then kill; what it held."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = monotonic() + 120
    while not journal.exists() or journal.read_text().count(f"\n{PART},") < parts:
        assert process.poll() is None
        assert monotonic() < deadline, "nothing more is measured"
        sleep(0.05)
    others = begun_by(process.pid)
    process.send_signal(signal.SIGKILL)
    process.wait()
    deadline = monotonic() + 30
    while alive := [stat for stat in others if lives(stat)]:  # they would wait for work for ever
        assert monotonic() < deadline, [stat.read_text() for stat in alive]
        sleep(0.1)
    return journal.read_text().splitlines()


@pytest.mark.slow
def test_a_killed_profile_goes_on_and_ends_with_a_device(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("onnxruntime")
    space, out = tmp_path / "small.yaml", tmp_path / "here"
    space.write_text(SPACE)
    options = ["--runtime", "onnxruntime", "--space", str(space), "--minutes", "0.1"]
    command = [sys.executable, "-c", PROGRAM, "profile", *options, "--out", str(out)]
    kept = killed_once(command, tmp_path / ".here.profile" / "journal.csv", parts=3)
    assert not out.exists()

    exec(SHORT, {"put": monkeypatch.setattr})
    settings = ProfileSettings("onnxruntime", 1, load_space(space), 0.1)
    shares: list[float] = []
    found = profile(settings, out, on_progress=lambda step, share: shares.append(share))
    assert shares[:1] == [0] < shares[1:2]  # with what was measured before the kill
    assert shares == sorted(shares)
    assert len(set(shares)) > 3
    assert (out / "journal.csv").read_text().splitlines()[: len(kept)] == kept
    assert {path.name for path in tmp_path.iterdir()} == {"small.yaml", "here"}
    check_roles(found)

    device = load_device(out)
    assert (device.info["kind"], device.edited) == ("measured", False)
    rows = read_measurements(out / "held_out.csv")
    validated = validate(device, measured_networks(rows))
    predicted = [each.prediction.ms for each in validated.checked]
    expected = {round(each.ms, 5): each.predicted_ms for each in found.held_out}
    for row, ms in zip(rows, predicted, strict=True):
        assert ms == pytest.approx(expected[row.ms], rel=0.01)
    assert validated.errors["median_error_pct"] == pytest.approx(
        device.info["held_out"]["median_error_pct"], abs=0.5
    )


def check_roles(found: Profile) -> None:
    """Each role has its least, and no network left out is one of the fit."""
    counts = {role: len(samples) for role, samples in found.samples.items()}
    assert all(counts[role] >= least for role, least in LEAST.items())
    names = {
        role: {entry.name for entry in found.entries if entry.role == role}
        for role in (WHOLE, HELD_OUT)
    }
    assert not names[HELD_OUT] & names[WHOLE]
    assert counts[PART] >= BATCH
    assert all(np.isfinite(entry.ms) for entry in found.entries if entry.role == FUSION)


def test_a_stopped_profile_of_other_settings_is_refused_before_anything_is_measured(
    tmp_path: Path,
) -> None:
    settings = ProfileSettings("onnxruntime", 1, load_space("mobile"), 1.0)
    stopped = tmp_path / ".here.profile"
    stopped.mkdir()
    entries = Journal(stopped / "journal.csv", settings.as_json())
    entries.add(JournalEntry(FUSION, "relu", 0, 0, 1.0, 0.0, 0.0, 0, 1.0, 0.5, ""))
    before = (stopped / "journal.csv").read_text()
    heard: list[str] = []
    with pytest.raises(ResultError, match="an interrupted profile with other settings"):
        profile(
            replace(settings, threads=2),
            tmp_path / "here",
            on_progress=lambda step, share: heard.append(step),
        )
    assert not heard
    assert (stopped / "journal.csv").read_text() == before


def test_more_minutes_are_no_other_settings(tmp_path: Path) -> None:
    settings = ProfileSettings("onnxruntime", 1, load_space("mobile"), 1.0)
    assert settings.as_json() == replace(settings, minutes=9.0).as_json()


def test_a_machine_that_leaves_no_time_to_measure_is_an_error(tmp_path: Path) -> None:
    settings = ProfileSettings("onnxruntime", 1, load_space("mobilenetv3"), 0.2)
    journal = Journal(tmp_path / "journal.csv", settings.as_json())
    points = PointSource(settings.space, (), "fp32", ()).points(np.random.default_rng(0))
    waiting = Timing(np.zeros(9), runs=9, waited=1.0)

    class Overloaded:
        def time_each(self, archs: list[Arch], pace: Pace) -> Iterator[tuple[Timing, Timing]]:
            return ((waiting, waiting) for _ in archs)

    campaign = Profiler(settings, cast(PartTimer, Overloaded()), journal, ignore, 0.0)
    with pytest.raises(RuntimeUnavailableError, match="other processes held the cores"):
        campaign._time(PART, [next(points).whole] * MOST_UNTIMED)
    assert not journal.of(PART)
