"""The time of a training is said before its first epoch, from one timed step."""

from __future__ import annotations

import re
from dataclasses import replace

import torch

from nas.space.arch import Arch
from nas.train.duration import announce, step_time
from nas.train.loop import Setting
from nas.train.run import Task


def test_the_estimate_is_about_what_an_epoch_takes(task: Task, tiny: Arch) -> None:
    fitted = task.fit(tiny)
    found = step_time(task, fitted)
    assert found.steps == len(task.splits[0].labels) // 32
    training = task.training(fitted, epochs=2, seed=0)
    training.run_epoch()
    taken = training.run_epoch().seconds
    assert taken / 5 < found.epoch_s < 5 * taken


def test_one_pass_stands_for_a_batch_of_several(task: Task, tiny: Arch) -> None:
    fitted = task.fit(tiny)
    whole = step_time(task, fitted)
    parts = step_time(replace(task, setting=Setting(micro_batch=8)), fitted)
    assert parts.steps == whole.steps
    assert whole.step_s / 5 < parts.step_s < 20 * whole.step_s


def test_timing_draws_no_random_number(task: Task, tiny: Arch) -> None:
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    step_time(task, task.fit(tiny))
    assert torch.equal(torch.rand(1), expected)


def test_short_work_is_not_announced(task: Task, tiny: Arch) -> None:
    said: list[str] = []
    announce(task, tiny, 3, said.append)
    assert said == []


def test_long_work_is_announced_in_a_line(task: Task, tiny: Arch) -> None:
    said: list[str] = []
    announce(task, tiny, 1_000_000, said.append)
    announce(task, tiny, 1_000_000, said.append, workers=1000)
    (line, parted) = said
    assert re.fullmatch(
        r"about \d+ h \d+ min of training: 1,000,000 epochs of \d+ steps, one step of 32 images"
        r" takes [\d.e-]+ s \(tiny\)",
        line,
    )
    assert re.match(r"about (\d+ s|\d+ min|[0-9] h)", parted)
