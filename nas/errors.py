"""Every error a user can cause, and the exit code it ends a command with.

A message names where, what was found, what was expected and the nearest valid name. Exit codes:
2 bad input, 3 infeasible. Our own bugs stay ordinary exceptions with a traceback.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from reprlib import Repr
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pathlib import Path

    from nas.space.arch import Arch

_REPR = Repr()
_REPR.maxstring = 80
MOST_NAMES = 30
"""That a message lists where none is near; timm has thousands."""


def brief(found: object) -> str:
    """`repr`, cut in the middle where it is long: a message stays one line, whatever was found."""
    return _REPR.repr(found)


def first_line(error: BaseException) -> str:
    """What an exception of other code says, on one line; its name where it says nothing."""
    return str(error).strip().partition("\n")[0] or type(error).__name__


class NasError(Exception):
    """Base of all errors that end a command with one clear message."""

    exit_code = 2

    def __reduce__(self) -> tuple[object, ...]:
        # to another process whole: its message is made already, its own fields come with it
        return type(self).__new__, (type(self), *self.args), self.__dict__


class DocumentError(NasError, ValueError):
    """A YAML file is malformed, hostile or breaks the schema."""


class ArchError(NasError, ValueError):
    """An architecture cannot exist as written: a shape, width or patch size does not fit."""


class SpaceError(NasError, ValueError):
    """A point is outside its space, or the space itself is empty or too large to enumerate."""


class UnknownNameError(NasError, LookupError):
    """A name of a device, space, architecture, op or column that does not exist."""

    def __init__(self, what: str, found: object, valid: Iterable[str], where: str = "") -> None:
        names = sorted(valid)
        close = get_close_matches(str(found), names, n=3, cutoff=0.5)
        left_out = [f"and {n} more"] if (n := len(names) - MOST_NAMES) > 0 else []
        listed = ", ".join([*names[:MOST_NAMES], *left_out]) or "none"
        hint = f"nearest: {', '.join(close)}" if close else f"valid: {listed}"
        start = f"{where}: " if where else ""
        super().__init__(f"{start}unknown {what} {brief(found)}; {hint}")


class MissingCostError(NasError, LookupError):
    """A device has no cost for an op kind. Never answered with zero."""


class MissingExtraError(NasError, ImportError):
    """An optional dependency is not installed; the message is the line that installs it."""


class ExportError(NasError, RuntimeError):
    """A network cannot be written in a format, or computes other numbers there."""


class RuntimeUnavailableError(NasError, RuntimeError):
    """A runtime is installed, but this machine lacks what it runs on."""


class TraceError(NasError, ValueError):
    """A torch module cannot be built or traced."""


class CalibrationError(NasError, ValueError):
    """Measurements that no device can be made from, or held against."""


class DataError(NasError, ValueError):
    """Images or labels that nothing can be trained on."""


class RecipeError(NasError, ValueError):
    """A training recipe that cannot be followed with this network or these images."""


class TrainingError(NasError, RuntimeError):
    """A training that ended without a network: diverged, or out of memory."""


class ClusterError(NasError, RuntimeError):
    """No cluster answers, or it has no room for what is asked."""


class WeightsError(NasError, ValueError):
    """Weights do not fit the network they are meant for."""


class ResultError(NasError, OSError):
    """A result folder exists already or cannot be written."""


class WriteError(ResultError):
    """A place cannot be written: the disk is full, or nobody may."""

    @classmethod
    def of(cls, path: Path, error: Exception) -> WriteError:
        """What the system or a library said when `path` was written."""
        return cls(
            f"{path} cannot be written: {getattr(error, 'strerror', None) or first_line(error)}"
        )


class StorageError(ResultError):
    """A database of studies cannot be opened."""


class BudgetError(NasError, ValueError):
    """A budget that is no positive finite number, or a confidence that is no probability."""


Quantity = Literal["ms", "params", "macs", "peak_elements"]
"""What a limit may be on."""


class InfeasibleError(NasError):
    """No network of the space keeps the limits.

    `smallest` is the least that the space reaches of the `quantity` whose limit is broken, of
    milliseconds the smallest budget on `device`; `arch` is the network that reaches it. Where each
    limit alone can be kept, they are those of a network that is near to all of them.
    """

    exit_code = 3

    def __init__(
        self,
        message: str,
        *,
        arch: Arch,
        smallest: float,
        quantity: Quantity = "ms",
        device: str = "",
    ) -> None:
        super().__init__(message)
        self.arch = arch
        self.smallest = smallest
        self.quantity = quantity
        self.device = device
