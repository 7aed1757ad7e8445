"""The standalone file: plain code that needs torch alone and computes the same."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from nas.deploy.export.base import Deployed
from nas.deploy.export.standalone import source, write
from nas.graph.conventions import conventions_of
from nas.graph.fuse import fuse
from nas.graph.graph import Graph, GraphBuilder
from nas.library import load_arch, load_space
from nas.modules import build
from nas.modules.fused_weights import fused
from nas.modules.layers import assemble
from nas.space.arch import Arch

from .conftest import SIDES

EVERY_KIND = Path(__file__).parents[2] / "modules" / "every_kind.yaml"
FAMILIES = ["mobilenetv1", "mobilenetv3-small", "efficientnet-b0", "repvit-m0.9", "mobilevit-xxs"]
OTHERS = [
    "convnext-t",
    "exmobilevit-640",
    "mobileone-s1",
    "swin-t",
    "transnext-micro",
    "vit-r50-b16",
]

COMPARE = """
import importlib.util, sys
from pathlib import Path

sys.modules["nas"] = None  # importing it fails, even where it is installed
import torch

try:
    import nas
except ImportError:
    pass
else:
    sys.exit("blind: the package can be imported")
torch.set_num_threads(int(sys.argv[1]))  # another number adds in another order
for path in map(Path, sys.argv[2:]):
    spec = importlib.util.spec_from_file_location("network", path)
    network = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(network)
    module = network.build(network.WEIGHTS)
    for images, logits in torch.load(path.with_suffix(".expected"), weights_only=True):
        with torch.no_grad():
            torch.testing.assert_close(module(images), logits, rtol=0, atol=1e-6)
foreign = {name.partition(".")[0] for name in sys.modules} & {"safetensors", "yaml"}
sys.exit(f"needs {foreign}" if foreign else 0)
"""


def small(arch: Arch, side: int = 64) -> Arch:
    return replace(arch, input=(3, side, side))


@torch.no_grad()
def deployed(arch: Arch, *, weights_of: str = "") -> Deployed:
    """Random weights, and norms that do something."""
    torch.manual_seed(0)
    trained, graph = build(arch, weights_of=weights_of), arch.graph
    for layer in trained.modules():
        if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d | nn.LayerNorm | nn.GroupNorm):
            layer.weight.uniform_(0.5, 1.5)
            layer.bias.normal_(std=0.1)
            layer.momentum = 1.0
    trained.train()(torch.randn(2, *arch.input))
    graph = conventions_of(weights_of, graph).applied(graph) if weights_of else graph
    return Deployed(arch, fuse(graph), fused(graph, trained.eval()))


def written(network: Deployed, folder: Path) -> Path:
    path = folder / f"{network.arch.name}.py"
    write(network, path)
    return path


def run(path: Path) -> dict[str, Any]:
    """The file's names, executed here."""
    found: dict[str, Any] = {"__name__": "network", "__file__": str(path)}
    exec(compile(path.read_text(encoding="utf-8"), path, "exec"), found)
    return found


