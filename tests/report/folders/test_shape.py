"""A document of ours is held to the shape that its readers rely on."""

from __future__ import annotations

import pytest

from nas.errors import DocumentError
from nas.report.folders.shape import check


def test_a_list_has_as_many_values_as_shapes_each_of_its_own() -> None:
    pair, many = {"pair": [str, int]}, {"many": [int]}
    check({"pair": ["a", 1]}, pair, "f")
    check({"many": [1, 2, 3]}, many, "f")
    check({"many": []}, many, "f")
    with pytest.raises(DocumentError, match=r"f \(pair 2\): expected int, found 'b'"):
        check({"pair": ["a", "b"]}, pair, "f")
    with pytest.raises(DocumentError, match=r"f \(pair\): expected 2 values"):
        check({"pair": ["a"]}, pair, "f")
