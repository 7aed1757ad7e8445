"""Multipliers: each family's rounding, as data. Sizes are held to timm in `tests/build`."""

from __future__ import annotations

from pathlib import Path

import pytest

from nas.errors import ArchError, DocumentError, UnknownNameError
from nas.files.resources import VARIANTS, named
from nas.library import load_arch
from nas.space.arch import Arch
from nas.space.scaling import read_variant, scaled


def outs(arch: Arch, op: str) -> list[int]:
    return [row.canonical()["out"] for row in arch.rows if row.op == op]


def test_multipliers_of_1_change_nothing(representative: Arch) -> None:
    assert scaled(representative) == representative


def test_widths_are_multiples_of_8_not_below_90_percent() -> None:
    base = load_arch("mobilenetv2")
    for width in (0.35, 0.5, 0.9, 1.1, 1.4):
        for old, new in zip(outs(base, "mv2"), outs(scaled(base, width=width), "mv2"), strict=True):
            assert new % 8 == 0
            assert new >= 0.9 * width * old


def test_head_of_mobilenetv2_only_grows() -> None:
    base = load_arch("mobilenetv2")
    assert outs(scaled(base, width=0.5), "conv") == [16, 1280]
    assert outs(scaled(base, width=1.4), "conv") == [48, 1792]


def test_stem_of_mobilenetv3_keeps_its_width_and_its_classifier_does() -> None:
    small = load_arch("mobilenetv3-small-0.5")
    assert outs(small, "conv") == [16, 288]
    assert outs(small, "linear") == [1024, 1000]


def test_expansions_keep_their_ratio_to_the_input() -> None:
    base = load_arch("mobilenetv3-large")
    rows = [row for row in scaled(base, width=0.5).rows if row.op == "bneck"]
    assert [(row.canonical()["exp"], row.canonical()["out"]) for row in rows[6:9]] == [
        (144, 40),
        (104, 40),
        (96, 40),
    ]


def test_depth_of_a_stage_is_rounded_up() -> None:
    rows = scaled(load_arch("efficientnet-b0"), depth=1.1).rows
    counts = [
        sum(row.canonical().get("out") == out for row in rows) for out in (16, 24, 80, 192, 320)
    ]
    assert counts == [2, 3, 4, 5, 2]


def test_whole_products_are_not_rounded_up_by_binary_fractions() -> None:
    assert len(scaled(load_arch("repvit-m0.9"), depth=1.1).rows) == 26 + 1 + 1 + 2 + 1


def test_first_and_last_stage_of_lite_keep_their_depth() -> None:
    rows = load_arch("efficientnet-lite4").rows
    assert [sum(row.canonical().get("out") == out for row in rows) for out in (24, 448)] == [1, 1]


def test_added_blocks_continue_the_alternation_of_se() -> None:
    rows = scaled(load_arch("repvit-m0.9"), depth=1.5).rows
    stage = [row.canonical()["se"] for row in rows if row.op == "repvit" and row.out == 192]
    assert stage == [0.25, None] * 10 + [0.25]


def test_scaled_network_scales_on() -> None:
    base = load_arch("mobilenetv2")
    once = scaled(base, width=0.5)
    assert scaled(once, width=1.0, side=96).input == (3, 96, 96)
    assert Arch.from_yaml(once.to_yaml()).scale == once.scale
    assert outs(scaled(Arch.from_yaml(base.to_yaml()), width=0.5), "conv")[-1] == 1280


@pytest.mark.parametrize("by", [{"width": 0}, {"depth": -1}, {"width": float("nan")}])
def test_multiplier_out_of_reason_is_refused(by: dict[str, float]) -> None:
    with pytest.raises(ArchError, match="multipliers"):
        scaled(load_arch("mobilenetv2"), **by)


def test_side_that_a_patch_does_not_divide_is_refused() -> None:
    with pytest.raises(ArchError, match="patch size 2 does not divide"):
        scaled(load_arch("mobilevit-s"), side=224 + 8)


def test_unknown_suffix_is_answered_with_the_nearest_names() -> None:
    with pytest.raises(UnknownNameError, match=r"nearest: .*mobilenetv2-0.5"):
        load_arch("mobilenetv2-0.55")


@pytest.mark.parametrize("cell", ["x", "", "0"])
def test_damaged_variant_names_the_file(tmp_path: Path, cell: str) -> None:
    (tmp_path / "mobilenetv2.yaml").write_text(load_arch("mobilenetv2").to_yaml(), encoding="utf-8")
    path = tmp_path / VARIANTS
    head = "name,of,width,depth,side,params,macs,source\n"
    path.write_text(head + f"half,mobilenetv2,{cell},1,224,1,1,s\n", encoding="utf-8")
    with pytest.raises((DocumentError, ArchError)):
        read_variant(path, "half")


@pytest.mark.parametrize("text", ["a,b\n1,2\n", "", "name,of\n"])
def test_file_that_is_no_table_of_variants_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / VARIANTS).write_text(text, encoding="utf-8")
    with pytest.raises(DocumentError, match="line 1: column '[a-z]+' is missing"):
        load_arch(tmp_path / VARIANTS)


def test_every_variant_is_of_a_table() -> None:
    files = named("architecture")
    for name, path in files.items():
        if path.name == VARIANTS:
            assert load_arch(name).source
