"""Time a step of four sub-networks against the sum of four modules in `nas train`'s own loop.

Both take the same images, networks and recipe, in turns in one process with one thread. The ratio
should stay below 1.3. Prints one line a round.

    python benchmarks/supernet_step.py --rounds 4 --batch 64 --budget-ms 0.75
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from time import perf_counter

import torch

from nas.library import load_device, load_space
from nas.space.space import Code
from nas.supernet.draw import Draws
from nas.supernet.training import SupernetTraining
from nas.train.data import load_data
from nas.train.loop import Training
from nas.train.recipe import load_recipe
from nas.train.run import Task


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--space", default="mobile32")
    parser.add_argument("--device", default="iphone12-lut")
    parser.add_argument("--budget-ms", type=float, default=0.75)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=4)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    task = Task(load_data("digits"), replace(load_recipe("proxy"), batch=asked.batch))
    draws = Draws(load_space(asked.space), load_device(asked.device), asked.budget_ms)
    shared = SupernetTraining(draws, task, epochs=2)
    total = [0.0, 0.0]
    for number in range(asked.rounds):
        codes = shared.codes(0, number)
        runs = [supernet_step(shared, codes), own_steps(task, draws, codes)]
        for run in runs:
            run()  # what is made at first use is not timed
        for which in (0, 1, 1, 0):
            start = perf_counter()
            runs[which]()
            total[which] += perf_counter() - start
        macs = ", ".join(f"{draws.space.decode(code).macs / 1e6:.0f}" for code in codes)
        print(f"round {number + 1}: ratio so far {total[0] / total[1]:.2f} ({macs} M MACs)")


def supernet_step(shared: SupernetTraining, codes: list[Code]) -> Callable[[], object]:
    """A step of the supernet, with its images."""
    index, split = torch.arange(shared.task.recipe.batch), shared.task.splits[0]
    side = shared.draws.space.table.inputs[-1][1]
    return lambda: shared._step(codes, split.batches([(index, side)]), 1e-3)


def own_steps(task: Task, draws: Draws, codes: list[Code]) -> Callable[[], object]:
    """A step of each network's own training."""
    order = torch.arange(task.recipe.batch)
    trainings = [
        Training(arch, task.data, *task.splits, task.recipe, 100, 0, task.setting, order)
        for arch in map(draws.space.decode, codes)
    ]
    return lambda: [training.run_epoch(evaluate=False) for training in trainings]


if __name__ == "__main__":
    main()
