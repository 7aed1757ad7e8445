"""An error reaches the user as it was raised, also from another process."""

from __future__ import annotations

import pickle

import pytest

from nas import errors
from nas.errors import InfeasibleError, NasError, UnknownNameError
from nas.library import load_arch

PLAIN = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type)
    and issubclass(kind, NasError)
    and kind not in (UnknownNameError, InfeasibleError)
]
"""Those that are made of a message alone."""


@pytest.mark.parametrize("kind", PLAIN, ids=lambda kind: kind.__name__)
def test_every_error_crosses_from_process_to_process(kind: type[NasError]) -> None:
    error = kind("net.yaml row 4: nothing fits")
    error.row = 4  # type: ignore[attr-defined]
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is kind
    assert str(again) == "net.yaml row 4: nothing fits"
    assert (again.row, again.exit_code) == (4, kind.exit_code)


def test_an_unknown_name_crosses_from_process_to_process() -> None:
    error = UnknownNameError("device", "iphone", ["iphone12-lut"], "sweep.yaml")
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is UnknownNameError
    assert (
        str(again) == str(error) == ("sweep.yaml: unknown device 'iphone'; nearest: iphone12-lut")
    )


def test_an_infeasible_budget_keeps_its_network() -> None:
    arch = load_arch("mobilenetv2")
    error = InfeasibleError("none", arch=arch, smallest=arch.params, quantity="params")
    again = pickle.loads(pickle.dumps(error))
    assert (again.arch, again.smallest, again.quantity) == (arch, arch.params, "params")
    assert (str(again), again.exit_code) == ("none", 3)
