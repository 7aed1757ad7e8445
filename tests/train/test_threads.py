"""How many threads a training takes: the fastest number, kept for going on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from nas.space.arch import Arch
from nas.train.run import Task
from nas.train.threads import THREADS, fastest, with_threads


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    """Torch's number, which belongs to the whole process, is put back."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def chosen(seconds: Callable[[int], float], most: int) -> int:
    """What is found where a step takes so many seconds with a number of threads."""
    now = 0.0

    def step() -> None:
        nonlocal now
        now += seconds(torch.get_num_threads())

    return fastest(step, most, clock=lambda: now)


def test_steps_that_threads_share_take_all() -> None:
    assert chosen(lambda n: 1 / n, 6) == 6


def test_steps_that_threads_slow_down_take_one() -> None:
    assert chosen(lambda n: 0.01 * n, 8) == 1


def test_the_fastest_number_between_is_found() -> None:
    assert chosen(lambda n: abs(n - 4) + 1, 16) == 4


def test_more_threads_that_hardly_help_are_left_to_others() -> None:
    assert chosen(lambda n: 1.0 - 0.05 * (n > 1), 4) == 1


def test_what_is_done_at_first_use_does_not_count() -> None:
    seen: set[int] = set()

    def seconds(n: int) -> float:
        first = n not in seen
        seen.add(n)
        return 100 * n if first else 1 / n

    assert chosen(seconds, 4) == 4


def test_timing_leaves_the_number_and_the_random_numbers_alone(
    quick: Task, tiny: Arch, tmp_path: Path
) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    task = replace(quick, setting=replace(quick.setting, threads=0))
    found = with_threads(task, tiny, tmp_path)
    assert torch.equal(torch.rand(3), expected)
    assert found.setting.threads == torch.get_num_threads() >= 1
    assert (tmp_path / THREADS).read_text() == f"{found.setting.threads}\n"


def test_the_number_that_was_kept_is_used_again(
    quick: Task, tiny: Arch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nas.train.threads.cores", lambda: 8)
    (tmp_path / THREADS).write_text("3\n")
    task = replace(quick, setting=replace(quick.setting, threads=0))
    assert with_threads(task, tiny, tmp_path).setting.threads == 3
    assert torch.get_num_threads() == 3
    # two workers of eight cores have four each, ten have one
    assert with_threads(task, tiny, tmp_path, workers=10).setting.threads == 1


def test_a_number_that_a_kill_left_half_written_is_found_out_anew(
    quick: Task, tiny: Arch, tmp_path: Path
) -> None:
    (tmp_path / THREADS).touch()
    task = replace(quick, setting=replace(quick.setting, threads=0))
    assert with_threads(task, tiny, tmp_path).setting.threads
    assert (tmp_path / THREADS).read_text().strip().isdecimal()


def test_a_number_that_the_user_chose_is_left_alone(
    quick: Task, tiny: Arch, tmp_path: Path
) -> None:
    torch.set_num_threads(1)
    assert with_threads(quick, tiny, tmp_path) is quick
    assert torch.get_num_threads() == 1
    assert not [*tmp_path.iterdir()]
