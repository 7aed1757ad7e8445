"""Run a sweep from this process or, through Ray Client, from the cluster's head.

Ray Tune and the store should be near the nodes. For `ray://` addresses a task on the head runs the
sweep and reports to this process; the paths of the sweep are then those of the cluster.
"""

from __future__ import annotations

from collections.abc import Sequence

import ray
from ray.util.queue import Queue

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


def _drive(driver: SweepDriver, events: Queue) -> list[CellStatus] | NasError:
    """Run a sweep on the head; its events are a message, or statuses and the seconds left."""

    def on_status(statuses: Sequence[CellStatus], eta_s: float | None) -> None:
        events.put((statuses, eta_s))

    try:
        return driver(on_status, events.put)
    except NasError as error:
        return error


def _far(driver: SweepDriver, on_status: OnStatus, on_message: OnMessage) -> list[CellStatus]:
    events = Queue(actor_options=ON_HEAD)
    work = ray.remote(max_retries=0)(_drive).options(**ON_HEAD).remote(driver, events)
    try:
        while not ray.wait([work], timeout=POLL_S)[0]:
            _forward(events, on_status, on_message)
        _forward(events, on_status, on_message)
    except KeyboardInterrupt:
        ray.cancel(work)  # also interrupts the head
        raise
    found = ray.get(work)
    if isinstance(found, NasError):
        raise found
    statuses: list[CellStatus] = found
    return statuses


def _forward(events: Queue, on_status: OnStatus, on_message: OnMessage) -> None:
    for event in events.get_nowait_batch(events.qsize()):
        if isinstance(event, str):
            on_message(event)
        else:
            on_status(*event)
