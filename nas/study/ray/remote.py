"""Where a sweep is driven from: this process, or, through Ray Client, the cluster's head.

Ray Tune and the store belong near the nodes. At `ray://` a task on the head does it all, and this
process only hears of it; the paths of the sweep are then the cluster's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ray

from nas.errors import NasError
from nas.study.ray.connect import CLIENT, ON_HEAD, cluster
from nas.study.ray.drive import Drive, OnStatus
from nas.study.sweep.standing import Standing
from nas.system.progress import OnMessage

LOOK_S = 1.0


def drive_at(
    drive: Drive, address: str | None, on_status: OnStatus, on_message: OnMessage
) -> list[Standing]:
    """Run a sweep on the cluster at an address, or on one of this machine that is begun for it.

    Raises:
        ClusterError: nothing answers there.
        NasError: as the drive.
    """
    with cluster(address) as context:
        if url := getattr(context, "dashboard_url", ""):
            on_message(f"Ray's dashboard is at http://{url}")
        if address is None or not address.startswith(CLIENT):
            return drive(on_status, on_message)
        return _far(drive, on_status, on_message)


class _News:
    """What the head says, for whoever asks."""

    def __init__(self) -> None:
        self._last: Any = None
        self._notes: list[str] = []

    def on_status(self, standings: Sequence[Standing], eta_s: float | None) -> None:
        self._last = (standings, eta_s)

    def on_message(self, note: str) -> None:
        self._notes.append(note)

    def latest(self) -> tuple[Any, list[str]]:
        """The last that was told, and every note since it was asked."""
        notes, self._notes = self._notes, []
        return self._last, notes


def _drive(drive: Drive, news: Any) -> list[Standing] | NasError:
    def on_status(standings: Sequence[Standing], eta_s: float | None) -> None:
        news.on_status.remote(list(standings), eta_s)

    try:
        return drive(on_status, lambda note: news.on_message.remote(note))
    except NasError as error:
        return error


def _far(drive: Drive, on_status: OnStatus, on_message: OnMessage) -> list[Standing]:
    news = ray.remote(_News).options(**ON_HEAD).remote()
    work = ray.remote(max_retries=0)(_drive).options(**ON_HEAD).remote(drive, news)
    try:
        while not ray.wait([work], timeout=LOOK_S)[0]:
            _forward(news, on_status, on_message)
        _forward(news, on_status, on_message)
    except KeyboardInterrupt:
        ray.cancel(work)  # Ctrl-C there, too
        raise
    found = ray.get(work)
    if isinstance(found, NasError):
        raise found
    standings: list[Standing] = found
    return standings


def _forward(news: Any, on_status: OnStatus, on_message: OnMessage) -> None:
    last, notes = ray.get(news.latest.remote())
    for note in notes:
        on_message(note)
    if last is not None:
        on_status(*last)
