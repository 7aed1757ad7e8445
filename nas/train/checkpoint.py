"""Checkpoints: replaced atomically, read without unpickling objects."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from nas.errors import WeightsError, WriteError, first_line


def write_checkpoint(
    path: Path, parts: Mapping[str, Any], history: Sequence[Any], lengths: Sequence[int]
) -> None:
    """Write the state of every part; a kill or a full disk leaves the previous checkpoint.

    `lengths` are the epochs of the schedule that each epoch of the history followed.

    Raises:
        WriteError: the place cannot be written.
    """
    content = {name: part.state_dict() for name, part in parts.items()}
    content["history"] = [asdict(epoch) for epoch in history]
    content["lengths"] = list(lengths)
    draft = path.with_suffix(".part")
    try:
        with draft.open("wb") as file:
            torch.save(content, file)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except (OSError, RuntimeError) as error:  # RuntimeError: torch's, of a full disk
        draft.unlink(missing_ok=True)
        raise WriteError.of(path, error) from error


def read_checkpoint(path: Path, parts: Mapping[str, Any], kind: Any) -> tuple[list[Any], list[int]]:
    """Load every part's state; the epochs so far, as `kind`, and their lengths.

    Raises:
        WeightsError: it is damaged, or of another training.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        for name, part in parts.items():
            part.load_state_dict(content[name])
        return [kind(**epoch) for epoch in content["history"]], list(content["lengths"])
    except Exception as error:  # a damaged file makes the readers raise nearly anything
        reason = first_line(error)
        raise WeightsError(f"{path}: no checkpoint of this training: {reason}") from error
