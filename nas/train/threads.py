"""CPU threads of a training: as many as are fastest, timed when the work begins.

On cores that others use, too, one thread is often faster than all, and a small network has little
to share out. The last digits of a result depend on the number of threads, so the number is kept
with the work and `--resume` uses it again.
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
from nas.train.distributed import world
from nas.train.loop import AMP
from nas.train.place import use_cores

if TYPE_CHECKING:
    from nas.train.run import Task

THREADS = "threads.txt"
"""In the folder of a work: the number that its trainings run on."""
ROUNDS = 5
"""Timed, at most, with every number of threads."""
ENOUGH_S = 0.3
"""No round begins after so much time in those before."""
WORTH = 0.9
"""More threads are taken where a step needs at most this share of its time with fewer."""
TIMED_MACS = 2e9
"""A step is timed on as many images as have these, which takes a second at most."""


def with_threads(task: Task, arch: Arch, folder: Path, workers: int = 1) -> Task:
    """The task with a number of threads, if that is to be found out, and this process set to it.

    It is the number kept in `folder`; else the fastest for a training of `arch`, which is kept.
    Workers share the cores.
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
    """The number that was written; a kill may have left nothing of it."""
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
    """Threads, up to `most`, with which a step is fastest; fewer, where it hardly matters.

    Numbers of threads take turns, so that a machine that slows down slows all of them.
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
    """Forward and backward through a fresh network on images of noise, as many as a batch has."""
    fitted, setting = task.fit(arch), task.setting
    few = max(2, round(TIMED_MACS / fitted.macs))
    images = min(setting.micro_batch or task.recipe.batch, few)
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
