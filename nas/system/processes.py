"""How many cores this process may use, and processes on them that end together.

Ctrl-C reaches every process of a terminal: the first one hears it and ends the others.
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
    """Cores that this process may run on; a container's CPU quota counts, rounded up."""
    if hasattr(os, "process_cpu_count"):  # since Python 3.13
        allowed = os.process_cpu_count()
    elif hasattr(os, "sched_getaffinity"):
        allowed = len(os.sched_getaffinity(0))
    else:
        allowed = os.cpu_count()
    return max(1, math.ceil(min(allowed or 1, cpu_quota(root))))


@contextmanager
def block_sigint() -> Iterator[None]:
    """Processes that begin in here never hear Ctrl-C; this one hears it a little later."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def exit_with_parent(parent: int) -> None:
    """End this process, whatever it does, soon after the one that began it has ended.

    A process that waits for work of a killed parent would wait for ever.
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
    """Processes that start with `begin`, and that nobody waits for where something is raised.

    Submit under `block_sigint`, which starts them.
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
            # here, since the pool's own exit would take back that others are cancelled
            made.shutdown(cancel_futures=True)
