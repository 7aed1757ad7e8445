"""The interface of runtimes, which load a network from a file and run it.

Setting the input, running and getting the output are separate steps, so timing covers only the run,
as in the runtimes' own benchmarks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
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
        """Run the network once; return when the output is complete."""

    def result(self) -> Floats32:
        """Logits of the last run. Shapes: (B, classes)."""


@dataclass(frozen=True, slots=True)
class Runtime:
    """A runtime on this machine."""

    name: str
    format: str
    """The export format it runs."""
    extra: str
    """The project's extra that installs it."""
    load: Callable[[Path, int], Session]
    """Load a file, to run with this number of threads."""
    package: str
    """The Python package whose version counts."""
    precision: str = "fp32"
    accelerator: Callable[[], str] | None = None
    """Name of the hardware, if it is not the CPU."""

    def version(self) -> str:
        """Version of its package."""
        return version(self.package)

    def one_at_work(self, threads: int) -> bool:
        """Whether one CPU thread does all the work, so its waiting time can be measured."""
        return threads == 1 and self.accelerator is None

    def hardware(self, cpu: str) -> str:
        """Name of the hardware, on a machine with this CPU."""
        return self.accelerator() if self.accelerator else cpu


def run(session: Session, images: Floats32) -> Floats32:
    """Logits of a batch. Shapes: images (B, C, H, W) -> (B, classes)."""
    session.feed(images)
    session.invoke()
    return session.result()
