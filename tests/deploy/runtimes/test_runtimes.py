"""The contract of every runtime: what is fed is what is run, and the result stays."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from nas.deploy.export import FORMATS, deploy, write
from nas.deploy.runtimes import RUNTIMES, Runtime, run
from nas.errors import MissingExtraError, RuntimeUnavailableError
from nas.space.arch import Arch

from ...conftest import needing

TINY = """
name: tiny
source: "a test"
input: [3, 16, 16]
columns: [op, k, out, act, s]
rows:
  - [conv, 3, 8, relu, 2]
  - [pool, ~, ~, ~, ~]
  - [linear, ~, 4, none, ~]
"""
GPU = torch.cuda.is_available()
HERE = [runtime for runtime in RUNTIMES.values() if runtime.accelerator is None or GPU]


@pytest.fixture(params=[needing(own, own.extra) for own in HERE], ids=lambda own: own.name)
def runtime(request: pytest.FixtureRequest) -> Runtime:
    return request.param


@pytest.mark.slow
def test_a_session_computes_what_torch_does(runtime: Runtime, tmp_path: Path) -> None:
    deployed = deploy(Arch.from_yaml(TINY), batch=2)
    path = tmp_path / f"net{FORMATS[runtime.format].suffix}"
    write(deployed, FORMATS[runtime.format], path)
    session = runtime.load(path, 1)
    first, second = np.random.default_rng(0).standard_normal((2, 2, 3, 16, 16)).astype(np.float32)
    kept = run(session, first)
    np.testing.assert_allclose(kept, deployed.logits(first), atol=1e-5)
    session.feed(second)
    session.invoke()
    session.invoke()
    np.testing.assert_allclose(session.result(), deployed.logits(second), atol=1e-5)
    assert runtime.version()[0].isdigit()


def test_no_runtime_is_imported_before_it_is_used() -> None:
    text = "import sys, nas.deploy.runtimes; sys.exit(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=False)
    loaded = set(done.stderr.split())
    assert "nas.deploy.runtimes.onnxruntime" in loaded
    assert not loaded & {"onnxruntime", "ai_edge_litert", "executorch", "openvino", "torch"}


def test_what_is_not_installed_is_answered_with_the_line_that_installs_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingExtraError, match=r"pip install '\.\[onnx\]'"):
        RUNTIMES["onnxruntime"].load(tmp_path / "net.onnx", 1)


def test_what_executes_is_named() -> None:
    assert RUNTIMES["onnxruntime"].hardware("a CPU") == "a CPU"
    if GPU:
        assert RUNTIMES["torch-cuda"].hardware("a CPU") == torch.cuda.get_device_name()


@pytest.mark.skipif(GPU, reason="there is a CUDA device")
def test_cuda_without_a_device_is_one_message(tmp_path: Path) -> None:
    with pytest.raises(RuntimeUnavailableError, match="no CUDA device"):
        RUNTIMES["torch-cuda"].load(tmp_path / "net.pt2", 1)
