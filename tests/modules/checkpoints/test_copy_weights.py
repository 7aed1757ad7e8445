"""Weights move by order of execution, or not at all."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from nas.errors import WeightsError
from nas.modules.checkpoints.copy_weights import copy_by_structure

IMAGES = torch.ones(2, 3, 4, 4)


class Crossed(nn.Module):
    """Executes its layers in the opposite order of their definition."""

    def __init__(self) -> None:
        super().__init__()
        self.last = nn.Conv2d(4, 5, 1)
        self.norm = nn.BatchNorm2d(4)
        self.first = nn.Conv2d(3, 4, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(self.norm(self.first(x)).relu())


def plain(*layers: nn.Module) -> nn.Module:
    return nn.Sequential(*layers)


def straight() -> nn.Module:
    return plain(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 5, 1))


def test_layers_are_matched_by_execution_not_by_definition() -> None:
    torch.manual_seed(0)
    source, target = Crossed(), straight()
    source(torch.randn(8, 3, 4, 4))  # gives the norm its own statistics
    copy_by_structure(source, target, IMAGES)
    assert torch.equal(target.eval()(IMAGES), source.eval()(IMAGES))
    assert int(target[1].num_batches_tracked) == 1


def test_pointwise_convolution_and_linear_are_one() -> None:
    source = plain(nn.AdaptiveAvgPool2d(1), nn.Conv2d(3, 5, 1), nn.Flatten())
    target = plain(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 5))
    copy_by_structure(source, target, IMAGES)
    assert torch.equal(target(IMAGES), source(IMAGES))


def test_modes_and_hooks_are_left_as_they_were() -> None:
    source, target = Crossed().train(), straight()
    source.norm.eval()
    copy_by_structure(source, target, IMAGES)
    assert (source.training, source.norm.training, source.first.training) == (True, False, True)
    assert not any(layer._forward_pre_hooks for layer in source.modules())


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (
            plain(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.Conv2d(4, 5, 1)),
            r"first\.weight \(Conv2d, 4x3x3x3\) does not fit the target's 0\.weight",
        ),
        (
            plain(nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4), nn.Conv2d(4, 5, 1)),
            r"first\.bias \(Conv2d, 4\) does not fit the target's 0\.bias \(Conv2d, missing\)",
        ),
        (
            plain(nn.Conv2d(3, 4, 3), nn.GroupNorm(2, 4), nn.Conv2d(4, 5, 1)),
            r"norm\.weight \(BatchNorm2d, 4\) does not fit the target's 1\.weight \(GroupNorm, 4\)",
        ),
        (plain(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)), r"last has no counterpart: 3 layers for 2"),
        (
            plain(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Conv2d(4, 5, 1), nn.BatchNorm2d(5)),
            r"3 has no counterpart: 3 layers for 4",
        ),
    ],
    ids=["shape", "bias", "kind", "missing", "extra"],
)
def test_first_tensor_that_does_not_fit_is_named_and_nothing_is_copied(
    target: nn.Module, message: str
) -> None:
    before = {name: tensor.clone() for name, tensor in target.state_dict().items()}
    with pytest.raises(WeightsError, match=message):
        copy_by_structure(Crossed(), target, IMAGES)
    assert all(torch.equal(before[name], tensor) for name, tensor in target.state_dict().items())


def test_layer_that_is_not_executed_is_an_error() -> None:
    source = Crossed()
    source.spare = nn.Linear(3, 3)
    with pytest.raises(WeightsError, match="spare owns tensors but is not executed"):
        copy_by_structure(source, straight(), IMAGES)
