"""A training from Python is continued, read and extended as that of `nas train`."""

from __future__ import annotations

from pathlib import Path

import pytest

from nas.errors import ResultError
from nas.files.output import Output
from nas.space.arch import Arch
from nas.train.resumable import train_network
from nas.train.run import Task


class Killed(Exception):
    """In place of a kill."""


def test_a_training_is_continued_read_and_extended(quick: Task, tiny: Arch, tmp_path: Path) -> None:
    output, steps, messages = Output(tmp_path, resume=True), list[str](), list[str]()

    def stop(step: str, share: float) -> None:
        steps.append(step)
        if share >= 0.5:
            raise Killed

    with pytest.raises(Killed):
        train_network(quick, tiny, output, epochs=2, on_progress=stop)
    assert steps[-1].startswith("epoch 1/2")
    with pytest.raises(ResultError, match="was interrupted"):
        train_network(quick, tiny, Output(tmp_path), epochs=2)
    found = train_network(quick, tiny, output, epochs=2)
    assert found.path == tmp_path / "tiny-digits-proxy-batch10"
    assert (found.path / "seed0" / "weights.safetensors").exists()
    again = train_network(quick, tiny, output, epochs=2, on_message=messages.append)
    assert (again.test, again.validation, again.epochs) == (found.test, found.validation, 2)
    assert messages == [f"{found.path} is complete already: epochs 2, seeds 1"]
    assert train_network(quick, tiny, output, epochs=2, seeds=2).test.seeds == 2
