"""Worker processes that end together and block Ctrl-C."""

from __future__ import annotations

import os
import signal
import time

import pytest

from nas.system.processes import block_sigint, exit_with_parent, process_pool

pytestmark = pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="no signal masks")


def test_processes_that_begin_deaf_do_not_hear_and_this_one_does_again() -> None:
    with process_pool(1, exit_with_parent, os.getpid()) as processes:
        with block_sigint():
            blocked = processes.submit(signal.pthread_sigmask, signal.SIG_BLOCK, ())
        assert signal.SIGINT in blocked.result()
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())


def test_an_interrupted_pool_waits_for_nobody() -> None:
    with (
        pytest.raises(KeyboardInterrupt),
        process_pool(1, exit_with_parent, os.getpid()) as processes,
    ):
        waiting = [processes.submit(time.sleep, 600) for _ in range(3)]
        raise KeyboardInterrupt
    assert not any(
        each.done() and not each.cancelled() and not each.exception() for each in waiting
    )
