"""Names of the zero-cost proxies, without torch."""

from __future__ import annotations

from collections.abc import Iterable

from nas.errors import check_names

PROXIES = ("naswot", "synflow", "zico", "zen")
SIZES = ("params", "macs")
"""The baselines of every proxy."""


def check_proxies(names: Iterable[str], where: str = "") -> None:
    """Refuse a name that is neither a proxy nor a size; `where` names the option in the message.

    Raises:
        UnknownNameError: with the nearest names.
    """
    check_names("zero-cost proxy", names, (*PROXIES, *SIZES), where)
