"""What starts quickly: modules that a command must not import."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

NUMERIC = {"numpy", "pandas", "scipy", "matplotlib", "yaml", "torch", "optuna", "ray"}


def loaded(*args: str) -> set[str]:
    """Top-level modules after `nas ARGS` in a fresh process."""
    code = (
        "import sys\n"
        "from nas.cli.main import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
        "sys.stderr.write('\\n'.join(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *args], capture_output=True, text=True, timeout=600, check=True
    )
    return {name.partition(".")[0] for name in done.stderr.splitlines()}


@pytest.mark.parametrize("args", [("--help",), ("--version",), ("show", "--help")], ids=" ".join)
def test_help_imports_nothing_numeric(args: tuple[str, ...]) -> None:
    assert not loaded(*args) & NUMERIC


@pytest.mark.parametrize(
    "args",
    [
        ("show", "mobilenetv2", "--device", "iphone12-lut"),
        ("compare", "mobilenetv2", "repvit-m0.9"),
        ("list", "archs"),
        ("schema", "sweep"),
        ("check", "search_spaces/mobile.yaml"),
    ],
    ids=" ".join,
)
def test_showing_and_checking_imports_neither_torch_nor_pandas(args: tuple[str, ...]) -> None:
    assert not loaded(*args) & {"torch", "pandas", "matplotlib", "scipy", "optuna", "ray", "plotly"}


#: what is wrong with a command -> the message; `taken` is the name of every output that exists
REFUSED_AT_ONCE = {
    "search {budget} --data dgits": "unknown data set 'dgits'; nearest: digits",
    "search {budget} --data no/folder": "no/folder: expected",
    "search {budget} --data images.npz": "images.npz: no such file",
    "search {budget} --data digits --recipe prox": "unknown recipe 'prox'; nearest: proxy",
    "search {budget} --data digits --space mobil": "unknown space 'mobil'",
    "search {budget} --data digits --device pixel6": "unknown device 'pixel6'",
    "search {budget} --data digits --surrogate x": "unknown surrogate 'x'",
    "search {budget} --data digits --strategy modle": "unknown strategy 'modle'",
    "search {budget} --data digits --zero-cost zn": "unknown zero-cost proxy 'zn'; nearest: zen",
    "search {budget} --data digits --on tpu": "unknown device to train on 'tpu'",
    "search {budget} --data digits --precision fp8": "unknown precision 'fp8'",
    "search {budget} --data digits --name taken": "results/taken exists and is kept",
    "search {budget} --data digits --name stopped": "results/.stopped.work was interrupted",
    "search {budget} --supernet nosuch": "results/nosuch is no trained supernet",
    "search {budget} --supernet results/taken": "results/taken is no trained supernet",
    "search {budget} --supernet nosuch --strategy modle": "unknown strategy 'modle'",
    "train mobilenetv3-smal": "unknown architecture 'mobilenetv3-smal'",
    "train mobilenetv3-small --data dgits": "unknown data set 'dgits'",
    "train mobilenetv3-small --recipe prox": "unknown recipe 'prox'",
    "train mobilenetv3-small --name taken": "results/taken exists and is kept",
    "train mobilenetv3-small --name mobilenetv2 --out .": "a shipped architecture is called",
    "supernet mobil": "unknown space 'mobil'",
    "supernet mobile32 --data dgits": "unknown data set 'dgits'",
    "supernet mobile32 --device pixel6": "unknown device 'pixel6'",
    "supernet mobile32 --divergence kj": "unknown divergence 'kj'",
    "supernet mobile32 --name taken": "results/taken exists and is kept",
    "sweep nosuch.yaml": "nosuch.yaml: No such file",
    "sweep sweep.yaml": "results/taken exists and is kept",
    "sweep other.yaml": "unknown data set 'dgits'",
    "fidelity --zero-cost zn": "unknown zero-cost proxy 'zn'",
    "fidelity --space mobil": "unknown space 'mobil'",
    "fidelity --data dgits": "unknown data set 'dgits'",
    "fidelity --name taken": "results/taken exists and is kept",
    "score mobilenetv3-smal": "unknown architecture 'mobilenetv3-smal'",
    "score mobilenetv3-small --zero-cost zn": "unknown zero-cost proxy 'zn'",
    "score mobilenetv3-small --data dgits": "unknown data set 'dgits'",
    "score mobilenetv3-small --on tpu": "unknown device to train on 'tpu'",
    "adapt mobilenetv2 {budget} --data dgits --weights x.pt": "unknown data set 'dgits'",
    "export mobilenetv3-smal": "unknown architecture 'mobilenetv3-smal'",
    "export mobilenetv3-small --format onx": "unknown format 'onx'; nearest: onnx",
    "export mobilenetv3-small --out results": "results/mobilenetv3-small exists and is kept",
    "report results/nosuch": "results/nosuch: no such folder",
    "report results/taken": "not a results folder",
    "report results/taken --out taken.html": "taken.html exists and is kept",
    "kit mobilenetv3-small --device-os io": "unknown operating system 'io'; nearest: ios",
    "kit mobilenetv3-small --device-os ios --out results": "results exists and is kept",
    "profile --runtime onnx --out x": "unknown runtime 'onnx'; nearest: onnxruntime",
    "profile --space mobil --out x": "unknown space 'mobil'",
    "profile --out results": "results exists and is kept",
    "measure mobilenetv3-small --runtime onnx": "unknown runtime 'onnx'",
}
SLOW_TO_IMPORT = {"matplotlib", "optuna", "pandas", "plotly", "ray", "sklearn", "torch"}
REFUSE = r"""
import sys
from nas.cli.main import main
for line in sys.stdin.read().splitlines():
    sys.argv = ["nas", *line.split()]
    sys.stderr.write(f"$ {line}\n")
    try:
        main()
    except SystemExit as end:
        sys.stderr.write(f"{end.code} {[*{m.partition('.')[0] for m in sys.modules}]}\n")
"""


def test_what_is_wrong_is_said_before_anything_slow_is_imported(tmp_path: Path) -> None:
    for folder in ("taken", ".stopped.work", "mobilenetv3-small"):
        (tmp_path / "results" / folder).mkdir(parents=True)
    (tmp_path / "results" / ".stopped.work" / "settings.json").touch()
    (tmp_path / "taken.html").touch()
    for name, data in (("sweep", "digits"), ("other", "dgits")):
        (tmp_path / f"{name}.yaml").write_text(
            f"name: taken\ndevices: [pixel1-cpu]\nbudgets_ms: [4.0]\ndata: {{name: {data}}}\n"
        )
    budget = "--budget-ms 1 --device iphone12-lut"
    lines = [line.format(budget=budget) for line in REFUSED_AT_ONCE]
    done = subprocess.run(
        [sys.executable, "-c", REFUSE],
        input="\n".join(lines),
        capture_output=True,
        text=True,
        timeout=600,
        cwd=tmp_path,
        check=True,
    )
    answers = done.stderr.split("$ ")[1:]
    for line, message, answer in zip(lines, REFUSED_AT_ONCE.values(), answers, strict=True):
        asked, *said, end = answer.splitlines()
        assert asked == line
        assert message in " ".join(said), line
        assert end.startswith("2 "), line
        assert not SLOW_TO_IMPORT & {*ast.literal_eval(end.removeprefix("2 "))}, line


def test_import_of_the_package_imports_no_other() -> None:
    code = "import sys, nas; sys.stdout.write('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not set(done.stdout.split()) & NUMERIC