def check_elsewhere(networks: Sequence[Deployed], folder: Path) -> None:
    """Each file gives the same logits in a Python that does not know this package."""
    paths = []
    for network in networks:
        paths.append(written(network, folder))
        images = torch.randn(3, *network.arch.input)
        with torch.no_grad():
            expected = [(batch, network.module(batch)) for batch in (images[:1], images)]
        first, second, _ = expected[1][1]
        assert (first - second).abs().max() > 1e-4, "blind: the images make no difference"
        torch.save(expected, paths[-1].with_suffix(".expected"))
    threads = str(torch.get_num_threads())
    command = [sys.executable, "-I", "-c", COMPARE, threads, *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def points(n: int) -> list[Arch]:
    space, rng = load_space("mobile"), np.random.default_rng(0)
    return [replace(space.sample(rng), name=f"point{i}") for i in range(n)]


@pytest.fixture(scope="module")
def every_kind() -> Deployed:
    return deployed(Arch.from_yaml(EVERY_KIND.read_text(encoding="utf-8")))


def test_same_logits_where_only_torch_is_known(every_kind: Deployed, tmp_path: Path) -> None:
    """Also with the padding of TensorFlow."""
    padded = deployed(small(load_arch("mobilenetv3-small")), weights_of="tensorflow")
    check_elsewhere([every_kind, padded, *map(deployed, points(1))], tmp_path)


@pytest.mark.slow
def test_known_networks_give_the_same_logits(tmp_path: Path) -> None:
    archs = [small(load_arch(name), SIDES.get(name, 64)) for name in (*FAMILIES, *OTHERS)]
    check_elsewhere([deployed(arch) for arch in archs], tmp_path)


@pytest.mark.slow
def test_random_points_give_the_same_logits(tmp_path: Path) -> None:
    check_elsewhere([deployed(small(arch, 128)) for arch in points(8)], tmp_path)


@pytest.mark.parametrize("name", FAMILIES)
def test_tensors_have_the_names_of_the_module(name: str, tmp_path: Path) -> None:
    network = deployed(small(load_arch(name)))
    own = run(written(network, tmp_path))["build"]().state_dict()
    expected = network.module.state_dict()
    assert {key: t.shape for key, t in own.items()} == {key: t.shape for key, t in expected.items()}


def test_what_follows_from_the_sizes_stands_with_the_weights(
    every_kind: Deployed, tmp_path: Path
) -> None:
    path = written(every_kind, tmp_path)
    state = torch.load(path.with_suffix(".pt"), weights_only=True)
    assert set(every_kind.module.state_dict()) < set(state)
    images = torch.randn(2, *every_kind.arch.input)
    with torch.no_grad():  # without a file, `build` must not leave them out
        torch.testing.assert_close(run(path)["build"]()(images), every_kind.module(images))


@pytest.mark.parametrize("share", range(8))
@torch.no_grad()
def test_a_network_cut_short_computes_the_same(
    every_kind: Deployed, share: int, tmp_path: Path
) -> None:
    arch = every_kind.arch
    ops = arch.graph.ops[: len(arch.graph.ops) * (share + 1) // 9]
    graph = Graph(ops, arch.graph.resolution)
    network = Deployed(arch, graph, assemble(graph).eval())
    images = torch.randn(2, *arch.input)
    found = run(path := written(network, tmp_path))
    module = found["build"](path.with_suffix(".pt"))
    torch.testing.assert_close(module(images), network.module(images))


@pytest.mark.needs("ruff")
def test_code_is_tidy_and_always_the_same(every_kind: Deployed, tmp_path: Path) -> None:
    for arch in (every_kind.arch, *points(1), *map(load_arch, FAMILIES)):
        text = source(arch, arch.fused, f"{arch.name}.pt")
        assert text == source(arch, arch.fused, f"{arch.name}.pt")
        (tmp_path / f"{arch.name}.py").write_text(text, encoding="utf-8")
    for options in (["check"], ["format", "--check", "--line-length", "100"]):
        command = [
            sys.executable,
            "-m",
            "ruff",
            *options,
            "--isolated",
            "--no-cache",
            str(tmp_path),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout


def test_every_row_is_a_class_and_equal_rows_share_one() -> None:
    arch = load_arch("mobilenetv1")
    text = source(arch, arch.fused, "w.pt")
    defined = [node.name for node in ast.parse(text).body if isinstance(node, ast.ClassDef)]
    rows = [f"Row{row}DwSeparable" for row in (2, 3, 4, 5, 6, 7, 8, 13, 14)]
    assert defined == [*rows, "Row15Pool", "Network"]
    assert text.count("= Row8DwSeparable(") == 5
    assert '"""Rows 8, 9, 10, 11, 12."""' in text
    assert "# 112x32 dw_separable " in text


def test_names_that_clash_are_told_apart(tmp_path: Path) -> None:
    g = GraphBuilder((8, 4, 4))
    x = g.input
    for row, width in enumerate((8, 12, 16)):
        with g.scope(f"row{row + 1}_param"):  # the name of a class that the file has anyway
            x = g.conv(x, width, norm=False, name="in_channels")  # and of an argument
            x = g.add("reshape", (x,), "class", shape=(x.c, 16, 1))
            x = g.add("reshape", (x,), "self", shape=(x.c, 4, 4))
    graph, arch = g.graph(), small(load_arch("mobilenetv1"))
    network = Deployed(arch, graph, assemble(graph).eval())
    module = run(path := written(network, tmp_path))["build"](path.with_suffix(".pt"))
    images = torch.randn(2, 8, 4, 4)
    torch.testing.assert_close(module(images), network.module(images))


@pytest.mark.parametrize("text", ['"""\nimport os', "\\", '"', "a\u2028b\x7f", "{name}"])
def test_a_name_cannot_become_code(text: str) -> None:
    arch = small(load_arch("mobilenetv1"))
    plain = ast.parse(source(arch, arch.fused, "w.pt"))
    odd = ast.parse(source(replace(arch, name=text, source=text), arch.fused, f"{text}.pt"))
    assert [type(node) for node in odd.body] == [type(node) for node in plain.body]
    assert f"'{text}.pt'" in ast.unparse(odd) or repr(f"{text}.pt") in ast.unparse(odd)
