"""Networks for other classes and images."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from nas.blocks.mobilevit import MobileViT
from nas.errors import ArchError
from nas.library import load_arch, load_space
from nas.space.arch import Arch
from nas.space.retarget import for_task, space_for_task


def test_only_the_classifier_changes_at_the_own_side(representative: Arch) -> None:
    fitted = for_task(representative, classes=10)
    assert fitted.input == representative.input
    assert fitted.rows[:-1] == representative.rows[:-1]
    assert fitted.graph.shape == (10,)


def test_the_same_task_is_the_same_network() -> None:
    arch = load_arch("mobilenetv2")
    assert for_task(arch, classes=1000, side=224) is arch


def test_a_network_of_other_channels_than_images_have_is_refused() -> None:
    rows = load_arch("mobilenetv1").rows
    with pytest.raises(ArchError, match="expected 3 channels.*, found 1 in"):
        for_task(Arch("grey", "a test", (1, 224, 224), rows), classes=10)


def test_weights_keep_their_shapes_on_smaller_images() -> None:
    arch = load_arch("mobilevit-s")
    small = for_task(arch, classes=1000, side=32)
    assert small.params == arch.params
    patches = [row.patch for row in small.rows if isinstance(row, MobileViT)]
    assert patches == [2, 2, 1]


def test_every_point_of_mobile_stands_on_small_images() -> None:
    import numpy as np

    space, rng = load_space("mobile"), np.random.default_rng(0)
    for _ in range(50):
        assert for_task(space.sample(rng), classes=10, side=32).graph.shape == (10,)


def test_what_cannot_be_done_is_said() -> None:
    arch = load_arch("mobilenetv2")
    headless = replace(arch, rows=arch.rows[:-2])
    with pytest.raises(ArchError, match=r"its last row \(conv\) is no classifier"):
        for_task(headless, classes=10)
    with pytest.raises(ArchError, match=r"swin-t on 40 x 40 images: row \d+"):
        for_task(load_arch("swin-t"), classes=10, side=40)


def test_a_space_for_other_images_holds_its_networks_for_them() -> None:
    space = load_space("mobile32")
    other = space_for_task(space, classes=7, side=lambda own: own * 2)
    assert other.table.inputs == ((3, 64, 64),)
    for seed in range(5):
        arch = space.sample(np.random.default_rng(seed))
        fitted = for_task(arch, classes=7, side=64)
        assert other.contains(fitted)
    assert space_for_task(space, classes=10) is space
