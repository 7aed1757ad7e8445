"""Keeps third-party converters and runtimes from the user's terminal.

They print from Python, from C++ and through `logging` and `warnings`; only the file descriptors
catch it all. What was said can be read, for the message of a failure.
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
    """Send standard output and error to a temporary file, which is yielded; silence warnings."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    terminal = [os.dup(1), os.dup(2)]
    level = logging.root.manager.disable
    with tempfile.TemporaryFile("w+", errors="replace") as said, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.disable(logging.CRITICAL)
        try:
            os.dup2(said.fileno(), 1)
            os.dup2(said.fileno(), 2)
            with redirect_stdout(said), redirect_stderr(said):
                yield said
        finally:
            said.flush()
            for descriptor, kept in zip((1, 2), terminal, strict=True):
                os.dup2(kept, descriptor)
                os.close(kept)
            logging.disable(level)
