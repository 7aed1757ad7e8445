"""Logs of a training: a CSV and TensorBoard's event files, one row per epoch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas.files.csv import write_csv
from nas.system.extras import require

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from nas.train.loop import Epoch


def write_log(folder: Path, history: Sequence[DataclassInstance]) -> None:
    """Rewrite `log.csv`, so that a resumed training has every epoch once."""
    rows = [
        [f"{cell:.6g}" if isinstance(cell, float) else cell for cell in astuple(epoch)]
        for epoch in history
    ]
    write_csv(folder / "log.csv", [column.name for column in fields(history[0])], rows)


def event_writer(folder: Path) -> Any:
    """TensorBoard's writer of one run, in `folder`/tensorboard."""
    tensorboard = require("train", "torch.utils.tensorboard")
    return tensorboard.SummaryWriter(str(folder / "tensorboard"))


def write_events(writer: Any, epoch: Epoch) -> None:
    """Write one epoch; it is on disk when this returns."""
    for column in fields(epoch):
        if column.name != "epoch":
            writer.add_scalar(column.name, getattr(epoch, column.name), epoch.epoch)
    writer.flush()
