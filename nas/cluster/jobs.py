"""Other work on a cluster's nodes: jobs that meet in a store, and scores of `nas fidelity`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import ray
from ray.util import ActorPool
from ray.util.queue import Queue

from nas.arch import Arch
from nas.cluster.connect import ON_HEAD, cluster
from nas.errors import ClusterError
from nas.fidelity.judges import Judge
from nas.fidelity.ranking import Score
from nas.fidelity.run import Elsewhere, Fidelity
from nas.study.workers import Job, News, work


class Crew:
    """Processes of a cluster; one whose node dies begins again elsewhere."""

    def __init__(self) -> None:
        self._queue = Queue(actor_options=ON_HEAD)
        self._running: dict[int, Any] = {}

    def begin(self, index: int, job: Job) -> None:
        task = ray.remote(max_retries=0)(_work).options(**_room(job.task))
        self._running[index] = task.remote(job, index, self._queue)

    def ended(self, index: int) -> bool | None:
        ref = self._running[index]
        if not ray.wait([ref], timeout=0)[0]:
            return None
        try:
            ray.get(ref)
        except ray.exceptions.RayError:
            return False
        return True

    def news(self) -> Iterator[News]:
        yield from self._queue.get_nowait_batch(self._queue.qsize())

    def end(self) -> None:
        for ref in self._running.values():
            ray.cancel(ref, force=True)
        self._queue.shutdown()


@contextmanager
def crew(address: str, storage: str | None) -> Iterator[Crew]:
    """A crew on the cluster at an address.

    Raises:
        ClusterError: nothing answers there, or workers of several machines could not meet.
    """
    with cluster(address):
        machines = {node["NodeManagerHostname"] for node in ray.nodes() if node["Alive"]}
        if len(machines) > 1 and storage is None:
            raise ClusterError(
                f"the cluster has {len(machines)} machines, which do not meet in an SQLite file;"
                " give --storage, as postgresql://..."
            )
        yield Crew()


def _work(job: Job, index: int, queue: Queue) -> None:
    work(job, index, 1, queue.put)


def _room(task: Any) -> dict[str, int]:
    """What a process is given of a node."""
    return {"num_cpus": 1, "num_gpus": int(task.setting.device.type == "cuda")}


class _Judge:
    """Scores networks on a node."""

    def __init__(self, job: Fidelity) -> None:
        from nas.train.place import use_cores

        use_cores(1)
        self._job = job

    def score(self, judge: Judge, arch: Arch) -> Score:
        return self._job.score(judge, arch)


def scores(workers: int) -> Elsewhere:
    """Scores in order by so many processes of the cluster that this one is connected to."""

    def found(job: Fidelity, asked: Sequence[tuple[Judge, Arch]]) -> Iterator[Score]:
        # a score is computed again where its node dies
        made = ray.remote(max_restarts=-1, max_task_retries=-1)(_Judge).options(**_room(job.task))
        pool = ActorPool([made.remote(job) for _ in range(workers)])
        yield from pool.map(lambda own, question: own.score.remote(*question), asked)

    return found
