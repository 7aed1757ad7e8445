"""A sweep on workers that are not there: shows whether those who give out trials keep up.

The desk, its strategies, the store and the schedulers are the real ones, and the time that they
take is measured; only the trainings are looked up, in benchmarks whose accuracies are known, and
last as long as they are said to. The clock is a virtual one: it moves to the next thing that a
worker does, and by every second that this process really needs, since it does one thing at a time.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from ray.tune.schedulers import TrialScheduler

from nas.evaluate.bench.truth import load_truth
from nas.optimize.strategies import DEFAULT
from nas.study.database import Database
from nas.study.hunt import code_of
from nas.study.ray.candidate import EPOCH, TOP1
from nas.study.ray.tune import ByCell, FromDesk
from nas.study.run import searched
from nas.study.sweep.desk import Desk
from nas.study.sweep.line import Answer, Line
from nas.study.sweep.plan import Cell, Data, Scheduler, Sweep
from nas.system.progress import OnProgress, ignore
from nas.train.data import load_data
from nas.train.recipe import load_recipe
from nas.train.run import Task

SPACES = ("accel-nasbench", "ofa-mobilenetv3")
DEVICE, BUDGETS_MS = "pixel1-cpu", (88.0, 95.0, 100.0)
EPOCHS = 4
SPREAD = 0.3
"""Of the time that an epoch takes, as a standard deviation of its logarithm."""
HALFWAY = 1.5
"""Epochs until a network is half as good as it becomes."""
NOISE = 0.3
"""Points, of an accuracy in the middle of a training."""


@dataclass(frozen=True, slots=True)
class Usage:
    """How busy the workers were."""

    workers: int
    trials: int
    stopped: int
    epochs: int
    busy: float
    """Share of all workers' time, from the first order to the last end."""
    busy_while_full: float
    """The same, from when every worker has had an order until fewer candidates are left than there
    are workers."""
    asking_ms: float
    """Of this process, for one trial: the strategy's question, and claiming its answer."""
    telling_ms: float
    """Likewise: results heard, judged by the scheduler, stored."""
    virtual_s: float
    seconds: float
    """Of this process, for everything."""


class _Known(Line):
    """A cell that ends without a result folder: nothing was trained."""

    def _finish(self) -> None:
        self._end("done")


def _answer(found: Answer) -> Callable[..., Answer]:
    return lambda *_: found


def _unwritten(*_: object) -> None:
    """The simulation writes no results."""


def _found(sweep: Sweep, cell: Cell) -> Answer:
    """A cell's search, done before the clock runs: nodes would do it."""
    future: Answer = Future()
    future.set_result(searched(sweep.asked(cell), sweep.trials, sweep.zero_cost))
    return future


@dataclass(eq=False)
class _Training:
    """What a virtual worker does."""

    trial: Any
    epoch_s: float
    top1s: Sequence[float]
    told: int = 0


@dataclass(eq=False)
class Simulation:
    """Virtual workers at a real desk."""

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
        database = Database(self.folder, sole=True)
        try:
            cells = sweep.cells()
            found = {cell: _found(sweep, cell) for cell in cells}
            lines = [
                _Known(sweep, cell, task, self.folder, database, (), _answer(own), _unwritten)
                for cell, own in found.items()
            ]
            self._desk = Desk(lines, self.folder)
            self._searcher = FromDesk(self._desk, lambda: self.workers)
            self._scheduler = ByCell(sweep.scheduler, EPOCHS, self._searcher)
            self._work(len(cells) * (self.trials + 1))
        finally:
            database.close()
        return self._usage(time.perf_counter() - began)

    def _work(self, wanted: int) -> None:
        """Ask for all that there is, then hear the next result, and so on, as Ray Tune does."""
        self._truths = {name: load_truth(name) for name in SPACES}
        self._rng = np.random.default_rng(self.seed)
        self._clock, self._asking_s, self._telling_s = 0.0, 0.0, 0.0
        self._due: list[tuple[float, str]] = []
        self._at_work: dict[str, _Training] = {}
        self._trained: list[tuple[float, float]] = []
        self._orders: list[tuple[float, bool]] = []
        for ticket in map(str, count()):
            while not self._order(ticket) and self._due:
                self._result()
            self.on_progress(f"{len(self._orders)} trials given out", len(self._orders) / wanted)
            if not self._due and self._desk.done:
                return

    def _order(self, ticket: str) -> bool:
        """Whether there was a trial for a free worker."""
        start = time.perf_counter()
        config = self._searcher.suggest(ticket)
        spent = time.perf_counter() - start
        self._clock += spent
        if not isinstance(config, dict):
            return False
        self._asking_s += spent
        trial = SimpleNamespace(trial_id=ticket, config=config)
        self._scheduler.on_trial_add(None, trial)
        self._at_work[ticket] = self._begun(trial)
        self._orders.append((self._clock, config["final"]))
        self._train(ticket)
        return True

    def _begun(self, trial: Any) -> _Training:
        """How a network learns: it comes nearer to what the benchmark says, epoch by epoch."""
        order, rng = self._desk.given(trial.trial_id), self._rng
        space = next(name for name in SPACES if order.store.name.startswith(name))
        whole = float(self._truths[space].judge(code_of(order.record)[None])[0])
        after = 1 - 0.5 ** (np.arange(1, order.epochs + 1) / HALFWAY)
        noise = rng.normal(0, NOISE, order.epochs)
        mean_s = self.seconds / EPOCHS * np.exp(-(SPREAD**2) / 2)
        return _Training(trial, mean_s * np.exp(rng.normal(0, SPREAD)), list(whole * after + noise))

    def _train(self, ticket: str) -> None:
        epoch_s = self._at_work[ticket].epoch_s
        self._trained.append((self._clock, epoch_s))
        heapq.heappush(self._due, (self._clock + epoch_s, ticket))

    def _result(self) -> None:
        """The next epoch that ends; who waited for the clock is late."""
        at, ticket = heapq.heappop(self._due)
        self._clock = max(self._clock, at)
        work, start = self._at_work[ticket], time.perf_counter()
        work.told += 1
        result = {EPOCH: work.told, TOP1: work.top1s[work.told - 1]}
        ended = work.told == len(work.top1s)
        if not ended:
            decision = self._scheduler.on_trial_result(None, work.trial, result)
            ended = decision == TrialScheduler.STOP
        else:
            self._scheduler.on_trial_complete(None, work.trial, result)
        if ended:
            self._searcher.on_trial_complete(ticket, result)
            del self._at_work[ticket]
        else:
            self._searcher.on_trial_result(ticket, result)
        spent = time.perf_counter() - start
        self._clock += spent
        self._telling_s += spent
        if not ended:
            self._train(ticket)

    def _usage(self, seconds: float) -> Usage:
        starts, lengths = np.array(self._trained).T
        ends, trials = starts + lengths, len(self._orders)
        candidates = [clock for clock, final in self._orders if not final]
        first = min(self.workers, len(candidates)) - 1
        full, dry = candidates[first], candidates[max(first, len(candidates) - self.workers)]
        within = np.clip(np.minimum(ends, dry) - np.maximum(starts, full), 0, None)
        standings = self._desk.standings()
        return Usage(
            self.workers,
            trials,
            sum(standing.stopped for standing in standings),
            len(lengths),
            lengths.sum() / self.workers / ends.max(),
            within.sum() / self.workers / max(dry - full, 1e-9),
            self._asking_s / trials * 1000,
            self._telling_s / trials * 1000,
            float(ends.max()),
            seconds,
        )
