"""Cells of a table that change together, and latencies of other widths."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
import pytest

from nas.adapt.dependencies import DependencyGraph, structure
from nas.adapt.width_changes import predict_ms, width_changes, with_rows
from nas.adapt.width_groups import WidthGroup, width_groups
from nas.errors import ArchError
from nas.library import load_arch, load_device
from nas.space.arch import Arch


def named(name: str) -> dict[str, WidthGroup]:
    return {group.name: group for group in width_groups(load_arch(name))}


def test_expansions_are_free_and_residuals_tie_outs() -> None:
    found = named("mobilenetv2")
    assert found["row 6 exp"].values == (192,)
    assert found["rows 5-7 out"].values == (32, 32, 32)


def test_a_block_without_expansion_follows_what_reaches_it() -> None:
    (name,) = (name for name in named("mobilenetv2") if name.startswith("rows 1-2"))
    assert name == "rows 1-2 out+exp"


def test_heads_go_with_the_width_they_divide() -> None:
    (group,) = (group for name, group in named("mobilevit-s").items() if "row 7 dim" in name)
    assert dict(zip(group.cells, group.values, strict=True)) == {(6, "dim"): 144, (6, "heads"): 4}


def test_queries_of_a_single_head_keep_their_width() -> None:
    assert not any("dim" in name for name in named("iformer-t"))


def test_classes_never_change(representative: Arch) -> None:
    last = len(representative.rows) - 1
    assert not any(row == last for group in width_groups(representative) for row, _ in group.cells)


def test_every_width_of_every_table_is_in_one_knob_at_most(representative: Arch) -> None:
    cells = [cell for group in width_groups(representative) for cell in group.cells]
    assert len(cells) == len(set(cells)) > 0


def test_prices_are_those_of_the_new_tables(representative: Arch) -> None:
    device, rng = load_device("iphone12-lut"), np.random.default_rng(0)
    listed = list(width_changes(representative, device, 8))
    for index in rng.permutation(len(listed))[:4]:
        change = listed[index]
        made = with_rows(representative, change.rows)
        assert structure(made.graph) == structure(representative.graph)
        assert change.ms == pytest.approx(device.predict(made).ms, rel=1e-9)


def test_every_knob_that_can_be_priced_can_be_cut(representative: Arch) -> None:
    device, channels = load_device("iphone12-lut"), DependencyGraph.of(representative.graph)
    scores = np.arange(channels.n_coupled, dtype=float)
    tried: dict[WidthGroup, list[bool]] = {}
    for change in width_changes(representative, device, 8):
        own = tried.setdefault(change.group, [])
        if len(own) < 2:
            own.append(False)
            with suppress(ArchError):
                channels.keep_mask(with_rows(representative, change.rows).graph, scores)
                own[-1] = True
    assert [group.name for group, own in tried.items() if not any(own)] == []


def test_what_has_other_layers_has_no_price() -> None:
    arch, device = load_arch("mobilenetv2"), load_device("iphone12-lut")
    expansion = named("mobilenetv2")["row 6 exp"]
    equal = expansion.at(arch.rows, 32)  # as wide as the input: no expansion is left
    assert np.isnan(predict_ms(arch, [equal], device)).all()
