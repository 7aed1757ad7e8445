"""One part or network at a time: exported, loaded and timed against an anchor.

The anchor is one small network that is timed in the same rounds as everything else; what it drifts
by is divided out of the rest (`nas.profile.journal`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import numpy as np

from nas.arch import Arch
from nas.export import FORMATS, Deployed, deploy, write
from nas.measure.timing import Pace, Timing, time_calls
from nas.runtimes import Runtime, Session

ANCHOR = "mobilenetv3-small-0.5"
PART_PACE = Pace(warm_up_s=0.05, burst_s=0.02, rounds=9, at_most=2.0)
NETWORK_PACE = Pace(warm_up_s=0.2, burst_s=0.05, rounds=9, at_most=2.0)
SECONDS = 0.4
"""Of timing, at least, per part."""


@dataclass(frozen=True, slots=True)
class Timed:
    """A timing, the anchor's beside it, and the seconds that both took, with the export."""

    timing: Timing
    anchor_ms: float
    seconds: float


class Bench:
    """A runtime on this machine, with a folder for the files it loads."""

    def __init__(self, runtime: Runtime, threads: int, folder: Path, seed: int) -> None:
        from nas import library

        self.runtime, self.threads, self.folder = runtime, threads, folder
        self.rng = np.random.default_rng(seed)
        self.anchor = self.load(deploy(library.load_arch(ANCHOR)))

    def load(self, deployed: Deployed) -> Session:
        """Write the network in the runtime's format, load it, and feed it noise."""
        form = FORMATS[self.runtime.format]
        path = self.folder / f"part{form.suffix}"
        write(deployed, form, path)
        session = self.runtime.load(path, self.threads)
        shape = (1, *deployed.arch.input)
        session.feed(self.rng.standard_normal(shape, dtype=np.float32))
        return session

    def time(self, arch: Arch, pace: Pace = PART_PACE) -> Timed:
        """One network.

        Raises:
            ExportError: it cannot be written for the runtime.
        """
        start = perf_counter()
        session = self.load(deploy(arch))
        timing, anchor = self.time_all([session, self.anchor], pace)
        return Timed(timing, anchor.ms, perf_counter() - start)

    def time_all(self, sessions: Sequence[Session], pace: Pace = PART_PACE) -> list[Timing]:
        """Sessions in the same rounds."""
        return time_calls(
            [session.invoke for session in sessions],
            SECONDS * len(sessions) / 2,
            self.rng,
            one_thread=self.threads == 1 and self.runtime.name != "torch-cuda",
            pace=pace,
        )
