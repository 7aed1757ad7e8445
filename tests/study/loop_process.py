"""A process that runs a trial loop with a cheap accuracy; tests start and kill it.

python loop_process.py FOLDER TRIALS STRATEGY SECONDS [URL STUDY]
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import closing
from functools import partial
from pathlib import Path

from nas.library import load_space
from nas.optimize.limits import Limits
from nas.optimize.run import pricing_of
from nas.optimize.strategies import STRATEGIES
from nas.optimize.strategies.problem import problem_of
from nas.space.arch import Arch
from nas.study import database, store
from nas.study.database import Database
from nas.study.loop import POLL_S, TrialLoop
from nas.study.record import Record
from nas.study.store import Store

SPACE = "accel-nasbench"


def accuracy(arch: Arch) -> float:
    """An accuracy that rises with the parameters and varies with the kernel sizes."""
    kernels = sum(index * row.k for index, row in enumerate(arch.rows) if hasattr(row, "k"))
    return float(arch.params / 1e5 + kernels % 7)


def run_loop(
    folder: Path,
    trials: int,
    strategy: str,
    seconds: float = 0.0,
    url: str | None = None,
    study: str = "proxy",
) -> list[Record]:
    """Run all trials; write a line to `evaluated.txt` for each evaluation."""
    space = load_space(SPACE)
    pricing = pricing_of(space, "pixel1-cpu", "imagenet")
    problem = problem_of(pricing, Limits((30.0,), (1.0,)), estimate=False)
    assert 0 < problem.within(space.layered.sample(500, np_rng())).mean() < 1

    def evaluate(record: Record, arch: Arch) -> tuple[float]:
        assert pricing.device.predict(arch).ms <= 30
        time.sleep(seconds)
        with (folder / "evaluated.txt").open("a") as file:
            file.write(f"{os.getpid()} {record.number} {arch.arch_id}\n")
        return (accuracy(arch),)

    with closing(Database(folder, url)) as database:
        own = Store(database, study)
        loop = TrialLoop(own, space, STRATEGIES[strategy](problem), (), trials)
        for claimed in loop.next_trials():
            if claimed:
                own.work(claimed[0], partial(evaluate, *claimed))
            else:
                time.sleep(POLL_S)
        return own.records()


def np_rng() -> object:
    import numpy as np

    return np.random.default_rng(0)


if __name__ == "__main__":
    database.BEAT_S, database.SILENT_S = 1, 3  # what is silent is noticed at once
    store.ATTEMPTS = 100  # it is not the network that kills its process
    folder, trials, strategy, seconds, *url = sys.argv[1:]
    run_loop(Path(folder), int(trials), strategy, float(seconds), *url)
