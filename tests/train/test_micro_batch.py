"""Images per forward pass on a CPU follow from what the network keeps for its backward pass."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from nas.library import load_arch
from nas.modules import build
from nas.space.arch import Arch
from nas.space.retarget import for_task
from nas.train import micro_batch
from nas.train.loop import Setting, Training
from nas.train.micro_batch import images_with_room, kept_bytes
from nas.train.run import Task


def saved_bytes(arch: Arch) -> int:
    """Bytes of activations that torch itself keeps for the backward pass of one image."""
    module = build(arch).train()
    weights = {tensor.data_ptr() for tensor in module.state_dict().values()}
    kept: dict[int, int] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if tensor.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        module(torch.rand(2, *arch.input)).sum()
    return sum(kept.values()) // 2


@pytest.mark.parametrize(
    "name", ["mobilenetv3-large", "efficientnet-b0", "repvit-m0.9", "mobilevit-xxs", "convnext-t"]
)
def test_the_estimate_is_what_torch_keeps(name: str) -> None:
    arch = for_task(load_arch(name), classes=10, side=64)
    ratio = kept_bytes(arch.graph) / saved_bytes(arch)
    assert 0.7 < ratio < 1.6, ratio


def test_small_images_are_not_parted_and_large_ones_are(tiny: Arch) -> None:
    assert images_with_room(tiny.graph, 128, 64) == 128
    large = for_task(tiny, classes=10, side=256)
    few = images_with_room(large.graph, 128, 256)
    assert micro_batch.LEAST < few < 128
    assert few * kept_bytes(large.graph) <= micro_batch.ACTIVATION_BYTES
    assert images_with_room(tiny.graph, 128, 256) == few  # the same network at that side
    assert images_with_room(tiny.graph, 128, 10_000) == micro_batch.LEAST


def passes(training: Training, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Images of each forward pass of an epoch."""
    sizes: list[int] = []

    def noted(module: nn.Module, inputs: tuple[torch.Tensor]) -> None:
        sizes.append(len(inputs[0]))

    first = next(own for own in training.module.modules() if isinstance(own, nn.Conv2d))
    first.register_forward_pre_hook(noted)
    training.run_epoch(evaluate=False)
    return sizes


def test_a_training_takes_as_many_images_as_have_room(
    task: Task, tiny: Arch, monkeypatch: pytest.MonkeyPatch
) -> None:
    fitted = task.fit(tiny)
    whole = passes(task.training(fitted, epochs=1, seed=0), monkeypatch)
    assert set(whole) == {32}
    monkeypatch.setattr(micro_batch, "ACTIVATION_BYTES", 9 * kept_bytes(fitted.graph))
    assert set(passes(task.training(fitted, epochs=1, seed=0), monkeypatch)) == {8}
    chosen = replace(task, setting=Setting(micro_batch=16))
    assert set(passes(chosen.training(fitted, epochs=1, seed=0), monkeypatch)) == {16}
