"""Capture what third-party converters and runtimes print.

They print from Python, from C++ and through `logging` and `warnings`, so the capture replaces the
file descriptors. The captured text can be used in the message of a failure.
"""

from __future__ import annotations

import logging
import os
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import TextIO


@contextmanager
def capture_output() -> Iterator[TextIO]:
    """Redirect standard output and error to a temporary file and yield it; silence warnings."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    terminal = [os.dup(1), os.dup(2)]
    level = logging.root.manager.disable
    with tempfile.TemporaryFile("w+", errors="replace") as output, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.disable(logging.CRITICAL)
        try:
            os.dup2(output.fileno(), 1)
            os.dup2(output.fileno(), 2)
            with redirect_stdout(output), redirect_stderr(output):
                yield output
        finally:
            output.flush()
            for descriptor, kept in zip((1, 2), terminal, strict=True):
                os.dup2(kept, descriptor)
                os.close(kept)
            logging.disable(level)
