"""How many cores this process may use, and processes on them that end together."""

from __future__ import annotations

import os
import time
from threading import Thread


def cores() -> int:
    """Those that it may run on, where the system tells; else those of the machine."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def end_with(parent: int) -> None:
    """End this process, whatever it does, soon after the one that began it has ended.

    A process that waits for work of a killed parent would wait for ever.
    """

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    Thread(target=watch, daemon=True).start()
