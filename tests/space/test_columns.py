"""Columns lower many rows as one row is lowered."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nas.blocks import BLOCKS
from nas.blocks.mobilenet import Bneck
from nas.blocks.mobilevit import MobileViT
from nas.graph.cost import macs, params
from nas.graph.graph import GraphBuilder, Place
from nas.graph.widths import Ratio
from nas.space.columns import Column, ColumnSplit, lower_columns, opened, template


def column(*values: int) -> Column:
    return np.array(values).view(Column)


def test_truth_of_an_agreeing_column_is_its_value() -> None:
    assert column(1, 2)
    assert not column(0, 0)
    assert column(3, 3) == 3


def test_truth_of_a_disagreeing_column_splits() -> None:
    with pytest.raises(ColumnSplit) as signal:
        bool(column(1, 2, 3) > 1)
    assert signal.value.mask.tolist() == [False, True, True]


def test_templates_leave_numbers_open_and_keep_ratios() -> None:
    a, b = Bneck(out=24, exp=72), Bneck(out=40, exp=120)
    assert template([a]) == template([b])
    assert template([a]) != template([Bneck(out=24, exp=Ratio(3))])
    assert opened([a]) == [24, 72, 3]


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_columns_count_what_single_rows_count(data: st.DataObject) -> None:
    """Residual or not, expansion or not: each row of a column as if lowered alone."""
    n = data.draw(st.integers(1, 12))
    multiples = st.lists(st.integers(1, 12).map(lambda m: 8 * m), min_size=n, max_size=n)
    outs, exps, ins = (np.array(data.draw(multiples)) for _ in range(3))
    side = np.array(data.draw(st.lists(st.integers(1, 30), min_size=n, max_size=n)))
    kernels = np.array(data.draw(st.lists(st.sampled_from([3, 5, 7]), min_size=n, max_size=n)))
    op = data.draw(st.sampled_from(["mv2", "bneck", "mbconv", "fused_mbconv"]))
    row = BLOCKS[op](out=8, exp=8, s=data.draw(st.sampled_from([1, 2])))
    folds = {"params": params, "macs": macs}
    covered = []
    for index, seen, found in lower_columns(
        [row],
        np.array([outs, exps, kernels]),
        Place((ins, side, side), side * 2, np.zeros_like(side)),
        folds,
    ):
        covered += index.tolist()
        for place, i in enumerate(index):
            g = GraphBuilder((int(ins[i]), int(side[i]), int(side[i])))
            alone = type(row)(out=int(outs[i]), exp=int(exps[i]), k=int(kernels[i]), s=row.s)
            after = alone.lower(g, g.input)
            graph = g.graph()
            for name, fold in folds.items():
                assert np.broadcast_to(found[name], index.shape)[place] == fold(graph)
            for have, want in zip(seen.shape, after.shape, strict=True):
                assert np.broadcast_to(have, index.shape)[place] == want
    assert sorted(covered) == list(range(n))


def test_rows_that_cannot_stand_are_left_out() -> None:
    """A patch of 4 divides a map of 8 and not one of 14."""
    sides = np.array([8, 14, 12])
    row = MobileViT(dim=64, layers=1, patch=4)
    numbers = np.tile(np.array(opened([row]))[:, None], 3)
    place = Place((np.full(3, 32), sides, sides), sides * 16, np.zeros(3, int))
    found = list(lower_columns([row], numbers, place, {}))
    assert sorted(np.concatenate([index for index, _, _ in found])) == [0, 2]
