"""Connect to a Ray cluster, on this machine or at an address, and count its free places."""

from __future__ import annotations

import logging
import math
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from threading import Thread
from typing import Any

import ray

from nas.errors import ClusterError, first_line
from nas.study.sweep.plan import Resources
from nas.system.processes import cores

LOCAL, AUTO, CLIENT = None, "auto", "ray://"
ON_HEAD = {"num_cpus": 0, "resources": {"node:__internal_head__": 0.001}}
"""Options of tasks that must run on the head node, by a resource that only it has."""
PROBE_S, CONNECT_S, CLIENT_S = 4.0, 10.0, 120.0
"""Longest wait in seconds for a port, a cluster, and a head that starts a client's process."""
CLIENT_TRIES = 3
"""Times that a client asks the head to start its process, which may die as it starts."""
NOT_STARTED = ConnectionAbortedError
"""What Ray raises if the head could not start the process of a client."""
QUIET: dict[str, Any] = {"logging_level": logging.ERROR, "log_to_driver": False}


@contextmanager
def cluster(address: str | None = LOCAL) -> Iterator[Any]:
    """Connect to Ray, or start it on this machine if there is no address; disconnect at the end.

    Raises:
        ClusterError: nothing answers at the address.
    """
    if address is LOCAL:
        # a new cluster even if one runs here; started by this thread, with which its processes end
        context = ray.init("local", num_cpus=cores(), include_dashboard=True, **QUIET)
    else:
        context = _connect(address)
    with redirect_stdout(sys.stderr):  # Ray prints there when nodes die
        try:
            yield context
        finally:
            ray.shutdown()


def _probe(address: str) -> None:
    """Check that something listens at an address."""
    host, _, port = address.removeprefix(CLIENT).rpartition(":")
    if not host or not port.isdecimal():
        raise ClusterError(f"--address {address}: expected auto, HOST:6379 or ray://HOST:10001")
    try:
        socket.create_connection((host, int(port)), timeout=PROBE_S).close()
    except (OSError, OverflowError) as error:
        raise ClusterError(f"--address {address}: nothing answers there: {error}") from None


def _connect(address: str) -> Any:
    """Connect to a cluster, with a shorter limit than the minutes that Ray would try."""
    if address != AUTO:
        _probe(address)
    seconds = CLIENT_S if address.startswith(CLIENT) else CONNECT_S
    found: list[Any] = []

    def connect() -> None:
        try:
            found.append(_init(address))
        except Exception as error:  # Ray raises various exceptions if there is no cluster
            found.append(error)

    thread = Thread(target=connect, daemon=True)
    thread.start()
    thread.join(seconds)
    if not found:
        raise ClusterError(f"--address {address}: no Ray cluster answers within {seconds:.0f} s")
    if isinstance(error := found[0], Exception):
        reason = first_line(error)
        if reason.endswith(":"):  # a client gets the head's error on the lines below
            reason += f" {str(error).strip().splitlines()[-1]}"
        if isinstance(error, NOT_STARTED):
            reason += f" (tried {CLIENT_TRIES} times)"
        raise ClusterError(f"--address {address}: {reason}") from None
    return found[0]


def _init(address: str) -> Any:
    """Connect; try again if the head could not start the process of this client.

    Ray needs half a minute to notice that a process has died.
    """
    for _ in range(CLIENT_TRIES - 1):
        with suppress(NOT_STARTED):
            return ray.init(address, **QUIET)
    return ray.init(address, **QUIET)


def n_slots(resources: Resources) -> int:
    """Number of trainings that the cluster can run at once, as it is now."""
    return sum(_of_node(node["Resources"], resources) for node in ray.nodes() if node["Alive"])


def _of_node(has: dict[str, float], wanted: Resources) -> int:
    counts = [has.get("CPU", 0.0) / wanted.cpus]
    if wanted.gpus:
        counts.append(has.get("GPU", 0.0) / wanted.gpus)
    return math.floor(min(counts) + 1e-9)


def check_capacity(resources: Resources) -> None:
    """Check that some node has the resources of one training.

    Raises:
        ClusterError: no node has them; the message lists what the nodes have.
    """
    if n_slots(resources):
        return
    nodes = [
        f"{node['Resources'].get('CPU', 0):g} CPUs and {node['Resources'].get('GPU', 0):g} GPUs"
        for node in ray.nodes()
        if node["Alive"]
    ]
    each = ", ".join(f"{nodes.count(kind)} x {kind}" for kind in sorted(set(nodes)))
    raise ClusterError(
        f"resources: a training needs {resources.cpus:g} CPUs and {resources.gpus:g} GPUs of one"
        f" node; the cluster has {each or 'no nodes'}"
    )
