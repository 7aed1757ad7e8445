"""Exports parts and networks in parallel, then times each one beside an anchor.

Export takes seconds and timing less, so all cores export the next few networks; nothing else runs
during timing. The anchor is a small network timed in the same rounds as everything else. Its drift
is divided out of the other times (`nas.devices.profile.journal`).
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from nas.deploy.export import FORMATS, Deployed, deploy, write
from nas.deploy.runtimes import Runtime, Session
from nas.devices.measure.run import load, open_session
from nas.devices.measure.timing import Pace, Timing, time_calls
from nas.errors import ExportError
from nas.space.arch import Arch
from nas.system.processes import block_sigint, cores, exit_with_parent, process_pool
from nas.system.progress import OnShare, ignore

ANCHOR = "mobilenetv3-small-0.5"
PART_PACE = Pace(warm_up_s=0.05, burst_s=0.02, rounds=9, at_most=2.0)
NETWORK_PACE = Pace(warm_up_s=0.2, burst_s=0.05, rounds=9, at_most=2.0)
SECONDS = 0.4
"""Shortest timing of a part."""

Timed = tuple[Timing, Timing] | ExportError
"""Timings of a network and of the anchor, or the error of its export."""


class PartTimer:
    """A runtime on this machine, a folder for the files it loads, and processes that export."""

    def __init__(
        self, runtime: Runtime, threads: int, folder: Path, seed: int, pool: Executor
    ) -> None:
        from nas import library

        self.runtime, self.threads, self.folder, self.pool = runtime, threads, folder, pool
        self.rng = np.random.default_rng(seed)
        self.written = 0
        self.anchor = self.load(deploy(library.load_arch(ANCHOR)))

    def load(self, deployed: Deployed) -> Session:
        """Export a network to the runtime's format, load it, and feed it noise."""
        return load(deployed, self._path(), self.runtime, self.threads, self.rng)

    def time_each(self, archs: Sequence[Arch], pace: Pace = PART_PACE) -> Iterator[Timed]:
        """Time networks in order, each beside the anchor, after all are exported."""
        paths = [self._path() for _ in archs]
        with block_sigint():
            jobs: list[Future[None]] = [
                self.pool.submit(_export, arch, self.runtime.format, path)
                for arch, path in zip(archs, paths, strict=True)
            ]
        failures = [job.exception() for job in jobs]
        for arch, path, failure in zip(archs, paths, failures, strict=True):
            if isinstance(failure, ExportError):
                yield failure
            elif failure is not None:
                raise failure
            else:
                session = open_session(path, arch.input, self.runtime, self.threads, self.rng)
                timing, anchor = self.time_all([session, self.anchor], pace)
                yield timing, anchor
            path.unlink(missing_ok=True)

    def time_all(
        self, sessions: Sequence[Session], pace: Pace, on_share: OnShare = ignore
    ) -> list[Timing]:
        """Time sessions in the same rounds."""
        return time_calls(
            [session.invoke for session in sessions],
            SECONDS * len(sessions) / 2,
            self.rng,
            one_thread=self.runtime.one_at_work(self.threads),
            pace=pace,
            on_share=on_share,
        )

    def _path(self) -> Path:
        """Return a new file name, since a runtime may map the file it has loaded."""
        self.written += 1
        return self.folder / f"{self.written}{FORMATS[self.runtime.format].suffix}"


@contextmanager
def part_timer(runtime: Runtime, threads: int, seed: int) -> Iterator[PartTimer]:
    """A timer with a temporary folder and a process on each core."""
    with (
        TemporaryDirectory(prefix="nas-profile-") as folder,
        process_pool(cores(), exit_with_parent, os.getpid()) as pool,
    ):
        yield PartTimer(runtime, threads, Path(folder), seed, pool)


def _export(arch: Arch, name: str, path: Path) -> None:
    """Export a network in a separate process."""
    write(deploy(arch), FORMATS[name], path)
