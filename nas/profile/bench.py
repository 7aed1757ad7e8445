"""One part or network at a time: exported, loaded and timed against an anchor.

The anchor is one small network that is timed in the same rounds as everything else; what it drifts
by is divided out of the rest (`nas.profile.journal`).
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from nas.arch import Arch
from nas.export import FORMATS, Deployed, deploy
from nas.measure.run import load
from nas.measure.timing import Pace, Timing, time_calls
from nas.runtimes import Runtime, Session

ANCHOR, PART = "mobilenetv3-small-0.5", "part"
PART_PACE = Pace(warm_up_s=0.05, burst_s=0.02, rounds=9, at_most=2.0)
NETWORK_PACE = Pace(warm_up_s=0.2, burst_s=0.05, rounds=9, at_most=2.0)
SECONDS = 0.4
"""Of timing, at least, per part."""


class Bench:
    """A runtime on this machine, with a folder for the files it loads."""

    def __init__(self, runtime: Runtime, threads: int, folder: Path, seed: int) -> None:
        from nas import library

        self.runtime, self.threads, self.folder = runtime, threads, folder
        self.rng = np.random.default_rng(seed)
        self.anchor = self.load(deploy(library.load_arch(ANCHOR)), ANCHOR)

    def load(self, deployed: Deployed, name: str) -> Session:
        """Write the network in the runtime's format, load it, and feed it noise.

        A runtime may map the file it loads, so a name is not used again while its session lives.
        """
        path = self.folder / name / f"network{FORMATS[self.runtime.format].suffix}"
        path.parent.mkdir()
        return load(deployed, path, self.runtime, self.threads, self.rng)

    def time(self, arch: Arch, pace: Pace = PART_PACE) -> list[Timing]:
        """One network, and the anchor beside it.

        Raises:
            ExportError: it cannot be written for the runtime.
        """
        try:
            return self.time_all([self.load(deploy(arch), PART), self.anchor], pace)
        finally:
            shutil.rmtree(self.folder / PART, ignore_errors=True)

    def time_all(self, sessions: Sequence[Session], pace: Pace) -> list[Timing]:
        """Sessions in the same rounds."""
        return time_calls(
            [session.invoke for session in sessions],
            SECONDS * len(sessions) / 2,
            self.rng,
            one_thread=self.runtime.one_at_work(self.threads),
            pace=pace,
        )
