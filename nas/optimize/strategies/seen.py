"""What was evaluated of a space, in arrays: codes and their scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nas.space.columns import Floats, Ints
from nas.space.layered import keys

if TYPE_CHECKING:
    from nas.optimize.strategies.problem import Problem

Bools = NDArray[np.bool_]


@dataclass(eq=False)
class Seen:
    """Evaluated codes with their scores, in the order in which they were begun."""

    codes: Ints
    """(n, P), canonical."""
    scores: Floats
    """(n,), the higher the better; -inf where the evaluation failed."""
    running: Ints
    """(r, P) begun and not finished."""
    _known: set[int]
    """Keys of codes that must not be proposed: evaluated, running, or the same network as one."""
    _of: Seen | None = None

    @property
    def whole(self) -> Seen:
        """Everything that was seen, where these are some of it."""
        return self._of or self

    @property
    def finite(self) -> Seen:
        """Those that did not fail."""
        return self.only(np.isfinite(self.scores))

    @classmethod
    def of(cls, codes: Ints, scores: Floats) -> Seen:
        """Of (n, P) codes in the order they were begun; scores are NaN where still evaluated."""
        done = ~np.isnan(scores)
        return cls(codes[done], scores[done], codes[~done], set(keys(codes).tolist()))

    @classmethod
    def none(cls, problem: Problem) -> Seen:
        """Nothing yet."""
        return cls.of(np.empty((0, len(problem.layered.layers)), np.int64), np.empty(0))

    def add(self, code: Ints, score: float) -> None:
        """One more evaluation."""
        self.codes = np.concatenate([self.codes, code[None]])
        self.scores = np.append(self.scores, score)
        self.avoid(code)

    def avoid(self, code: Ints) -> None:
        """Never propose this one."""
        self._known.update(keys(code[None]).tolist())

    def new(self, codes: Ints) -> Ints:
        """Those that may be proposed, in the order given."""
        fresh = [key not in self._known for key in keys(codes).tolist()]
        found: Ints = codes[np.array(fresh, bool)]
        return found

    def only(self, kept: Bools) -> Seen:
        """Some of the evaluations; what is known stays known."""
        return Seen(self.codes[kept], self.scores[kept], self.running, self._known, self.whole)

    def recent(self, most: int) -> Seen:
        """Up to `most` of them, in order: the best half of the older ones and all later ones.

        Which are the older ones changes only at every half of `most`, so work on them can be kept.
        """
        n, half = len(self.scores), most // 2
        older = n - n % half if n > most else 0
        kept = np.arange(n) >= older
        kept[np.argsort(-self.scores[:older], kind="stable")[:half]] = True
        return self.only(kept)

    def best(self, n: int) -> Ints:
        """Indices of the n best, best first."""
        order: Ints = np.argsort(-self.scores, kind="stable")[:n]
        return order
