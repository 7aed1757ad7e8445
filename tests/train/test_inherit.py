from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

from nas.space.arch import Arch
from nas.train.inherit import inherit, inherit_from, kinship
from nas.train.run import CHECKPOINT, Task, TrainingRun


def changed(arch: Arch, number: int, **fields: object) -> Arch:
    rows = list(arch.rows)
    rows[number] = replace(rows[number], **fields)
    return replace(arch, rows=tuple(rows))


def test_the_same_network_takes_everything(quick: Task, tiny: Arch, tmp_path: Path) -> None:
    fitted = quick.fit(tiny)
    parent = TrainingRun(quick, fitted, tmp_path, epochs=4).train()
    child = quick.training(fitted, epochs=2, seed=5)
    assert inherit_from(child, fitted, tmp_path / CHECKPOINT) == 1
    own, given = child.module.state_dict(), parent.module.state_dict()
    assert all(torch.equal(own[name], given[name]) for name in own if own[name].ndim)
    assert child.evaluate(child.validation)[1] > 25  # of ten classes; no epoch of its own


def test_a_wider_row_keeps_the_parents_channels(task: Task, tiny: Arch) -> None:
    fitted = task.fit(tiny)
    wider = task.fit(changed(tiny, 1, exp=24))
    parent = task.training(fitted, epochs=1, seed=0).module.state_dict()
    child = task.training(wider, epochs=1, seed=1)
    taken = inherit(child, fitted, parent)
    assert 0.8 < taken < 1
    name = "row2_bneck.expand.conv.weight"
    own = child.module.state_dict()[name]
    assert len(own) == 24
    assert torch.equal(own[:16], parent[name])


def test_a_row_more_moves_nothing_else(task: Task, tiny: Arch) -> None:
    fitted = task.fit(tiny)
    deeper = replace(fitted, rows=(*fitted.rows[:2], fitted.rows[1], *fitted.rows[2:]))
    parent = task.training(fitted, epochs=1, seed=0).module.state_dict()
    child = task.training(deeper, epochs=1, seed=1)
    inherit(child, fitted, parent)
    own = child.module.state_dict()
    last = "linear.linear.weight"
    assert torch.equal(own[f"row8_linear.{last}"], parent[f"row7_linear.{last}"])


def test_kinship(tiny: Arch) -> None:
    assert kinship(tiny, tiny) == 1
    assert kinship(tiny, changed(tiny, 1, exp=24)) < 1
    other = Arch.from_yaml(
        "name: o\nsource: s\ninput: [3, 64, 64]\ncolumns: [op, out]\nrows:\n  - [conv, 7]\n"
    )
    assert kinship(tiny, other) == 0
