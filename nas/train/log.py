"""What a training says while it runs: a CSV and TensorBoard's event files, one row per epoch."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import astuple, fields
from pathlib import Path
from typing import TYPE_CHECKING

from nas.system.extras import require

if TYPE_CHECKING:
    from nas.train.loop import Epoch


def write_log(folder: Path, history: Sequence[Epoch]) -> None:
    """Write `log.csv` anew, so that a training that went on has every epoch once."""
    with (folder / "log.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        for epoch in history[:1]:
            writer.writerow(column.name for column in fields(epoch))
        writer.writerows(
            (f"{cell:.6g}" if isinstance(cell, float) else cell for cell in astuple(epoch))
            for epoch in history
        )


class Events:
    """TensorBoard's event file of one run, in `folder`/tensorboard."""

    def __init__(self, folder: Path) -> None:
        writer = require("train", "torch.utils.tensorboard").SummaryWriter
        self.writer = writer(str(folder / "tensorboard"))

    def add(self, epoch: Epoch) -> None:
        """One epoch; on the disk when this returns."""
        for column in fields(epoch):
            if column.name != "epoch":
                self.writer.add_scalar(column.name, getattr(epoch, column.name), epoch.epoch)
        self.writer.flush()

    def close(self) -> None:
        """No more epochs."""
        self.writer.close()
