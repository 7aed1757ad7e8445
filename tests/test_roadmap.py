"""The steps from MobileNetV3-L to RepViT-M0.9, one change each."""

from __future__ import annotations

from pathlib import Path

import pytest

from nas.files.resources import data_dir
from nas.graph.cost import params
from nas.library import load_arch
from nas.space.arch import Arch, read_arch

STEPS = sorted((data_dir("search_spaces") / "roadmaps" / "repvit").glob("*.yaml"))


def ops(arch: Arch) -> list[str]:
    return [row.op for row in arch.rows]


def changed(before: Arch, after: Arch) -> set[str]:
    """Columns in which rows of equal ops differ."""
    pairs = zip(before.rows, after.rows, strict=True)
    found = set()
    for a, b in pairs:
        one, other = a.canonical(), b.canonical()
        found |= {name for name in one if one[name] != other.get(name)}
    return found


def test_there_are_ten() -> None:
    assert [path.name[:2] for path in STEPS] == [f"{step:02d}" for step in range(10)]


@pytest.mark.parametrize("path", STEPS, ids=lambda path: path.stem)
def test_step_is_named_after_its_file_and_counted(path: Path) -> None:
    arch = read_arch(path)
    assert arch.name == path.stem
    counts = {"params": arch.params, "macs": arch.macs, "fused_params": params(arch.fused)}
    assert dict(arch.expect) == counts


def test_first_is_mobilenetv3_with_gelu_and_last_is_repvit() -> None:
    first, last = read_arch(STEPS[0]), read_arch(STEPS[-1])
    assert changed(load_arch("mobilenetv3-large"), first) == {"act"}
    assert last == load_arch("repvit-m0.9")


@pytest.mark.parametrize(
    ("step", "columns"), [(2, {"exp"}), (8, {"k"}), (9, {"se"})], ids=lambda value: str(value)
)
def test_step_changes_one_column(step: int, columns: set[str]) -> None:
    before, after = read_arch(STEPS[step - 1]), read_arch(STEPS[step])
    assert ops(before) == ops(after)
    assert changed(before, after) == columns


def test_other_steps_change_stem_downsampling_classifier_and_depth() -> None:
    archs = [read_arch(path) for path in STEPS]
    assert ops(archs[3])[4:] == ops(archs[4])[3:]
    swapped = [op.replace("_shallow", "") for op in ops(archs[4])]
    assert swapped == ops(archs[5])
    assert ops(archs[6])[:-2] == ops(archs[5])[:-4]
    assert [ops(archs[step]).count("repvit") for step in (6, 7)] == [11, 20]
