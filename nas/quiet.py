"""Keeps third-party converters and runtimes from the user's terminal.

They print from Python, from C++ and through `logging` and `warnings`; only the file descriptors
catch it all. What was said is kept, for the message of a failure.
"""

from __future__ import annotations

import logging
import os
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO


@contextmanager
def quiet() -> Iterator[IO[bytes]]:
    """Send standard output and error to a temporary file, which is yielded; silence warnings."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    kept = [os.dup(1), os.dup(2)]
    level = logging.root.manager.disable
    with tempfile.TemporaryFile() as said, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.disable(logging.CRITICAL)
        try:
            for descriptor in (1, 2):
                os.dup2(said.fileno(), descriptor)
            yield said
        finally:
            for stream in (sys.stdout, sys.stderr):
                stream.flush()
            for descriptor, old in zip((1, 2), kept, strict=True):
                os.dup2(old, descriptor)
                os.close(old)
            logging.disable(level)
