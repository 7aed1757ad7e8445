"""Two real processes: what they share, what each draws, and how they fail together."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PROGRAM = Path(__file__).with_name("processes.py")
Found = list[dict[str, Any]]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Found:
    """What each process wrote; one that waits for another for ever ends by the time limit."""
    folder = tmp_path_factory.mktemp("processes")
    torchrun = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node")
    done = subprocess.run(
        [*torchrun, "2", str(PROGRAM), str(folder)],
        capture_output=True,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive"},
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads((folder / f"{rank}.json").read_text()) for rank in range(2)]


@pytest.mark.slow
def test_each_draws_its_own_augmentation_of_one_plan(found: Found) -> None:
    one, other = (process["drawn"] for process in found)
    assert len(one["images"]) == len(other["images"])
    assert one["images"] != other["images"]
    assert one["kept"] != other["kept"]
    mine, its = (sum(process["plan"], []) for process in (one, other))
    assert len(mine) == len(its) == len(set(mine)) > 30
    assert not set(mine) & set(its)


@pytest.mark.slow
def test_they_end_with_the_same_network_also_after_a_stop(found: Found) -> None:
    one, other = (process["resumed"] for process in found)
    assert one == other
    assert one["whole"] == one["parts"]
    assert one["whole loss"] == one["parts loss"]


@pytest.mark.slow
@pytest.mark.parametrize("where", ["learning", "judging"])
def test_memory_that_one_lacks_halves_the_images_of_all(found: Found, where: str) -> None:
    one, other = (process[where] for process in found)
    assert one["micro_batch"] == other["micro_batch"] == 4  # of 8 that each had
    assert one["said"] == ["tiny: out of memory; continuing with 4 images at a time"]
    assert other["said"] == []  # once, not by each


@pytest.mark.slow
def test_what_one_cannot_do_ends_all(found: Found) -> None:
    for case, message in (("no memory", "out of memory with"), ("wrong", "the loss is nan")):
        for process in found:
            assert process[case]["error"] == "TrainingError"
            assert message in process[case]["message"]
    one, other = (process["damaged"] for process in found)
    assert other["message"] == "image 7 is damaged"
    assert one["message"] == "another process of this training failed"
