"""CPU threads of a training: the fastest number, timed when a run starts.

On busy cores one thread is often faster than all of them, and so it is for a small network. The
last digits of a result depend on the number of threads, so it is stored with the run, and
`--resume` uses it again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

import torch
from torch.nn import functional as F  # noqa: N812 - torch's own spelling

from nas.errors import ArchError, RecipeError
from nas.modules import build
from nas.space.arch import Arch
from nas.system.processes import cores
from nas.train.device import use_cores
from nas.train.distributed import world
from nas.train.loop import AMP

if TYPE_CHECKING:
    from nas.train.run import Task

THREADS = "threads.txt"
"""File in the folder of a run: the number of threads of its trainings."""
ROUNDS = 5
"""Most timed rounds for each number of threads."""
ENOUGH_S = 0.3
"""No new round starts after this time, in seconds."""
WORTH = 0.9
"""More threads are used only if a step then takes at most this share of its time."""
TIMED_MACS = 2e9
"""A timed step has as many images as need so many MACs: a second at most."""


def with_threads(task: Task, arch: Arch, folder: Path, workers: int = 1) -> Task:
    """The task with its number of threads, which is also set for this process.

    The number is the one stored in `folder`, else the fastest for a training of `arch`, which is
    then stored. Workers share the cores. A task with a number of its own is returned unchanged.
    """
    setting, most = task.setting, max(1, cores() // workers)
    if setting.threads != 0 or world() > 1:
        return task
    threads = most
    if setting.device.type == "cpu":
        note = folder / THREADS
        threads = min(_kept(note) or _measured(task, arch, most), most)
        note.write_text(f"{threads}\n", encoding="utf-8")
    use_cores(threads)
    return replace(task, setting=replace(setting, threads=threads))


def _kept(note: Path) -> int | None:
    """The stored number; None if there is none, or a kill left the file incomplete."""
    text = note.read_text(encoding="utf-8").strip() if note.exists() else ""
    return int(text) if text.isdecimal() else None


def _measured(task: Task, arch: Arch, most: int) -> int:
    if most == 1:
        return 1
    try:
        return fastest(_step(task, arch), most)
    except (ArchError, RecipeError, RuntimeError):  # RuntimeError: also torch's, of memory
        return most  # the training of this network will say so


def fastest(
    step: Callable[[], None], most: int, *, clock: Callable[[], float] = perf_counter
) -> int:
    """The number of threads up to `most` with the fastest step; fewer, if the gain is small.

    Numbers of threads take turns, so that a change in the machine's speed affects all of them.
    """
    numbers = [*(2**power for power in range((most - 1).bit_length())), most]
    spent, before = dict.fromkeys(numbers, 0.0), torch.get_num_threads()
    try:
        for number in numbers:  # what is made at first use is not timed
            torch.set_num_threads(number)
            step()
        for _ in range(ROUNDS):
            for number in numbers:
                torch.set_num_threads(number)
                start = clock()
                step()
                spent[number] += clock() - start
            if sum(spent.values()) >= ENOUGH_S:
                break
    finally:
        torch.set_num_threads(before)
    best = 1
    for number in numbers:
        if spent[number] <= WORTH * spent[best]:
            best = number
    return best


def _step(task: Task, arch: Arch) -> Callable[[], None]:
    """One forward and backward pass of a fresh network on noise, at most a batch of it."""
    fitted, setting = task.fit(arch), task.setting
    few = max(2, round(TIMED_MACS / fitted.macs))
    images = min(setting.images_per_pass(fitted, task.recipe.batch), few)
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(0)
        module = build(fitted).to(memory_format=torch.channels_last)
        noise = torch.rand(images, *fitted.input).contiguous(memory_format=torch.channels_last)
    labels, dtype = torch.zeros(images, dtype=torch.long), AMP.get(setting.precision)

    def step() -> None:
        with torch.autocast("cpu", dtype, enabled=dtype is not None):
            loss = F.cross_entropy(module(noise).float(), labels)
        torch.autograd.backward(loss)
        module.zero_grad()

    return step
