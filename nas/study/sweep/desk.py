"""Who works on what: gives the trials of all cells to whoever is free, and notes what they say.

The desk is the only one that writes in the store. Whoever trains knows no store: they get an order
by a ticket, tell every epoch, and say how it ended. What was not ended when the desk is gone is
given out again by the next one, and goes on at its checkpoint.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nas.study.sweep.line import Line
from nas.study.sweep.standing import Standing, read_standings, write_standings
from nas.study.trainer import Order, place_of

RETURNS = 10
"""Times that a trial is given out again because its process could not begin."""


@dataclass(eq=False)
class Desk:
    """Gives out trials of lines, in the order of the file where several have as few at work."""

    lines: Sequence[Line]
    folder: Path
    _open: dict[str, tuple[Line, Order, dict[int, float]]] = field(default_factory=dict, init=False)
    """By ticket, with the accuracy after each epoch that was told."""
    _held: list[tuple[Line, Order]] = field(default_factory=list, init=False)
    """Claimed, while another cell trains the same network with the same seed."""
    _asleep: set[str] = field(default_factory=set, init=False)
    """Cells that wait for their own trials."""
    _returns: Counter[int] = field(default_factory=Counter, init=False)
    _began: float = field(default_factory=time.monotonic, init=False)
    _known: dict[str, Standing] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        before = read_standings(self.folder)
        for line in self.lines:
            if (own := before.get(line.cell.name)) is not None and own.ended:
                line.skip(own)
        self._before = sum(standing.epochs for standing in self.standings())
        self._write()

    @property
    def done(self) -> bool:
        """Whether every cell has ended."""
        return all(line.ended for line in self.lines)

    @property
    def working(self) -> int:
        """Trials that are given out."""
        return len(self._open)

    def order(self, ticket: str) -> Order | None:
        """A trial for a ticket; None while there is none."""
        found = self._free() or self._claimed()
        if found is None:
            return None
        line, order = found
        self._open[ticket] = (line, order, dict(order.record.top1s))
        line.running.add(ticket)
        self._known.pop(line.cell.name, None)
        return order

    def given(self, ticket: str) -> Order:
        """What a ticket stands for."""
        return self._open[ticket][1]

    def _free(self) -> tuple[Line, Order] | None:
        """A held trial that nobody trains any more."""
        busy = self._busy()
        for index, (_, order) in enumerate(self._held):
            if order.record.key not in busy:
                return self._held.pop(index)
        return None

    def _claimed(self) -> tuple[Line, Order] | None:
        """A new trial, of the cell that has the fewest at work."""
        for line in sorted(self.lines, key=lambda line: len(line.running)):
            if line.cell.name in self._asleep or line.ended:
                continue
            while (order := line.next()) is not None:
                if order.record.key not in self._busy():
                    return line, order
                self._held.append((line, order))
            if line.ended:
                self._write()
            elif not line.searching:
                self._asleep.add(line.cell.name)
        return None

    def _busy(self) -> set[tuple[str, int]]:
        """Networks and seeds that are trained now: they share a checkpoint."""
        return {order.record.key for _, order, _ in self._open.values()}

    def heard(self, ticket: str, epoch: int, top1: float) -> None:
        """An accuracy after an epoch; told again after a move, it is the same."""
        line, order, top1s = self._open[ticket]
        if epoch not in top1s:
            top1s[epoch] = top1
            order.store.report(order.record, epoch, top1)
            self._known.pop(line.cell.name, None)

    def ended(self, ticket: str, *, error: str = "") -> None:
        """A trial was trained to its end, was stopped before it, or broke."""
        line, order, top1s = self._open.pop(ticket)
        line.running.discard(ticket)
        self._asleep.discard(line.cell.name)
        self._known.pop(line.cell.name, None)
        if error or not top1s:
            order.store.fail(order.record, error or "it ended before its first epoch")
            line.on_message(error)
            return
        last = max(top1s)
        values = top1s[last], *line.costs(order)
        order.store.complete(order.record, values, pruned=last < order.epochs)

    def returned(self, ticket: str) -> None:
        """A trial that could not be begun is given out again, not for ever."""
        line, order, _ = self._open[ticket]
        self._returns[order.record.id] += 1
        if self._returns[order.record.id] > RETURNS:
            self.ended(ticket, error=f"{order.arch.name}: no process could be kept alive for it")
            return
        del self._open[ticket]
        line.running.discard(ticket)
        self._held.append((line, order))

    def place(self, order: Order) -> Path:
        """Where a training has its checkpoint, seen from every node."""
        return place_of(self.folder, order.arch, order.record.seed)

    # how far ----------------------------------------------------------------------------------

    def standings(self) -> list[Standing]:
        """How far every cell is; only those are counted anew that something happened to."""
        for line in self.lines:
            if line.cell.name not in self._known:
                self._known[line.cell.name] = line.standing()
        return list(self._known[line.cell.name] for line in self.lines)

    def eta_s(self) -> float | None:
        """Seconds that are left at the pace so far; None before the first epoch."""
        standings = self.standings()
        trained = sum(standing.epochs for standing in standings) - self._before
        if trained <= 0:
            return None
        left = sum(standing.epochs_left for standing in standings)
        return (time.monotonic() - self._began) * left / trained

    def _write(self) -> None:
        self._known.clear()
        write_standings(self.folder, self.standings())
