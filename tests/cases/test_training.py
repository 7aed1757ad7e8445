"""Trainings that were judged at chance although they had learnt."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from nas.library import load_arch
from nas.modules import build
from nas.train.augment import normalised
from nas.train.data import load_data
from nas.train.data.base import in_order

from .conftest import Nas


def plain_top1(folder: Path) -> float:
    """Percent of the digits' test split, by nothing but the files of a result."""
    data = load_data("digits")
    network = load_arch(folder)
    (weights,) = folder.glob("*/weights.safetensors")
    module = build(network, weights=weights).eval()
    plan = in_order(len(data.test.labels), 512, network.input[1])
    (batch,) = data.test.batches(plan)
    with torch.no_grad():
        right = module(normalised(batch[0], data)).argmax(1) == batch[1]
    return 100 * float(right.float().mean())


@pytest.mark.slow
def test_two_epochs_are_judged_by_what_they_taught(nas: Nas, here: Path) -> None:
    asked = ("train", "mobilenetv3-small", "--data", "digits", "--epochs", "2", "--name", "two")
    ran = nas(*asked, "--json")
    found = json.loads(ran.out)
    assert found["judged"]["top1"] > 35  # 9.8 with statistics of fresh weights, chance is 10
    assert found["test"]["top1"] > 40
    assert plain_top1(here / found["path"]) == pytest.approx(found["test"]["top1"], abs=0.3)


@pytest.mark.slow
def test_narrowing_starts_from_what_the_network_can(nas: Nas, here: Path) -> None:
    """Weights whose statistics are those of a fresh network are not judged by them."""
    nas("train", "mobilenetv3-small-0.5", "--data", "digits", "--epochs", "5", "--batch", "32",
        "--name", "start")  # fmt: skip
    state = load_file("results/start/seed0/weights.safetensors")
    for name, tensor in state.items():
        if name.endswith(("running_mean", "running_var")):
            tensor.fill_(float(name.endswith("var")))
    save_file(state, "old.safetensors")
    ran = nas(
        "adapt", "results/start", "--weights", "old.safetensors", "--device", "sd855-cpu-1t",
        "--budget-ms", "0.8", "--data", "digits", "--batch", "32", "--steps", "5",
        "--delta", "0.2", "--proposals", "2", "--epochs", "1", "--name", "narrow", "--json",
    )  # fmt: skip
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["judged_top1"]["before"] > 50
