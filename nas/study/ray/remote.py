"""Run a sweep from this process or, through Ray Client, from the cluster's head.

Ray Tune and the store should be near the nodes. For `ray://` addresses a task on the head runs the
sweep and reports to this process; the paths of the sweep are then those of the cluster.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ray

from nas.errors import NasError
from nas.study.ray.connect import CLIENT, ON_HEAD, cluster
from nas.study.ray.driver import OnStatus, SweepDriver
from nas.study.sweep.cell_status import CellStatus
from nas.system.progress import OnMessage

POLL_S = 1.0


def run_at(
    driver: SweepDriver, address: str | None, on_status: OnStatus, on_message: OnMessage
) -> list[CellStatus]:
    """Run a sweep on the cluster at an address, or on one that is started on this machine.

    Raises:
        ClusterError: nothing answers at the address.
        NasError: as `SweepDriver`.
    """
    with cluster(address) as context:
        if url := getattr(context, "dashboard_url", ""):
            on_message(f"Ray's dashboard is at http://{url}")
        if address is None or not address.startswith(CLIENT):
            return driver(on_status, on_message)
        return _far(driver, on_status, on_message)


class _Messages:
    """An actor that keeps the reports of the head until this process reads them."""

    def __init__(self) -> None:
        self._last: Any = None
        self._notes: list[str] = []

    def on_status(self, statuses: Sequence[CellStatus], eta_s: float | None) -> None:
        self._last = (statuses, eta_s)

    def on_message(self, note: str) -> None:
        self._notes.append(note)

    def latest(self) -> tuple[Any, list[str]]:
        """The latest status, and the messages since the last call."""
        notes, self._notes = self._notes, []
        return self._last, notes


def _drive(driver: SweepDriver, news: Any) -> list[CellStatus] | NasError:
    def on_status(statuses: Sequence[CellStatus], eta_s: float | None) -> None:
        news.on_status.remote(list(statuses), eta_s)

    try:
        return driver(on_status, lambda note: news.on_message.remote(note))
    except NasError as error:
        return error


def _far(driver: SweepDriver, on_status: OnStatus, on_message: OnMessage) -> list[CellStatus]:
    news = ray.remote(_Messages).options(**ON_HEAD).remote()
    work = ray.remote(max_retries=0)(_drive).options(**ON_HEAD).remote(driver, news)
    try:
        while not ray.wait([work], timeout=POLL_S)[0]:
            _forward(news, on_status, on_message)
        _forward(news, on_status, on_message)
    except KeyboardInterrupt:
        ray.cancel(work)  # also interrupts the head
        raise
    found = ray.get(work)
    if isinstance(found, NasError):
        raise found
    statuses: list[CellStatus] = found
    return statuses


def _forward(news: Any, on_status: OnStatus, on_message: OnMessage) -> None:
    last, notes = ray.get(news.latest.remote())
    for note in notes:
        on_message(note)
    if last is not None:
        on_status(*last)
