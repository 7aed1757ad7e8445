"""Every error a user can cause, and the exit code it ends a command with.

A message names where, what was found, what was expected and the nearest valid name. Exit codes:
2 bad input, 3 infeasible. Our own bugs stay ordinary exceptions with a traceback.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from difflib import get_close_matches
from math import inf
from numbers import Real
from reprlib import Repr
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pathlib import Path

    from nas.space.arch import Arch

_REPR = Repr()
_REPR.maxstring = 80
MOST_NAMES = 20
"""Names listed when there is no close match."""


def brief(found: object) -> str:
    """`repr`, shortened in the middle, so that a message stays on one line."""
    return _REPR.repr(found)


def first_line(error: BaseException) -> str:
    """First line of an exception's message, or its class name if it has none."""
    return str(error).strip().partition("\n")[0] or type(error).__name__


class NasError(Exception):
    """Base of all errors that end a command with one clear message."""

    exit_code = 2

    def __reduce__(self) -> tuple[object, ...]:
        # the message is complete, so unpickling must not call __init__; keep the other fields
        return type(self).__new__, (type(self), *self.args), self.__dict__


class DocumentError(NasError, ValueError):
    """A YAML file is malformed, hostile or breaks the schema."""


class ArchError(NasError, ValueError):
    """An architecture cannot exist as written: a shape, width or patch size does not fit."""


class SpaceError(NasError, ValueError):
    """A point is outside its space, or the space is empty or too large to enumerate."""


class UnknownNameError(NasError, LookupError):
    """The name of a device, space, architecture, op or column does not exist."""

    def __init__(self, what: str, found: object, valid: Iterable[str], where: str = "") -> None:
        names = sorted(valid)
        close = get_close_matches(str(found), names, n=3, cutoff=0.5)
        left_out = [f"and {n} more"] if (n := len(names) - MOST_NAMES) > 0 else []
        listed = ", ".join([*names[:MOST_NAMES], *left_out]) or "none"
        hint = f"nearest: {', '.join(close)}" if close else f"valid: {listed}"
        start = f"{where}: " if where else ""
        super().__init__(f"{start}unknown {what} {brief(found)}; {hint}")


def check_names(what: str, found: Iterable[str], valid: Collection[str], where: str = "") -> None:
    """Check that every name is a valid one.

    Raises:
        UnknownNameError: one is not; the message has the nearest ones.
    """
    for name in found:
        if name not in valid:
            raise UnknownNameError(what, name, valid, where)


def positive(found: object, expected: str) -> float:
    """A number above 0 as a float; NumPy's numbers are accepted.

    Raises:
        BudgetError: it is not above 0, or no number.
    """
    number = float(found) if isinstance(found, Real) and not isinstance(found, bool) else 0.0
    if not number > 0:
        raise BudgetError(f"expected {expected}, found {brief(found)}")
    return number


def positive_budget_ms(found: object) -> float:
    """A latency budget as a finite number of milliseconds.

    Raises:
        BudgetError: it is not above 0, infinite, or no number.
    """
    expected = "a budget above 0 ms"
    if (ms := positive(found, expected)) == inf:
        raise BudgetError(f"expected {expected}, found inf")
    return ms


class MissingCostError(NasError, LookupError):
    """A device has no cost for an op kind, which must not count as zero."""


class MissingExtraError(NasError, ImportError):
    """An optional dependency is not installed; the message says how to install it."""


class ExportError(NasError, RuntimeError):
    """A network cannot be written in a format, or computes other numbers there."""


class RuntimeUnavailableError(NasError, RuntimeError):
    """A runtime is installed, but this machine lacks the hardware it needs."""


class TraceError(NasError, ValueError):
    """A torch module cannot be built or traced."""


class CalibrationError(NasError, ValueError):
    """Measurements are unfit for making or checking a device."""


class DataError(NasError, ValueError):
    """Images or labels are unfit for training."""


class RecipeError(NasError, ValueError):
    """A training recipe does not suit the network or the images."""


class TrainingError(NasError, RuntimeError):
    """A training ended without a network: it diverged or ran out of memory."""


class ClusterError(NasError, RuntimeError):
    """No cluster answers, or it lacks the resources that were asked for."""


class WeightsError(NasError, ValueError):
    """Weights do not fit the network they are meant for."""


class ResultError(NasError, OSError):
    """A result folder exists already or cannot be written."""


class WriteError(ResultError):
    """A path cannot be written: the disk is full, or permission is denied."""

    @classmethod
    def of(cls, path: Path, error: Exception) -> WriteError:
        """The error for `path`, from what the system or a library raised."""
        return cls(
            f"{path} cannot be written: {getattr(error, 'strerror', None) or first_line(error)}"
        )


class StorageError(ResultError):
    """A database of studies cannot be opened."""


class BlockError(NasError, ValueError):
    """A file of blocks cannot be run, or a block has a name or column that it cannot have."""


class BudgetError(NasError, ValueError):
    """A budget is not a positive finite number, or a confidence is not a probability."""


Quantity = Literal["ms", "params", "macs", "peak_elements"]
"""Quantities that a limit may bound."""


class InfeasibleError(NasError):
    """No network of the space meets the limits.

    `smallest` is the least value in the space of the `quantity` whose limit is broken; for
    milliseconds it is the smallest feasible budget on `device`. `arch` is the network that reaches
    it. If each limit alone can be met, they describe a network that is close to meeting all.
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
