"""`nas profile`: measures for the given time, and makes a device.

It measures which ops are fused; then parts of networks where the model is least certain; then whole
networks that correct the model; last whole networks that only evaluate it. The journal holds every
measurement and determines the next one, so an interrupted profile resumes where it stopped.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from time import perf_counter

import numpy as np

from nas.deploy.runtimes import RUNTIMES
from nas.devices.measure.timing import Timing
from nas.devices.profile.design import CandidateParts
from nas.devices.profile.fit import first_guess, fit_costs
from nas.devices.profile.fusion import fused, measure_fusion
from nas.devices.profile.journal import (
    FUSION,
    HELD_OUT,
    PART,
    ROLES,
    WHOLE,
    Journal,
    JournalEntry,
    busy_machine,
)
from nas.devices.profile.part_timer import NETWORK_PACE, PART_PACE, PartTimer, part_timer
from nas.devices.profile.parts import Key, Part, PointSource
from nas.devices.profile.result import Profile, ProfileSettings, as_samples, write_profile
from nas.errors import ExportError, RuntimeUnavailableError, check_names
from nas.files.staging import StagedDir, check_no_link, check_not_shipped, writing
from nas.latency.kernels import BYTES
from nas.latency.residual import LANES
from nas.library import archs_in
from nas.system.environment import vector_bits
from nas.system.progress import OnMessage, OnProgress, ignore, part_of

POOL = 60
"""Points whose parts may be measured, and whose latencies should become certain."""
BATCH = 12
"""Parts chosen at a time, between two fits of the model."""
SHARES = {PART: 0.4, WHOLE: 0.3, HELD_OUT: 0.3}
"""Role -> share of the time."""
BEFORE = {PART: 0.0, WHOLE: SHARES[PART], HELD_OUT: SHARES[PART] + SHARES[WHOLE]}
"""Role -> share of the time that is over when it begins."""
NAMES = {PART: "parts", WHOLE: "networks", HELD_OUT: "networks left out of the fit"}
"""Role -> what is measured, in words."""
FUSION_SHARE = 0.06
"""Share of the progress that finding out what is fused takes."""
LEAST = {PART: BATCH, WHOLE: 2, HELD_OUT: 4}
"""Role -> measurements made even if the time is too short."""
TOGETHER = 4
"""Networks exported at a time."""
MOST_NETWORKS = 1000
"""Points drawn for a role, at most; a small space has fewer."""
MOST_REFUSED = 20
"""Parts that the format may refuse before the profile fails."""
MOST_UNTIMED = 20
"""Timings in a row that may be nothing but waiting for a core before that is an error."""


def profile(
    settings: ProfileSettings,
    out: Path,
    *,
    force: bool = False,
    on_progress: OnProgress = ignore,
    on_message: OnMessage = ignore,
) -> Profile:
    """Measure, fit and write the device folder `out`.

    Raises:
        UnknownNameError: the runtime does not exist.
        MissingExtraError: the runtime is not installed.
        RuntimeUnavailableError: this machine lacks hardware that the runtime needs.
        ResultError: `out` exists, cannot be written or has the name of a shipped device, another
            process writes it, or a profile of other settings was stopped there.
        ExportError: networks cannot be exported to the runtime's format.
        RuntimeUnavailableError: other processes leave no time to measure.
    """
    check_names("runtime", [settings.runtime], RUNTIMES)
    check_not_shipped("device", out)
    with StagedDir(out.parent, out.name, force=force) as draft:
        path = check_no_link(out.parent / f".{out.name}.profile") / "journal.csv"
        found = _measured(settings, path, on_progress, on_message, force=force)
        write_profile(draft.folder, out, found)
        shutil.copy(path, draft.folder / path.name)
        draft.commit()
        path.unlink()
        path.parent.rmdir()
    return found


def _measured(
    settings: ProfileSettings,
    path: Path,
    on_progress: OnProgress,
    on_message: OnMessage,
    *,
    force: bool,
) -> Profile:
    """Read the journal, measure the rest, and fit."""
    start, runtime = perf_counter(), RUNTIMES[settings.runtime]
    with writing(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
    journal = Journal(path, settings.as_json(), force=force)
    on_progress("converting the first network", 0.0)
    with part_timer(runtime, settings.threads, settings.seed) as bench:
        return Profiler(settings, bench, journal, on_progress, start, on_message).measure()


@dataclass
class Profiler:
    """Measures for one profile and records everything in the journal."""

    settings: ProfileSettings
    bench: PartTimer
    journal: Journal
    on_progress: OnProgress
    clock: float
    """When the last entry was made."""
    on_message: OnMessage = ignore
    refused: set[Key] = field(default_factory=set)
    """Parts that cannot be exported."""
    untimed: int = 0
    """Timings in a row that were nothing but waiting for a core."""

    def measure(self) -> Profile:
        """Measure until the time is over, and fit."""
        if not self.journal.of(PART):  # else a kill may have cut it short
            self._fusion()
        fusion = {entry.name: entry.ms for entry in self.journal.of(FUSION)}
        space, precision = self.settings.space, self.bench.runtime.precision
        bits = vector_bits()
        lanes = bits // (8 * BYTES[precision]) if bits else LANES
        self.source = PointSource(space, archs_in(space), precision, fused(fusion), lanes)
        rng = self._rng(PART)
        self.candidates = CandidateParts(list(islice(self.source.points(rng), POOL)), rng)
        self._parts()
        self._networks(WHOLE)
        self._networks(HELD_OUT)
        return Profile(
            self.settings, fusion, self.source, self.candidates.kernels, self.journal.entries
        )

    def _rng(self, role: str) -> np.random.Generator:
        return np.random.default_rng([self.settings.seed, ROLES.index(role)])

    def _lap(self) -> float:
        """Return the seconds since the last entry, preparation included."""
        start, self.clock = self.clock, perf_counter()
        return self.clock - start

    def _fusion(self) -> None:
        shares = measure_fusion(self.bench, part_of(self.on_progress, 0.0, FUSION_SHARE))
        seconds = self._lap() / len(shares)
        for op, share in shares.items():
            self.journal.add(JournalEntry(FUSION, op, 0, 0, share, 0, 0, 0, 1.0, seconds, ""))

    def _parts(self) -> None:
        """Measure the parts that reduce the variance of the latencies most per second."""
        while self._time_left(PART):
            done = {entry.key: entry.sd for entry in self.journal.of(PART)}
            self._report(PART, "choosing")
            samples = as_samples(self.source, self.journal.of(PART))
            model = (
                fit_costs(samples, self.candidates.kernels)
                if len(samples) >= BATCH
                else first_guess()
            )
            chosen = self.candidates.choose(model, done, self.refused, BATCH)
            if not chosen:
                return
            first = not done
            self._time(PART, chosen)
            if first and (note := busy_machine(self.journal.entries)):
                self.on_message(note)

    def _networks(self, role: str) -> None:
        """Measure whole networks that no other role has seen."""
        done = {entry.key for entry in self.journal.of(WHOLE, HELD_OUT)}
        points = islice(self.source.points(self._rng(role)), MOST_NETWORKS)
        fresh: dict[Key, Part] = {}
        for point in points:
            if not self._time_left(role):
                return
            if point.whole.key not in done:
                fresh[point.whole.key] = point.whole
            if len(fresh) == TOGETHER:
                self._time(role, list(fresh.values()))
                done |= set(fresh)
                fresh.clear()
        self._time(role, list(fresh.values()))

    def _time_left(self, role: str) -> bool:
        """Whether another measurement fits, if it takes as long as those before."""
        self._report(role, "timing")
        entries, seconds = self.journal.of(role), self.journal.seconds(role)
        another = seconds / len(entries) if entries else 0
        return len(entries) < LEAST[role] or seconds + another <= self._planned_s(role)

    def _planned_s(self, role: str) -> float:
        """Seconds planned for a role's measurements."""
        return SHARES[role] * (60 * self.settings.minutes - self.journal.seconds(FUSION))

    def _report(self, role: str, doing: str) -> None:
        """Report progress by the time that a role has taken, and what is done now."""
        count, seconds = len(self.journal.of(role)), self.journal.seconds(role)
        planned_s = self._planned_s(role)
        over = min(1.0, count / LEAST[role], seconds / planned_s if planned_s > 0 else 1.0)
        measuring = part_of(self.on_progress, FUSION_SHARE, 1.0)
        measuring(f"{doing} {NAMES[role]}, {count} timed", BEFORE[role] + SHARES[role] * over)

    def _time(self, role: str, parts: Sequence[Part]) -> None:
        """Measure these parts until the time is over."""
        pace = PART_PACE if role == PART else NETWORK_PACE
        archs = [part.arch for part in parts]
        self._report(role, "converting")
        for part, timed in zip(parts, self.bench.time_each(archs, pace), strict=True):
            if isinstance(timed, ExportError):
                if len(self.refused) >= MOST_REFUSED:
                    raise timed
                self.refused.add(part.key)
            elif timed[0].interval_ms[0] > 0:
                self._add(role, part, *timed)
                self.untimed = 0
            else:
                self._wait_out()
            if not self._time_left(role):
                return

    def _wait_out(self) -> None:
        """Drop a timing that holds nothing but waiting for a core; the part is timed again later.

        Raises:
            RuntimeUnavailableError: every timing of late was like that.
        """
        self.untimed += 1
        if self.untimed >= MOST_UNTIMED:
            raise RuntimeUnavailableError(
                f"{self.settings.runtime}: other processes held the cores during the last"
                f" {MOST_UNTIMED} timings; stop them and run the same command to resume"
            )

    def _add(self, role: str, part: Part, timing: Timing, anchor: Timing) -> None:
        ends = timing.ms, *timing.interval_ms
        entry = (*part.key, *ends, timing.runs, anchor.ms, self._lap(), timing.noise)
        self.journal.add(JournalEntry(role, *entry))
