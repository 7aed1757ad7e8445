"""Simulate a sweep with virtual workers, to see whether the dispatcher keeps up.

The dispatcher, strategies, store and schedulers are real, and their time is measured. Trainings are
looked up in benchmarks with known accuracies, and take a given time on a virtual clock. The clock
moves to the next event of a worker, and by the time that this process really needs.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import closing
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from ray.tune.schedulers import TrialScheduler

from nas.evaluate.bench.benchmark import load_benchmark
from nas.optimize.strategies import DEFAULT
from nas.study.database import Database
from nas.study.loop import code_of
from nas.study.ray.trainable import EPOCH, TOP1
from nas.study.ray.tune import DispatcherSearcher, PerCellScheduler
from nas.study.sweep.dispatcher import Dispatcher
from nas.study.sweep.plan import Cell, Data, Scheduler, Sweep
from nas.study.sweep.runner import CellRunner, PendingSearch
from nas.system.progress import OnProgress, ignore
from nas.train.data import load_data
from nas.train.recipe import load_recipe
from nas.train.run import Task

SPACES = ("accel-nasbench", "ofa-mobilenetv3")
DEVICE, BUDGETS_MS = "pixel1-cpu", (88.0, 95.0, 100.0)
EPOCHS = 4
SPREAD = 0.3
"""Standard deviation of the logarithm of an epoch's time."""
HALFWAY = 1.5
"""Epochs until a network reaches half of its final accuracy."""
NOISE = 0.3
"""Standard deviation of an accuracy during training, in points."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Utilisation of the workers."""

    workers: int
    trials: int
    stopped: int
    epochs: int
    busy: float
    """Busy share of all workers' time, from the first assignment to the last end."""
    busy_while_full: float
    """The same, from when every worker has had a trial until fewer candidates than workers are
    left."""
    asking_ms: float
    """Time of this process per trial to ask the strategy and claim the trial."""
    telling_ms: float
    """Time of this process per trial to schedule and store its results."""
    virtual_s: float
    seconds: float
    """Total time of this process."""


class _SimulatedCell(CellRunner):
    """A cell that ends without a result folder, since nothing was trained."""

    def _finish(self) -> None:
        self._end("done")


def _answer(found: PendingSearch) -> Callable[..., PendingSearch]:
    return lambda *_: found


def _found(sweep: Sweep, cell: Cell) -> PendingSearch:
    """A cell's search, done before the clock starts, as a node would do it."""
    future: PendingSearch = Future()
    future.set_result(sweep.request(cell).run_search())
    return future


@dataclass(eq=False)
class _Training:
    """A training on a virtual worker."""

    trial: Any
    epoch_s: float
    top1s: Sequence[float]
    n_reported: int = 0


