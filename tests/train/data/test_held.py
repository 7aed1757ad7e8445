"""Crops of whole batches, and the split that judges."""

from __future__ import annotations

import torch

from nas.train.data import load_data
from nas.train.data.base import SHIFT, Crop, in_order
from nas.train.data.held import Held, random_parts, shifted


def test_shifted_images_are_windows_of_the_padded_ones() -> None:
    torch.manual_seed(0)
    images = torch.randint(1, 256, (20, 2, 16, 16), dtype=torch.uint8)
    moved = shifted(images)
    assert moved.shape == images.shape
    pad = round(SHIFT * 16)
    padded = torch.nn.functional.pad(images, [pad] * 4)
    windows = padded.unfold(2, 16, 1).unfold(3, 16, 1)  # every window there is
    for i in range(20):
        same = (windows[i] == moved[i][:, None, None]).all(-1).all(-1).all(0)
        assert same.sum() == 1
    assert (moved != images).flatten(1).any(1).float().mean() > 0.5


def test_random_parts_stay_inside_and_differ() -> None:
    torch.manual_seed(0)
    ramp = torch.arange(64, dtype=torch.uint8).expand(30, 1, 64, 64) * 3
    parts = random_parts(ramp, 32, 0.2)
    assert parts.shape == (30, 1, 32, 32)
    rows = parts[:, 0, 0].int()
    assert (rows.diff(dim=1) >= 0).all()  # still a ramp
    assert (rows[:, -1] - rows[:, 0]).unique().numel() > 10
    whole = random_parts(ramp, 64, 1.0)[:, 0, 0].int()
    assert ((whole[:, -1] - whole[:, 0]) >= 0.7 * 63 * 3).all()


def test_images_are_resized_once_and_batches_follow_the_plan() -> None:
    split = load_data("digits").train
    assert isinstance(split, Held)
    batches = list(split.batches([(torch.tensor([3, 1]), 32), (torch.tensor([0]), 16)]))
    assert [tuple(images.shape) for images, _ in batches] == [(2, 1, 32, 32), (1, 1, 16, 16)]
    assert batches[0][1].tolist() == split.labels[[3, 1]].tolist()
    assert split.at(32) is split.at(32)
    assert split.at(8) is split.pixels


def test_the_judging_split_is_a_fixed_share_of_every_class() -> None:
    data = load_data("digits")
    kept, out = data.held_out(0.1, seed=0)
    assert len(kept.labels) + len(out.labels) == len(data.train.labels)
    shares = torch.bincount(out.labels) / torch.bincount(data.train.labels)
    assert ((shares - 0.1).abs() < 0.01).all()
    again = data.held_out(0.1, seed=0)[1]
    assert torch.equal(out.labels, again.labels)
    assert len(data.held_out(0.5, seed=0, at_most=100)[1].labels) <= 110


def test_order() -> None:
    plan = in_order(5, 2, 32)
    assert [index.tolist() for index, _ in plan] == [[0, 1], [2, 3], [4]]
    assert {side for _, side in plan} == {32}
    assert Crop().kind == "none"
