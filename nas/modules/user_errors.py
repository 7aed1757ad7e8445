"""Explain exceptions raised by the user's code, with the line in that code."""

from __future__ import annotations

import sysconfig
import traceback
from pathlib import Path

from nas.errors import brief, first_line
from nas.modules.user_file import installed

VALUE_ERRORS = frozenset(
    {"GuardOnDataDependentSymNode", "DataDependentOutputException", "UserError"}
)
"""Errors of torch for code that reads the value of a tensor without values."""

NOT_OWN = (Path(__file__).parents[1], Path(sysconfig.get_path("stdlib")))
"""Folders of code that is not the user's."""


def explain_error(error: BaseException, hint: str = "") -> str:
    """Say in one line what failed, where in the user's code, and what to do."""
    at = _own_line(error)
    if any(kind.__name__ in VALUE_ERRORS for kind in type(error).__mro__):
        where = f"line {at.lineno} of {at.filename}" if at else "it"
        code = f" ({at.line})" if at else ""
        return (
            f"{where}{code} asks for the value of a tensor, but a network is traced without values;"
            " decide by shapes or settings instead, or choose with torch.where"
        )
    place = f" (line {at.lineno} of {at.filename})" if at else ""
    return f"{type(error).__name__}: {brief(first_line(error))}{place}{hint}"


def _own_line(error: BaseException) -> traceback.FrameSummary | None:
    """The innermost line of the user's own code."""
    frames = reversed(traceback.extract_tb(error.__traceback__))
    return next((frame for frame in frames if _is_own(frame.filename)), None)


def _is_own(file: str) -> bool:
    path = Path(file)
    return path.is_file() and not installed(path) and not set(NOT_OWN) & set(path.parents)
