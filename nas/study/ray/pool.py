"""Run jobs and the scores of `nas fidelity` on the nodes of a Ray cluster."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import ray
from ray.util.queue import Queue

from nas.errors import ClusterError, TrainingError, first_line
from nas.evaluate.fidelity.estimators import Estimator
from nas.evaluate.fidelity.job import Elsewhere, Fidelity
from nas.evaluate.fidelity.ranking import Score
from nas.space.arch import Arch
from nas.study.ray.connect import ON_HEAD, check_capacity, cluster
from nas.study.store import ATTEMPTS
from nas.study.sweep.plan import Resources
from nas.study.workers import Job, WorkerEvent, on_device, run_job
from nas.train.run import Task

ONLY = 0
"""Index of the only GPU that a process sees."""


class RayPool:
    """Worker processes on a cluster; one whose node dies is restarted on another node."""

    def __init__(self) -> None:
        self._queue = Queue(actor_options=ON_HEAD)
        self._running: dict[int, Any] = {}

    def start(self, index: int, job: Job) -> None:
        task = ray.remote(max_retries=0)(_work).options(**_options(job.task))
        self._running[index] = task.remote(job, index, self._queue)

    def succeeded(self, index: int) -> bool | None:
        ref = self._running[index]
        if not ray.wait([ref], timeout=0)[0]:
            return None
        try:
            ray.get(ref)
        except ray.exceptions.RayError:
            return False
        return True

    def events(self) -> Iterator[WorkerEvent]:
        yield from self._queue.get_nowait_batch(self._queue.qsize())

    def stop(self) -> None:
        for ref in self._running.values():
            ray.cancel(ref, force=True)
        self._queue.shutdown()


@contextmanager
def ray_pool(address: str, storage: str | None, task: Task) -> Iterator[RayPool]:
    """A worker pool for a task on the cluster at an address.

    Raises:
        ClusterError: nothing answers there, no node has the resources of one process, or the
            cluster has several machines and there is no shared storage.
    """
    with cluster(address):
        check_capacity(_resources(task))
        machines = {node["NodeManagerHostname"] for node in ray.nodes() if node["Alive"]}
        if len(machines) > 1 and storage is None:
            raise ClusterError(
                f"the cluster has {len(machines)} machines, which cannot share an SQLite file; give"
                " --storage, as postgresql://..."
            )
        yield RayPool()


def _work(job: Job, index: int, queue: Queue) -> None:
    run_job(on_device(job, ONLY), index, 1, queue.put)


def _resources(task: Task) -> Resources:
    """The resources of one process."""
    return Resources(cpus=1, gpus=int(task.setting.device.type == "cuda"))


def _options(task: Task) -> dict[str, float]:
    room = _resources(task)
    return {"num_cpus": room.cpus, "num_gpus": room.gpus}


def _score(job: Fidelity, estimator: Estimator, arch: Arch) -> Score:
    from nas.train.device import use_cores

    use_cores(1)
    own: Fidelity = on_device(job, ONLY)
    return own.score(estimator, arch)


@contextmanager
def scores_at(address: str, workers: int) -> Iterator[Elsewhere]:
    """Yield a function that computes scores, in order, with so many processes of a cluster.

    Raises:
        ClusterError: nothing answers at the address, or no node has the resources of one process.
        TrainingError: a network kills its processes, or the cluster has ended.
    """

    def found(job: Fidelity, asked: Sequence[tuple[Estimator, Arch]]) -> Iterator[Score]:
        check_capacity(_resources(job.task))
        # Ray computes a score again if its process or node dies
        made = ray.remote(max_retries=ATTEMPTS)(_score).options(**_options(job.task))
        shared, n_yielded = ray.put(job), 0
        refs: list[Any] = []
        for question in asked:
            if len(refs) >= workers:
                ray.wait(refs, num_returns=len(refs) - workers + 1)
            refs.append(made.remote(shared, *question))
            while n_yielded < len(refs) and ray.wait([refs[n_yielded]], timeout=0)[0]:
                yield _got(refs[n_yielded], asked[n_yielded][1])
                n_yielded += 1
        for ref, (_, arch) in zip(refs[n_yielded:], asked[n_yielded:], strict=True):
            yield _got(ref, arch)

    with cluster(address):
        yield found


def _got(ref: Any, arch: Arch) -> Score:
    try:
        score: Score = ray.get(ref)
        return score
    except ray.exceptions.RayTaskError:
        raise  # an error of the score itself
    except ray.exceptions.RayError as error:
        raise TrainingError(f"{arch.name}: {first_line(error)}") from None
