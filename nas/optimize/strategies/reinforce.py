"""A controller trained by REINFORCE (MnasNet, arXiv:1807.11626; TuNAS, arXiv:2008.06120).

The controller is TuNAS's: one independent logit for each value of each choice; an option's logit is
the sum over its values. Rewards are MnasNet's soft one, accuracy x (ms / budget)^w, or
TuNAS's absolute one, accuracy - |b| x |ms / budget - 1|. Departs: the budget is hard, so
networks over it are drawn again, and rewards only compare networks within it; the learning rate
suits hundreds of evaluations, where TuNAS has many thousands.
"""

from __future__ import annotations

import numpy as np

from nas.optimize.strategies.base import Strategy
from nas.optimize.strategies.problem import Problem
from nas.optimize.strategies.seen import Seen
from nas.space.columns import Floats, Ints

SOFT_W = -0.07
"""MnasNet's exponent."""
ABSOLUTE_B = 0.07
"""|b| for accuracies up to 1; TuNAS tries 0.02 to 0.2."""
RATE = 0.5
"""Learning rate of the logits, for rewards in standard deviations."""
DRAWN = 64
"""Networks drawn at a time."""
PATIENCE = 8
"""Draws before one is moved within the limits."""


class Reinforce(Strategy):
    """Samples from the controller, which learns from every evaluation."""

    def __init__(self, problem: Problem, *, absolute: bool = False) -> None:
        super().__init__(problem)
        self.absolute = absolute
        self.one_hot = problem.choices.one_hot_options
        self._reset()

    def _reset(self) -> None:
        self.logits = [np.zeros(own.shape[1]) for own in self.one_hot]
        self.rewards: list[float] = []
        self.learned = Seen.none(self.problem).codes

    def propose(self, problem: Problem, seen: Seen, rng: np.random.Generator) -> Ints:
        self._learn(seen)
        found = []
        for _ in range(PATIENCE):
            drawn = self._draw(rng)
            found.append(problem.kept(drawn))
            if len(seen.new(found[-1])):
                break
        return np.concatenate([*found, problem.pulled(drawn[0], rng)])

    def _learn(self, seen: Seen) -> None:
        """Learn from new evaluations; start again if earlier ones have changed."""
        if not np.array_equal(seen.codes[: len(self.learned)], self.learned):
            self._reset()
        for index in range(len(self.rewards), len(seen.scores)):
            reward = self._reward(seen.codes[index], seen.scores[index])
            before = np.array(self.rewards)
            self.rewards.append(reward)
            if len(before) > 1 and before.std() > 0:
                advantage = (reward - before.mean()) / before.std()
                self._move(seen.codes[index], RATE * float(np.clip(advantage, -2, 2)))
        self.learned = seen.codes

    def _reward(self, code: Ints, score: float) -> float:
        score = score / 100 if np.isfinite(score) else 0.0
        share = float(self.problem.share(code[None])[0])
        if self.absolute:
            return score - ABSOLUTE_B * abs(share - 1)
        return float(score * share**SOFT_W)

    def _move(self, code: Ints, step: float) -> None:
        """Move the logits along the gradient of the code's log-probability."""
        state = 0
        for layer, own, logits, gene in zip(
            self.problem.layered.layers, self.one_hot, self.logits, code, strict=True
        ):
            stands = layer.next[state] >= 0
            chances = _softmax(np.where(stands, own @ logits, -np.inf))
            logits += step * (own[gene] - chances @ own)
            state = layer.next[state, gene]

    def _draw(self, rng: np.random.Generator) -> Ints:
        """(DRAWN, P) paths of the layered space."""
        codes = np.empty((DRAWN, len(self.one_hot)), np.int64)
        state = np.zeros(DRAWN, np.int32)
        for p, (layer, own, logits) in enumerate(
            zip(self.problem.layered.layers, self.one_hot, self.logits, strict=True)
        ):
            noise = rng.gumbel(size=(DRAWN, len(own)))
            worth = np.where(layer.next[state] >= 0, own @ logits + noise, -np.inf)
            codes[:, p] = worth.argmax(axis=1)
            state = layer.next[state, codes[:, p]]
        return codes


def _softmax(logits: Floats) -> Floats:
    raised = np.exp(logits - logits.max())
    chances: Floats = raised / raised.sum()
    return chances
