"""Reads text files of a limited size, in UTF-8 or UTF-16."""

from __future__ import annotations

from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from pathlib import Path

from nas.errors import DocumentError

MAX_BYTES = 250_000
"""A malicious YAML file of this size takes about three seconds to read."""


def read_text(path: Path, max_bytes: int = MAX_BYTES, *, errors: str = "strict") -> str:
    """Read a text file in UTF-8, or in UTF-16 with a byte order mark, as PowerShell writes it.

    `errors` handles invalid bytes, as in `bytes.decode`.

    Raises:
        DocumentError: the file cannot be read or decoded, or is too large.
    """
    try:
        with path.open("rb") as file:
            content = file.read(max_bytes + 1)  # a device file or a pipe may have no end
    except OSError as error:
        raise DocumentError(f"{path}: {error.strerror}") from None
    if len(content) > max_bytes:
        raise DocumentError(f"{path}: larger than {max_bytes} bytes")
    encoding = "utf-16" if content.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) else "utf-8-sig"
    try:
        return content.decode(encoding, errors)
    except UnicodeDecodeError as error:
        shown = encoding.upper().removesuffix("-SIG")
        raise DocumentError(f"{path}: not {shown} text at byte {error.start}") from None