@dataclass(eq=False)
class Simulation:
    """Virtual workers with a real dispatcher."""

    folder: Path
    workers: int
    trials: int
    """Of each cell."""
    seconds: float = 60.0
    """Of one training to its end, on average."""
    strategy: str = DEFAULT
    scheduler: str = "asha"
    seed: int = 0
    on_progress: OnProgress = ignore

    def run(self) -> Usage:
        """Until all cells have ended."""
        began = time.perf_counter()
        sweep = Sweep(
            "simulated",
            (DEVICE,),
            Data("digits"),
            {DEVICE: BUDGETS_MS},
            spaces=SPACES,
            strategies=(self.strategy,),
            seeds=(self.seed,),
            epochs=EPOCHS,
            trials=self.trials,
            finalists=1,
            final_seeds=1,
            scheduler=Scheduler(self.scheduler),
        )
        task = Task(load_data("digits"), load_recipe("proxy"))
        with closing(Database(self.folder, sole=True)) as database:
            cells = sweep.cells()
            found = {cell: _found(sweep, cell) for cell in cells}
            runners = [
                _SimulatedCell(sweep, cell, task, self.folder, database, (), _answer(own), ignore)
                for cell, own in found.items()
            ]
            self._dispatcher = Dispatcher(runners, self.folder)
            self._searcher = DispatcherSearcher(self._dispatcher, lambda: self.workers)
            self._scheduler = PerCellScheduler(sweep.scheduler, EPOCHS, self._searcher)
            self._work(len(cells) * (self.trials + 1))
        return self._usage(time.perf_counter() - began)

    def _work(self, wanted: int) -> None:
        """Assign all available trials, handle the next result, and repeat, as Ray Tune does."""
        self._benchmarks = {name: load_benchmark(name) for name in SPACES}
        self._rng = np.random.default_rng(self.seed)
        self._clock, self._asking_s, self._telling_s = 0.0, 0.0, 0.0
        self._due: list[tuple[float, str]] = []
        self._at_work: dict[str, _Training] = {}
        self._trained: list[tuple[float, float]] = []
        self._assigned: list[tuple[float, bool]] = []
        for trial_id in map(str, count()):
            while not self._assign(trial_id) and self._due:
                self._result()
            assigned = len(self._assigned)
            self.on_progress(f"trials assigned: {assigned}", assigned / wanted)
            if not self._due and self._dispatcher.all_ended:
                return

    def _assign(self, trial_id: str) -> bool:
        """Assign a trial to a free worker, if there is one; return whether there was."""
        start = time.perf_counter()
        config = self._searcher.suggest(trial_id)
        spent = time.perf_counter() - start
        self._clock += spent
        if not isinstance(config, dict):
            return False
        self._asking_s += spent
        trial = SimpleNamespace(trial_id=trial_id, config=config)
        self._scheduler.on_trial_add(None, trial)
        self._at_work[trial_id] = self._begun(trial)
        self._assigned.append((self._clock, config["final"]))
        self._train(trial_id)
        return True

    def _begun(self, trial: Any) -> _Training:
        """A training whose accuracy approaches the benchmark's, epoch by epoch."""
        assignment, rng = self._dispatcher.assignment(trial.trial_id), self._rng
        space = next(name for name in SPACES if assignment.store.name.startswith(name))
        whole = float(self._benchmarks[space].evaluate(code_of(assignment.record)[None])[0])
        after = 1 - 0.5 ** (np.arange(1, assignment.epochs + 1) / HALFWAY)
        noise = rng.normal(0, NOISE, assignment.epochs)
        mean_s = self.seconds / EPOCHS * np.exp(-(SPREAD**2) / 2)
        return _Training(trial, mean_s * np.exp(rng.normal(0, SPREAD)), list(whole * after + noise))

    def _train(self, trial_id: str) -> None:
        epoch_s = self._at_work[trial_id].epoch_s
        self._trained.append((self._clock, epoch_s))
        heapq.heappush(self._due, (self._clock + epoch_s, trial_id))

    def _result(self) -> None:
        """Handle the next epoch that ends; results that waited for this process are late."""
        at, trial_id = heapq.heappop(self._due)
        self._clock = max(self._clock, at)
        work, start = self._at_work[trial_id], time.perf_counter()
        work.n_reported += 1
        result = {EPOCH: work.n_reported, TOP1: work.top1s[work.n_reported - 1]}
        ended = work.n_reported == len(work.top1s)
        if not ended:
            decision = self._scheduler.on_trial_result(None, work.trial, result)
            ended = decision == TrialScheduler.STOP
        else:
            self._scheduler.on_trial_complete(None, work.trial, result)
        if ended:
            self._searcher.on_trial_complete(trial_id, result)
            del self._at_work[trial_id]
        else:
            self._searcher.on_trial_result(trial_id, result)
        spent = time.perf_counter() - start
        self._clock += spent
        self._telling_s += spent
        if not ended:
            self._train(trial_id)

    def _usage(self, seconds: float) -> Usage:
        starts, lengths = np.array(self._trained).T
        ends, trials = starts + lengths, len(self._assigned)
        candidates = [clock for clock, final in self._assigned if not final]
        first = min(self.workers, len(candidates)) - 1
        full, dry = candidates[first], candidates[max(first, len(candidates) - self.workers)]
        within = np.clip(np.minimum(ends, dry) - np.maximum(starts, full), 0, None)
        statuses = self._dispatcher.statuses()
        return Usage(
            self.workers,
            trials,
            sum(status.stopped for status in statuses),
            len(lengths),
            lengths.sum() / self.workers / ends.max(),
            within.sum() / self.workers / max(dry - full, 1e-9),
            self._asking_s / trials * 1000,
            self._telling_s / trials * 1000,
            float(ends.max()),
            seconds,
        )
