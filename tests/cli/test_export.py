"""`nas export`: what a user sees of it, and what a kill or a full disk leaves."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nas.deploy.export import FORMATS, Deployed, Format
from nas.errors import ExportError
from nas.library import load_arch
from nas.modules import build, save_weights
from nas.space.retarget import for_task

from ..conftest import needing
from .conftest import Nas

SMALL = "mobilenetv3-small-0.5"
COMMAND = [sys.executable, "-c", "from nas.cli.main import main; main()"]


def test_the_table_says_what_was_written_and_checked(nas: Nas, tmp_path: Path) -> None:
    done = nas("export", SMALL, "--format", "yaml,torch", "--out", str(tmp_path))
    assert done.code == 0
    assert done.err == ""
    assert "random: none were given" in done.out
    *lines, written = done.out.splitlines()
    assert max(map(len, lines)) <= 80
    assert written.endswith(str(tmp_path / SMALL))  # a path is not broken
    suffixes = {path.suffix for path in (tmp_path / SMALL).glob("[!.]*")}
    assert suffixes == {".yaml", ".pt2", ".py", ".pt"}
    assert load_arch(tmp_path / SMALL / f"{SMALL}.yaml") == load_arch(SMALL)


def test_a_folder_of_results_is_exported_as_it_was_trained(nas: Nas, tmp_path: Path) -> None:
    arch, folder = load_arch(SMALL), tmp_path / "mine"
    trained = for_task(arch, classes=10, side=32)
    folder.mkdir()
    arch.to_yaml(folder / "best.yaml")
    trained.to_yaml(folder / "trained.yaml")
    save_weights(build(trained), folder / "weights.safetensors")
    out = tmp_path / "exports"
    done = nas("export", str(folder), "--format", "yaml", "--out", str(out), "--json")
    content = json.loads(done.out)
    assert content["path"] == str(out / "mine")
    assert load_arch(out / "mine" / "mine.yaml").arch_id == trained.arch_id
    assert content["network"]["arch_id"] == trained.arch_id
    assert content["weights"]["given"]


def test_json_is_the_manifest_and_what_targets_may_not_like(nas: Nas, tmp_path: Path) -> None:
    done = nas("export", SMALL, "--format", "onnx", "--out", str(tmp_path), "--json")
    content = json.loads(done.out)
    assert done.code == 0
    assert content["path"] == str(tmp_path / SMALL)
    (onnx,) = content["formats"]
    assert onnx["check"]["runtime"] == "onnxruntime"
    assert onnx["check"]["max_logit"] > 0
    assert content["input"]["shape"] == [1, 3, 224, 224]
    assert {"torch", "onnx", "onnxruntime", "python"} <= set(content["versions"])
    assert content["weights"] == {"seed": 0, "given": False}


def test_what_targets_may_not_like_is_said_before_anything_is_converted(
    nas: Nas, tmp_path: Path
) -> None:
    done = nas("export", SMALL, "--format", "coreml", "--out", str(tmp_path), "--weights", "none")
    assert done.code == 2  # there is no such file
    assert "hard-swish" in done.out
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--format", "onx"], "--format: unknown format 'onx'; nearest: onnx"),
        (["--format", "yaml", "--batch", "0"], "expected a number from 1, or `dynamic`"),
        (["--format", "yaml", "--normalisation", "imagnet"], "nearest: imagenet"),
        (["--format", "yaml", "--photos", "nowhere"], "nowhere: no images"),
        (["--format", "yaml", "--weights", "nowhere.safetensors"], "nowhere.safetensors"),
    ],
)
def test_bad_input_is_one_message(
    nas: Nas, tmp_path: Path, options: list[str], message: str
) -> None:
    done = nas("export", SMALL, *options, "--out", str(tmp_path))
    assert done.code == 2
    assert message in " ".join(done.err.split())
    assert not list(tmp_path.iterdir())


def test_an_export_that_is_there_is_kept(nas: Nas, tmp_path: Path) -> None:
    arguments = ("export", SMALL, "--format", "yaml", "--out", str(tmp_path))
    assert nas(*arguments).code == 0
    again = nas(*arguments)
    assert again.code == 2
    assert "exists and is kept" in again.err
    assert nas(*arguments, "--force").code == 0


def test_a_format_that_fails_is_said_and_the_others_stay(
    nas: Nas, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(network: Deployed, path: Path) -> None:
        raise ExportError("strict: row 1, row1_conv.conv.act (act): no hard-swish here")

    monkeypatch.setitem(FORMATS, "strict", Format("strict", None, ".s", refuse, None))
    done = nas("export", SMALL, "--format", "yaml,strict", "--out", str(tmp_path))
    assert done.code == 2
    assert "no hard-swish here" in done.out
    assert done.err.endswith("nas: strict: row 1, row1_conv.conv.act (act): no hard-swish here\n")
    assert (tmp_path / SMALL / f"{SMALL}.yaml").exists()


@pytest.mark.slow
def test_a_killed_export_leaves_nothing_under_its_name(tmp_path: Path) -> None:
    arguments = ["export", SMALL, "--format", "yaml,torch,onnx", "--out", str(tmp_path)]
    with subprocess.Popen([*COMMAND, *arguments]) as process:
        while not [*tmp_path.glob(f".*/{SMALL}.yaml")]:  # the first is written, others are not
            time.sleep(0.05)
        os.kill(process.pid, signal.SIGKILL)
    (draft,) = filter(Path.is_dir, tmp_path.iterdir())  # the lock's file is beside it
    assert draft.name.startswith(f".{SMALL}.")
    assert (draft / f"{SMALL}.yaml").exists()


WIDE = """
name: wide
source: "made for a test"
input: [3, 32, 32]
columns: [op, k, out, act, s]
rows:
  - [conv, 3, 768, relu, 4]
  - [pool, ~, ~, ~, ~]
  - [linear, ~, 1000, ~, ~]
"""
"""Few ops, which are soon converted, and more than 1 MB of weights in any precision."""


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("unshare") is None or os.geteuid() != 0, reason="cannot mount")
@pytest.mark.parametrize(
    "format", ["torch", "onnx", "coreml", *map(needing, ("litert", "executorch"))]
)
def test_a_full_disk_leaves_nothing_and_is_said(
    format: str, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """On a real file system of 1 MB, in a mount namespace of its own."""
    wide = tmp_path_factory.mktemp("wide") / "wide.yaml"
    wide.write_text(WIDE, encoding="utf-8")
    script = (
        f"mount -t tmpfs -o size=1m none {tmp_path} || exit 77; "
        f'"$@" export {wide} --format {format} --out {tmp_path}; '
        f"code=$?; ls -A {tmp_path} >&2; exit $code"
    )
    command = ["unshare", "--mount", "bash", "-c", script, "bash", *COMMAND]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 77:
        pytest.skip(f"cannot mount: {done.stderr}")
    assert done.returncode == 2
    assert "cannot be written: " in done.stderr
    assert "Traceback" not in done.stderr
    assert "No space left on device" in done.stderr.splitlines()[-1]  # and no file is listed
