"""Processes that end together, and that Ctrl-C does not reach."""

from __future__ import annotations

import os
import signal
import time

import pytest

from nas.system.processes import deaf, end_with, pool

pytestmark = pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="no signal masks")


def test_processes_that_begin_deaf_do_not_hear_and_this_one_does_again() -> None:
    with pool(1, end_with, os.getpid()) as processes:
        with deaf():
            blocked = processes.submit(signal.pthread_sigmask, signal.SIG_BLOCK, ())
        assert signal.SIGINT in blocked.result()
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())


def test_an_interrupted_pool_waits_for_nobody() -> None:
    with pytest.raises(KeyboardInterrupt), pool(1, end_with, os.getpid()) as processes:
        waiting = [processes.submit(time.sleep, 600) for _ in range(3)]
        raise KeyboardInterrupt
    assert not any(
        each.done() and not each.cancelled() and not each.exception() for each in waiting
    )
