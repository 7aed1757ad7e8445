from __future__ import annotations

from pathlib import Path

import pytest
import torch

from nas.deploy.export import FORMATS, deploy, write
from nas.deploy.export.check import TOLERANCE, check, load_photos
from nas.deploy.export.executorch import with_flat_softmax
from nas.library import load_arch
from nas.modules.layers import assemble
from nas.space.arch import Arch

SEPARABLE = """
name: separable
source: "a test"
input: [3, 16, 16]
columns: [op, layers, out, k, patch, act, s]
rows:
  - [conv, ~, 8, 3, ~, silu, 2]
  - [mobilevitv2, 2, 8, 3, 2, silu, 1]
  - [pool, ~, ~, ~, ~, ~, ~]
  - [linear, ~, 10, ~, ~, none, ~]
"""


def test_a_softmax_in_two_dimensions_changes_no_number() -> None:
    deployed = deploy(Arch.from_yaml(SEPARABLE))
    graph = with_flat_softmax(deployed.graph)
    shapes = {op.shape for op in graph.ops if op.attrs.get("fn") == "softmax"}
    assert shapes == {(4, 16)}
    assert graph.shape == deployed.graph.shape
    module = assemble(graph).eval()
    module.load_state_dict(deployed.module.state_dict())
    images = torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(module(images), deployed.module(images), atol=0, rtol=0)


@pytest.mark.parametrize("name", ["mobilevit-xxs", "swiftformer-xs", "shvit-s1"])
def test_other_networks_stay_as_they_are(name: str) -> None:
    graph = load_arch(name).fused
    assert with_flat_softmax(graph) is graph


@pytest.mark.slow
@pytest.mark.needs("executorch")
def test_a_softmax_of_a_map_is_converted(tmp_path: Path) -> None:
    deployed = deploy(Arch.from_yaml(SEPARABLE))
    path = tmp_path / "net.pte"
    write(deployed, FORMATS["executorch"], path)
    found = check(deployed, FORMATS["executorch"], path, load_photos(deployed))
    assert found is not None
    assert found.worst < TOLERANCE * found.max_logit
