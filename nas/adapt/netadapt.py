"""NetAdapt (arXiv:1804.03230): tune the widths of a trained network in small steps.

Each step proposes, for every width group, the smallest change that saves `delta` of the start's
latency. It keeps the most important channels, trains each proposal briefly, and takes the best,
until the budget is met. MobileNetV3's variant (section 4.2 of arXiv:1905.02244) has other choices
of `AdaptPlan`. Growing works likewise, until no wider network fits the budget.

Proposals are trials of a store and steps are folders, so several processes may work on one run, and
a killed run can be resumed with the same result.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas.adapt.dependencies import DependencyGraph
from nas.adapt.plan import CHOICES, AdaptPlan
from nas.adapt.proposals import Current, Proposal
from nas.adapt.steps import Step, all_steps, write_step
from nas.errors import InfeasibleError, TrainingError
from nas.latency.device import Device
from nas.space.arch import Arch
from nas.study.database import Database
from nas.study.loop import POLL_S
from nas.study.record import Key, Record
from nas.study.store import Store
from nas.system.progress import OnMessage, OnProgress, ignore

if TYPE_CHECKING:
    from torch import Tensor

    from nas.adapt.tune import Tuner
    from nas.train.run import Task

STUDY = "netadapt"
PROPOSALS = "proposals"
NOTED = ("step", "knob", "before", "after", "predicted_ms")
"""Facts beside a proposal's trial."""


