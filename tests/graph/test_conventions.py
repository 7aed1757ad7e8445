"""What weights count on: compared with the libraries themselves, and read from tables."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
import torchvision
from torch import nn

from nas.errors import NasError, UnknownNameError
from nas.graph.conventions import Conventions, conventions_of
from nas.library import load_arch
from nas.space.arch import Arch

TORCHVISION = {
    **{f"mobilenetv3-{size}": f"mobilenet_v3_{size}" for size in ("small", "large")},
    **{f"efficientnet-b{i}": f"efficientnet_b{i}" for i in range(8)},
    **{f"efficientnetv2-{size}": f"efficientnet_v2_{size}" for size in ("s", "m", "l")},
    "mobilenetv2": "mobilenet_v2",
    "mnasnet": "mnasnet1_0",
    "resnet50": "resnet50",
}
TABLE = """\
name: a
source: "a test"
input: [3, 16, 16]
{}columns: [op, k, out, s]
rows:
  - [conv, 3, 8, 2]
  - [pool, ~, ~, ~]
  - [linear, ~, 10, ~]
"""


@pytest.mark.parametrize("name", TORCHVISION)
def test_epsilon_is_that_of_torchvision(name: str) -> None:
    with torch.device("meta"):
        reference = torchvision.models.get_model(TORCHVISION[name])
    eps = {m.eps for m in reference.modules() if isinstance(m, nn.BatchNorm2d)}
    found = conventions_of("torchvision", load_arch(name).graph)
    assert ({found.batch_norm_eps}, found.padding) == (eps, "symmetric")


def test_a_table_states_them_and_is_the_same_network() -> None:
    plain = Arch.from_yaml(TABLE.format(""))
    known = replace(plain, conventions=conventions_of("tensorflow", plain.graph))
    again = Arch.from_yaml(known.to_yaml())
    assert again.conventions == Conventions("tensorflow", 1e-3, "same")
    assert (again.arch_id, again.params, again.macs) == (plain.arch_id, plain.params, plain.macs)
    ops = {op.kind: op.attrs for op in again.graph.ops}
    assert (ops["conv"]["pad"], ops["batch_norm"]["eps"]) == ("same", 1e-3)
    assert "conventions" not in plain.to_yaml()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1", r"\(conventions\): expected keys and values, found 1"),
        ("{weights_of: timm, padding: same}", "key 'batch_norm_eps' is missing"),
        ("{weights_of: tim, batch_norm_eps: 0.1, padding: same}", "nearest: timm"),
        (
            "{weights_of: timm, batch_norm_eps: 0.1, padding: valid}",
            r"\(conventions.padding\): unknown value 'valid'",
        ),
        (
            "{weights_of: timm, batch_norm_eps: 2.0, padding: same}",
            "above 0 and below 1, found 2.0",
        ),
    ],
)
def test_a_mistake_is_named(text: str, message: str) -> None:
    with pytest.raises(NasError, match=message):
        Arch.from_yaml(TABLE.format(f"conventions: {text}\n"))


def test_an_unknown_origin_is_named() -> None:
    with pytest.raises(UnknownNameError, match="--weights-of: unknown origin of weights 'keras'"):
        conventions_of("keras", load_arch("mobilenetv2").graph)
