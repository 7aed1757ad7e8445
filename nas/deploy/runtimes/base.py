"""What a runtime is: something that loads a network from a file and runs images through it.

A session takes its input, runs and gives its output in three steps, so that timing sees the run
alone, as a runtime's own benchmark does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Floats32 = NDArray[np.float32]


class Session(Protocol):
    """A loaded network with one input and one output."""

    def feed(self, images: Floats32) -> None:
        """Set the input. Shapes: images (B, C, H, W)."""

    def invoke(self) -> None:
        """Run the network once; returns when the output is there."""

    def result(self) -> Floats32:
        """Logits of the last run. Shapes: (B, classes)."""


@dataclass(frozen=True, slots=True)
class Runtime:
    """One way to execute an exported network on this machine."""

    name: str
    format: str
    """The export format it runs."""
    extra: str
    """Of the project, that installs it."""
    load: Callable[[Path, int], Session]
    """Of a file and a number of threads."""
    version: Callable[[], str]
    precision: str = "fp32"
    accelerator: Callable[[], str] | None = None
    """Name of what executes it, where that is not the CPU."""

    def one_at_work(self, threads: int) -> bool:
        """One thread of the CPU does all the work, so its waiting for a core can be told."""
        return threads == 1 and self.accelerator is None

    def hardware(self, cpu: str) -> str:
        """What executes it, on a machine with this CPU."""
        return self.accelerator() if self.accelerator else cpu


def run(session: Session, images: Floats32) -> Floats32:
    """Logits of a batch. Shapes: images (B, C, H, W) -> (B, classes)."""
    session.feed(images)
    session.invoke()
    return session.result()
