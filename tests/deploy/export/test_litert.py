from __future__ import annotations

from pathlib import Path

import pytest
import torch

from nas.deploy.export import FORMATS, deploy, write
from nas.deploy.export.check import check, load_photos
from nas.deploy.export.litert import without_lone_tokens
from nas.library import load_arch
from nas.modules.layers import assemble
from nas.space.arch import Arch

ONE_PATCH = """
name: one-patch
source: "a test"
input: [3, 16, 16]
columns: [op, dim, layers, heads, out, k, patch, ffn, act, s]
rows:
  - [conv, ~, ~, ~, 8, 3, ~, ~, silu, 2]
  - [mobilevit, 16, 2, 2, 8, 3, 8, 32, silu, 1]
  - [pool, ~, ~, ~, ~, ~, ~, ~, ~, ~]
  - [linear, ~, ~, ~, 10, ~, ~, ~, none, ~]
"""


def test_a_patch_as_large_as_its_map_changes_no_number() -> None:
    deployed = deploy(Arch.from_yaml(ONE_PATCH))
    graph = without_lone_tokens(deployed.graph)
    assert not any(op.kind == "attention" for op in graph.ops)
    assert {op.shape[-2] for op in graph.ops if op.kind == "layer_norm"} == {64}
    module = assemble(graph).eval()
    module.load_state_dict(deployed.module.state_dict())
    images = torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(module(images), deployed.module(images), atol=1e-6, rtol=0)


@pytest.mark.parametrize("name", ["mobilevit-xxs", "vit-b16", "mobilenetv3-small", "swin-t"])
def test_other_networks_stay_as_they_are(name: str) -> None:
    graph = load_arch(name).fused
    assert without_lone_tokens(graph) is graph


@pytest.mark.slow
@pytest.mark.needs("litert")
def test_a_patch_as_large_as_its_map_is_converted(tmp_path: Path) -> None:
    deployed = deploy(Arch.from_yaml(ONE_PATCH))
    path = tmp_path / "net.tflite"
    write(deployed, FORMATS["litert"], path)
    found = check(deployed, FORMATS["litert"], path, load_photos(deployed))
    assert found is not None
    assert found.same_top1 == 1
