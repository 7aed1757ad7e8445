"""Training lengths of a study: successive halving (arXiv:1502.07943), then finals."""

from __future__ import annotations

from dataclasses import dataclass

ETA = 2
"""One candidate in `ETA` is trained on, for `ETA` times the epochs."""
JUDGED = 0.1
"""Epochs that an evaluation with inherited weights counts as, in the progress of a run."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Epochs, finalists and seeds of a study."""

    epochs: int
    """Epochs of a candidate that is never stopped; 0: it is judged with a supernet's weights."""
    finalists: int = 2
    final_epochs: int = 0
    """0: twice `epochs`; without epochs, finalists keep the weights that they inherit."""
    seeds: int = 2
    """Final trainings of each finalist."""
    inherit: bool = False
    """Whether candidates start from the weights of the nearest trained network."""
    compared: int = 0
    """Epochs after which the strategy compares candidates, if another scheduler stops them.

    0: successive halving stops them, and the strategy compares them after the first rung.
    """

    @classmethod
    def inherited(cls, epochs: int, finalists: int, seeds: int) -> Plan:
        """Of candidates with a supernet's weights; finalists are trained on for some epochs."""
        return cls(0, finalists, epochs, seeds) if epochs else cls(0, finalists=1, seeds=1)

    @property
    def longest(self) -> int:
        """Epochs of a finalist."""
        return self.final_epochs or 2 * self.epochs

    def rungs(self, candidates: int) -> list[tuple[int, int]]:
        """(epochs, candidates trained so long) of each rung, shortest first.

        >>> Plan(epochs=8).rungs(12)
        [(2, 12), (4, 6), (8, 3)]
        """
        if self.compared:
            return [(self.epochs, candidates)]
        counts, epochs = [candidates], [self.epochs]
        while counts[-1] >= self.finalists * ETA - 1 and counts[-1] > 1 and epochs[0] >= ETA:
            counts.append(max(self.finalists, counts[-1] // ETA))
            epochs.insert(0, epochs[0] // ETA)
        return list(zip(epochs, counts, strict=True))

    def work(self, candidates: int) -> float:
        """Total epochs of all trainings; evaluations with inherited weights count as `JUDGED`."""
        if self.epochs:
            return self.trained(candidates)
        finals = 0 if self.longest else min(self.finalists, candidates)
        return self.trained(candidates) + JUDGED * (candidates + finals)

    def trained(self, candidates: int) -> int:
        """Total epochs of all trainings."""
        before = total = 0
        for epochs, count in self.rungs(candidates):
            total += (epochs - before) * count
            before = epochs
        return total + min(self.finalists, candidates) * self.seeds * self.longest
