"""Model-guided search: a Gaussian process proposes the candidate of highest expected improvement.

Bayesian optimisation as in BANANAS (arXiv:1910.11858), with a process over the space's choices in
place of networks over paths. The proposal has the highest expected improvement (Jones 1998) of
priced candidates within the limits: random ones and mutants of the best, refined three times.
Running evaluations lower the uncertainty but not the mean (arXiv:1206.6402).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from nas.optimize.strategies.base import Strategy
from nas.optimize.strategies.choice_process import ChoicePoints, ChoiceProcess, fit
from nas.optimize.strategies.problem import Problem
from nas.optimize.strategies.seen import Seen
from nas.space.columns import Floats, Ints

STARTS = 10
"""Random networks before the model is used."""
MOST = 400
"""Most evaluations that the model is fitted to: the best and the latest."""
GROWTH = 0.1
"""Relative growth of the evaluations after which the scales are fitted again."""
RANDOM, RELATIVES, PARENTS, ROUNDS = 256, 1200, 20, 3
FEW = 2
"""Batches of random candidates before random walks are used."""
CHANGES = 6
"""Most choices in which a mutant differs from its parent."""


class Model(Strategy):
    """Proposes the candidates of highest expected improvement."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self._scales: dict[bytes, Floats] = {}
        """Latest scales, by the evaluations they were fitted to."""

    def propose(self, problem: Problem, seen: Seen, rng: np.random.Generator) -> Ints:
        known = seen.whole.finite
        if len(known.scores) < STARTS:
            return problem.sample(STARTS, rng)
        process, view = self._process(known)
        parents = seen.finite.codes[seen.finite.best(PARENTS)]
        codes = problem.sample(RANDOM, rng, FEW)
        target = process.predict(view(parents))[0].max() if len(parents) else -np.inf
        for _ in range(ROUNDS):
            near = self._relatives(problem, parents if len(parents) else problem.start, rng)
            codes = seen.new(problem.kept(np.concatenate([codes, near])))
            gain = _improvement(*process.predict(view(codes)), target)
            codes = codes[np.argsort(-gain, kind="stable")]
            parents = codes[:PARENTS]
        return codes

    def _process(self, known: Seen) -> tuple[ChoiceProcess, Callable[[Ints], ChoicePoints]]:
        """Process conditioned on known evaluations, and the function from codes to its points."""
        shown, scales = known.recent(MOST), self._fitted(known)
        view = self._view(shown.codes)
        process = ChoiceProcess.of(view(shown.codes), shown.scores, scales)
        if len(known.running):
            guessed = process.predict(view(known.running))[0]
            points = view(np.concatenate([shown.codes, known.running]))
            process = ChoiceProcess.of(points, np.concatenate([shown.scores, guessed]), scales)
        return process, view

    def _view(self, known: Ints) -> Callable[[Ints], ChoicePoints]:
        """Function from codes to points, with features standardised over known codes."""
        raw = self.problem.features(known)
        mean, sd = raw.mean(axis=0), np.maximum(raw.std(axis=0), 1e-9)

        def view(codes: Ints) -> ChoicePoints:
            chosen = self.problem.choices.one_hot(codes, absent=True)
            return ChoicePoints(chosen, (self.problem.features(codes) - mean) / sd)

        return view

    def _fitted(self, known: Seen) -> Floats:
        """Scales fitted when the evaluations had last grown enough; they depend on nothing else."""
        n, at = len(known.scores), STARTS
        while (after := max(at + 1, round(at * (1 + GROWTH)))) <= n:
            at = after
        first = known.only(np.arange(n) < at).recent(MOST)
        key = first.codes.tobytes() + first.scores.tobytes()
        if key not in self._scales:
            self._scales = {key: fit(self._view(first.codes)(first.codes), first.scores)}
        return self._scales[key]

    def _relatives(self, problem: Problem, parents: Ints, rng: np.random.Generator) -> Ints:
        """Mutants of parents, in one choice to several."""
        many = parents[rng.integers(len(parents), size=RELATIVES)]
        parts = np.array_split(many, CHANGES)
        return np.concatenate([problem.mutated(p, rng, n) for n, p in enumerate(parts, 1)])


def _improvement(mean: Floats, sd: Floats, target: float) -> Floats:
    """Expected improvement over `target`."""
    from scipy.special import log_ndtr, ndtr

    z = (mean - target) / sd
    gain: Floats = sd * (z * ndtr(z) + np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi))
    # far below the target it underflows to zero, so its logarithm orders the candidates
    return np.where(gain > 0, gain, -1 / np.maximum(1e-300, -log_ndtr(z)))
