"""An error reaches the user as it was raised, also from another process."""

from __future__ import annotations

import pickle

from nas.errors import UnknownNameError


def test_an_unknown_name_crosses_from_process_to_process() -> None:
    error = UnknownNameError("device", "iphone", ["iphone12-lut"], "sweep.yaml")
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is UnknownNameError
    assert (
        str(again) == str(error) == ("sweep.yaml: unknown device 'iphone'; nearest: iphone12-lut")
    )
