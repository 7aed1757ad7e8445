"""The number of usable cores, and worker processes that end together.

Ctrl-C reaches every process of a terminal. Worker processes block it; the main process handles it
and ends them.
"""

from __future__ import annotations

import math
import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import active_children, get_context
from pathlib import Path
from threading import Thread
from typing import Any

from nas.system.cgroups import ROOT, cpu_quota


def cores(root: Path = ROOT) -> int:
    """Number of cores that this process may use, at most a container's CPU quota, rounded up."""
    if hasattr(os, "process_cpu_count"):  # since Python 3.13
        allowed = os.process_cpu_count()
    elif hasattr(os, "sched_getaffinity"):
        allowed = len(os.sched_getaffinity(0))
    else:
        allowed = os.cpu_count()
    return max(1, math.ceil(min(allowed or 1, cpu_quota(root))))


@contextmanager
def block_sigint() -> Iterator[None]:
    """Block Ctrl-C: processes started in the block never get it, this one after the block."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def exit_with_parent(parent: int) -> None:
    """Exit this process within about a second after its parent process has ended.

    Otherwise a worker of a killed parent would wait for work for ever.
    """

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    Thread(target=watch, daemon=True).start()


@contextmanager
def process_pool(
    workers: int, begin: Callable[..., None], *arguments: Any
) -> Iterator[ProcessPoolExecutor]:
    """Worker processes that first call `begin`; an exception in the block ends them at once.

    Submit work in a block of `block_sigint`, since submitting starts the processes.
    """
    spawn = get_context("spawn")  # torch's threads do not survive a fork
    with ProcessPoolExecutor(workers, spawn, begin, arguments) as made:
        try:
            yield made
        except BaseException:
            for process in active_children():
                process.terminate()
            raise
        finally:
            # here, since the executor's own exit would not cancel the waiting work
            made.shutdown(cancel_futures=True)