@dataclass(eq=False)
class NetAdapt:
    """A run in a folder, or the rest of one."""

    task: Task
    folder: Path
    plan: AdaptPlan
    device: Device
    start: Arch
    """The network to adapt, for the data's classes and image side."""
    weights: Path
    """Its weights, a safetensors file of nas."""
    seed: int = 0
    url: str | None = None
    scope: str = ""
    """Prefix of the run's study in a shared database."""
    on_progress: OnProgress = ignore
    on_message: OnMessage = ignore
    _worked: float = field(default=0.0, init=False)
    """Share of the whole work that this process has done."""

    def run(self) -> Step:
        """Take the remaining steps, and return the last.

        Raises:
            InfeasibleError: no widths meet the budget; it has the smallest network found.
            TrainingError: no proposal of a step could be trained.
        """
        with self._store() as store:
            step = (self.steps() or [self._evaluate_start(store)])[-1]
            while self.plan.grows or step.ms > self.plan.budget_ms:
                proposals = self._proposals(step)
                if not proposals and self.plan.grows:
                    break
                if not proposals:
                    raise self._infeasible(step)
                self._evaluate(store, step, proposals)
                step = self._take_best(store, step, proposals)
            return step

    def steps(self) -> list[Step]:
        """The start and the steps so far."""
        return all_steps(self.folder)

    def tried(self) -> list[dict[str, Any]]:
        """Rows of `history.csv`: the start, then the proposals of each step."""
        with self._store() as store:
            records = store.records()
        start, *steps = self.steps()
        taken = {(step.number, step.arch.arch_id) for step in steps}
        rows: list[dict[str, Any]] = [{"step": 0, "predicted_ms": start.ms, "top1": start.top1}]
        for record in sorted(records, key=lambda r: (r.seed, r.number)):
            top1 = record.values[0] if record.values else None
            how = {"taken": int((record.seed, record.arch_id) in taken), "error": record.error}
            rows.append({name: record.attrs[name] for name in NOTED} | {"top1": top1} | how)
        return rows

    @cached_property
    def tuner(self) -> Tuner:
        from nas.adapt.tune import Tuner

        return Tuner(self.task, self.plan, self.seed)

    @contextmanager
    def _store(self) -> Iterator[Store]:
        """Open the store of the proposals."""
        with closing(Database(self.folder, self.url, self.scope)) as database:
            yield Store(database, STUDY)

    def _evaluate_start(self, store: Store) -> Step:
        """Step 0: the start with its accuracy."""
        from nas.modules.checkpoints.weights import read_state

        state = read_state(self.weights)
        top1 = self.tuner.evaluate(self.start, state)
        return self._write(store, Step(0, self.start, self.weights, self._start_ms, top1))

    # proposals --------------------------------------------------------------------------------

    def _proposals(self, step: Step) -> list[Proposal]:
        """The proposals of the next step."""
        from nas.adapt.prune import scores
        from nas.modules import build

        wants = self.plan.criterion == "taylor"
        batches = self.task.batches(step.arch.input[1], self.seed) if wants else ()
        module = build(step.arch, weights=step.weights)
        channels = DependencyGraph.of(step.arch.graph)
        worth = scores(channels, module, self.plan.criterion, batches=batches, seed=self.seed)
        change = self.plan.change_ms(self._start_ms, step.number + 1)
        current = Current(step.arch, step.ms, channels, worth)
        return current.proposals(change, self.plan, self.device)

    def _evaluate(self, store: Store, step: Step, proposals: Sequence[Proposal]) -> None:
        """Train the proposals that no other process trains, and wait for the rest."""
        keys = {(p.arch.arch_id, step.number + 1): p for p in proposals}
        each = self._share_of(step, proposals) / len(proposals)

        def claim(key: Key) -> Record | None:
            return store.claim(key, None, None, **_facts(step, keys[key]))

        for record in store.claim_each(keys, claim):
            if record is None:
                time.sleep(POLL_S)
                continue
            proposal = keys[record.key]
            what = f"step {step.number + 1}: {proposal.group.name} to {proposal.width}"
            state = f"{step.ms:.3f} ms, {step.top1:.1f} %"
            self.on_progress(f"{what}; {state}", min(1.0, self._worked))
            store.work(record, partial(self._train, store, record, step, proposal))
            self._worked += each

    def _train(
        self, store: Store, record: Record, step: Step, proposal: Proposal
    ) -> Sequence[float] | None:
        """Train a proposal briefly and save its weights; return its top-1 in percent."""
        from nas.modules.checkpoints.weights import read_state, save_state

        state = read_state(step.weights)
        path = self._weights_of(step, proposal)
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            cut = self._cut(proposal, state)
            tuned, top1 = self.tuner.tuned(proposal.arch, cut, step.number + 1)
        except TrainingError as error:
            store.fail(record, str(error))
            self.on_message(f"{proposal.group.name}: {error}")
            return None
        save_state(tuned, path, proposal.arch.conventions)
        return [top1]

    def _cut(self, proposal: Proposal, state: dict[str, Tensor]) -> dict[str, Tensor]:
        from nas.adapt.prune import embedded, pruned

        if self.plan.grows:
            fresh = self.tuner.fresh(proposal.arch)
            return embedded(proposal.larger, fresh, state, proposal.kept)
        return pruned(proposal.larger, state, proposal.kept)

    def _weights_of(self, step: Step, proposal: Proposal) -> Path:
        place = self.folder / PROPOSALS / str(step.number + 1)
        return place / f"{proposal.arch.arch_id}.safetensors"

    # steps ------------------------------------------------------------------------------------

    def _take_best(self, store: Store, step: Step, proposals: Sequence[Proposal]) -> Step:
        """Take the best proposal as the next step."""
        number = step.number + 1
        top1s = {r.arch_id: r.values[0] for r in store.records() if r.seed == number and r.values}
        tried = [p for p in proposals if p.arch.arch_id in top1s]
        if not tried:
            raise TrainingError(f"step {number}: no proposal of {len(proposals)} could be trained")
        worth = CHOICES[self.plan.choose]
        best = max(tried, key=lambda p: worth(step.top1, step.ms, top1s[p.arch.arch_id], p.ms))
        widths = best.group.name, best.group.width, best.width
        top1 = top1s[best.arch.arch_id]
        taken = Step(number, best.arch, self._weights_of(step, best), best.ms, top1, *widths)
        return self._write(store, taken)

    def _write(self, store: Store, step: Step) -> Step:
        """Write a step unless another process has; return the step in the folder."""
        with store.owner.exclusive():
            if len(self.steps()) <= step.number:
                write_step(self.folder, step)
                shutil.rmtree(self.folder / PROPOSALS, ignore_errors=True)
            return self.steps()[step.number]

    # progress ---------------------------------------------------------------------------------

    @cached_property
    def _start_ms(self) -> float:
        return self.device.predict(self.start).ms

    def _share_of(self, step: Step, proposals: Sequence[Proposal]) -> float:
        """Share of the whole way that a step is, by its smallest change of latency."""
        whole = abs(self._start_ms - self.plan.budget_ms)
        return min(abs(step.ms - proposal.ms) for proposal in proposals) / whole

    def _infeasible(self, step: Step) -> InfeasibleError:
        return InfeasibleError(
            f"after {step.number} steps no smaller width of {self.start.name} saves latency: it"
            f" takes {step.ms:.3f} ms predicted on {self.device.name}, the budget is"
            f" {self.plan.budget_ms:g} ms",
            arch=step.arch,
            smallest=step.ms,
            device=self.device.name,
        )


def _facts(step: Step, proposal: Proposal) -> dict[str, str | float]:
    """Facts to note beside a proposal's trial."""
    group = proposal.group
    values = (step.number + 1, group.name, group.width, proposal.width, proposal.ms)
    return dict(zip(NOTED, values, strict=True))
