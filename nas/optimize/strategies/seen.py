"""Evaluations of a space's networks as arrays: codes and their scores."""

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
    """Evaluated codes with their scores, in the order in which they started."""

    codes: Ints
    """(n, P), canonical."""
    scores: Floats
    """(n,), the higher the better; -inf where the evaluation failed."""
    running: Ints
    """(r, P) codes still being evaluated."""
    _known: set[int]
    """Keys of codes not to propose: evaluated, running, or of the same network as one of these."""
    _of: Seen | None = None

    @property
    def whole(self) -> Seen:
        """All evaluations, if these are a part of them."""
        return self._of or self

    @property
    def finite(self) -> Seen:
        """Evaluations that did not fail."""
        return self.only(np.isfinite(self.scores))

    @classmethod
    def of(cls, codes: Ints, scores: Floats) -> Seen:
        """From (n, P) codes in the order of their start; scores of running ones are NaN."""
        done = ~np.isnan(scores)
        return cls(codes[done], scores[done], codes[~done], set(keys(codes).tolist()))

    @classmethod
    def none(cls, problem: Problem) -> Seen:
        """No evaluations."""
        return cls.of(np.empty((0, len(problem.layered.layers)), np.int64), np.empty(0))

    def add(self, code: Ints, score: float) -> None:
        """Append an evaluation."""
        self.codes = np.concatenate([self.codes, code[None]])
        self.scores = np.append(self.scores, score)
        self.avoid(code)

    def avoid(self, code: Ints) -> None:
        """Exclude a code from proposals."""
        self._known.update(keys(code[None]).tolist())

    def new(self, codes: Ints) -> Ints:
        """Codes that may be proposed, in the order given."""
        fresh = [key not in self._known for key in keys(codes).tolist()]
        found: Ints = codes[np.array(fresh, bool)]
        return found

    def only(self, kept: Bools) -> Seen:
        """A part of the evaluations, with the same excluded codes."""
        return Seen(self.codes[kept], self.scores[kept], self.running, self._known, self.whole)

    def recent(self, most: int) -> Seen:
        """Up to `most` evaluations in order: the best older ones, and all later ones.

        The border between them moves by halves of `most`, so that work on older ones is reusable.
        """
        n, half = len(self.scores), most // 2
        older = n - n % half if n > most else 0
        kept = np.arange(n) >= older
        kept[np.argsort(-self.scores[:older], kind="stable")[:half]] = True
        return self.only(kept)

    def best(self, n: int) -> Ints:
        """Indices of the n best evaluations, best first."""
        order: Ints = np.argsort(-self.scores, kind="stable")[:n]
        return order
