"""A Ray cluster: this machine's own, or one that runs at an address; what it has room for."""

from __future__ import annotations

import logging
import math
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from threading import Thread
from typing import Any

import ray

from nas.errors import ClusterError, first_line
from nas.study.sweep.plan import Resources
from nas.system.processes import cores

LOCAL, AUTO, CLIENT = None, "auto", "ray://"
ON_HEAD = {"num_cpus": 0, "resources": {"node:__internal_head__": 0.001}}
"""Options of what must live as long as the cluster: a resource that only the head has."""
PROBE_S, CONNECT_S, CLIENT_S = 4.0, 10.0, 60.0
"""Longest that a port, a cluster, and a head that starts a process for a client may be silent."""
QUIET: dict[str, Any] = {"logging_level": logging.ERROR, "log_to_driver": False}


@contextmanager
def cluster(address: str | None = LOCAL) -> Iterator[Any]:
    """Ray, started on this machine if there is no address; let go of at the end.

    Raises:
        ClusterError: nothing answers at the address.
    """
    if address is LOCAL:
        # a new one, whatever runs here already; begun by this thread, with which its processes die
        context = ray.init("local", num_cpus=cores(), include_dashboard=True, **QUIET)
    else:
        context = _connect(address)
    with redirect_stdout(sys.stderr):  # Ray tells there of nodes that died, to the last
        try:
            yield context
        finally:
            ray.shutdown()


def _probe(address: str) -> None:
    """That something listens there at all."""
    host, _, port = address.removeprefix(CLIENT).rpartition(":")
    if not host or not port.isdecimal():
        raise ClusterError(f"--address {address}: expected auto, HOST:6379 or ray://HOST:10001")
    try:
        socket.create_connection((host, int(port)), timeout=PROBE_S).close()
    except (OSError, OverflowError) as error:
        raise ClusterError(f"--address {address}: nothing answers there: {error}") from None


def _connect(address: str) -> Any:
    """Ray's own connecting, which would try for minutes."""
    if address != AUTO:
        _probe(address)
    seconds = CLIENT_S if address.startswith(CLIENT) else CONNECT_S
    found: list[Any] = []

    def connect() -> None:
        try:
            found.append(ray.init(address, **QUIET))
        except Exception as error:  # whatever Ray raises where no cluster is
            found.append(error)

    thread = Thread(target=connect, daemon=True)
    thread.start()
    thread.join(seconds)
    if not found:
        raise ClusterError(f"--address {address}: no Ray cluster answers within {seconds:.0f} s")
    if isinstance(found[0], Exception):
        reason = first_line(found[0])
        if reason.endswith(":"):  # a client is told what the head said on the lines below
            reason += f" {str(found[0]).strip().splitlines()[-1]}"
        raise ClusterError(f"--address {address}: {reason}") from None
    return found[0]


def n_slots(resources: Resources) -> int:
    """Trainings that the cluster has room for at once, as it is now."""
    return sum(_of_node(node["Resources"], resources) for node in ray.nodes() if node["Alive"])


def _of_node(has: dict[str, float], wanted: Resources) -> int:
    rooms = [has.get("CPU", 0.0) / wanted.cpus]
    if wanted.gpus:
        rooms.append(has.get("GPU", 0.0) / wanted.gpus)
    return math.floor(min(rooms) + 1e-9)


def check_capacity(resources: Resources) -> None:
    """Refuse what no node of the cluster can ever do.

    Raises:
        ClusterError: naming what its nodes have.
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
        f"resources: a training is to have {resources.cpus:g} CPUs and {resources.gpus:g} GPUs of"
        f" one node; the cluster has {each or 'no nodes'}"
    )
