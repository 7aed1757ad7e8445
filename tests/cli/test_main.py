"""Exit codes and streams, most in real processes: one message, no traceback, no other output."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from nas import __version__

from .conftest import Nas

NAS = [sys.executable, "-c", "from nas.cli.main import main; main()"]


def _signals(test: Callable[..., None]) -> Callable[..., None]:
    on_windows = pytest.mark.skipif(sys.platform == "win32", reason="sends a POSIX signal")
    return on_windows(pytest.mark.usefixtures("hears_ctrl_c")(test))


def run(*args: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*NAS, *args],
        capture_output=True,
        text=True,
        env=os.environ | env,
        timeout=600,
        check=False,
    )


def test_version_is_the_packages_own() -> None:
    done = run("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"nas {__version__}\n", "")


def test_help_names_every_command() -> None:
    done = run("--help")
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert {"search", "show", "compare", "list"} <= {line.split()[0] for line in lines if line}


def test_alone_it_helps_and_so_does_the_module() -> None:
    done = run()
    assert (done.returncode, done.stdout, done.stderr) == (0, run("--help").stdout, "")
    module = subprocess.run([sys.executable, "-m", "nas"], capture_output=True, text=True)
    assert (module.returncode, module.stderr) == (0, "")
    assert module.stdout.splitlines()[1:] == done.stdout.splitlines()[1:]


@pytest.mark.parametrize(
    ("args", "nearest"),
    [
        (("serch",), "Did you mean 'search'"),
        (("list", "arch"), "Did you mean 'archs'"),
        (("show", "mobilenetv2", "--devise", "x"), "--device"),
        (("lint", "mobilenetv2", "--target", "corml"), "nearest: coreml"),
        (("measure", "mobilenetv2", "--runtime", "onnx"), "nearest: onnxruntime"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_is_mistyped_is_answered_with_what_is_near(
    nas: Nas, args: tuple[str, ...], nearest: str
) -> None:
    done = nas(*args)
    assert (done.code, done.out) == (2, "")
    assert nearest in done.err


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("show", "mobilenetv3-larg"), "unknown architecture 'mobilenetv3-larg'; nearest: mob"),
        (("show", "net.yaml"), "net.yaml: no such file or folder"),
        (("show", "mobilenetv2", "--device", "iphone12"), "unknown device 'iphone12'; nearest: i"),
        (("compare", "mobilenetv2", "x"), "unknown architecture 'x'; valid: "),
        (("show", "x" * 5_000), "unknown architecture 'xxx"),
        (("show", "torchvision:y"), "unknown torchvision model 'y'; valid: alexnet, "),
    ],
    ids=lambda value: value[-1][:20] if isinstance(value, tuple) else "",
)
def test_bad_input_ends_with_2_and_one_line(nas: Nas, args: tuple[str, ...], message: str) -> None:
    done = nas(*args)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"nas: {message}")
    assert done.err.count("\n") == 1
    assert len(done.err) < 1_000


def test_bad_input_ends_a_process_with_2_and_one_line() -> None:
    done = run("show", "net.yaml")
    error = "nas: net.yaml: no such file or folder\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", error)


@pytest.mark.parametrize(
    ("args", "modules", "extras"),
    [
        ("train mobilenetv3-small", "torch", "train"),
        ("score mobilenetv3-small", "torch", "train"),
        ("fidelity --space mobile --data digits", "torch", "train"),
        ("profile --runtime openvino --out here", "torch onnx openvino", "train,onnx,openvino"),
        ("measure --runtime litert mobilenetv2", "torch litert_torch", "train,litert"),
        ("kit --device-os ios mobilenetv2", "torch coremltools", "train,coreml"),
        ("export mobilenetv2 --format coreml,onnx", "coremltools onnx", "coreml,onnx"),
        ("report results", "plotly", "report"),
    ],
    ids=lambda text: text.split()[0],
)
def test_all_that_is_not_installed_is_named_with_what_installs_it(
    args: str, modules: str, extras: str, tmp_path: Path
) -> None:
    code = "import sys\n"
    code += "".join(f"sys.modules[{name!r}] = None\n" for name in modules.split()) + NAS[-1]
    done = subprocess.run(
        [sys.executable, "-c", code, *args.split()], capture_output=True, text=True, cwd=tmp_path
    )
    *most, last = modules.split()
    names = f"{', '.join(most)} and {last} are" if most else f"{last} is"
    one = "them" if most else "it"
    message = f"nas: {names} not installed; install {one} with: pip install '.[{extras}]'\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", message)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("args", [("show",), ("show", "--colour"), ("shwo",), ("list", "nets")])
def test_bad_usage_ends_with_2(nas: Nas, args: tuple[str, ...]) -> None:
    done = nas(*args)
    assert (done.code, done.out) == (2, "")
    assert "Error: " in done.err
    assert "Traceback" not in done.err


def test_reader_that_leaves_early_is_no_error() -> None:
    process = subprocess.Popen(
        [*NAS, "show", "mobilenetv2", "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == b""
    process.stderr.close()
    process.wait(timeout=600)


def test_terminal_without_the_characters_gets_others() -> None:
    done = run("show", "mobilenetv2", PYTHONIOENCODING="ascii")
    assert done.returncode == 0
    assert done.stdout.isascii()


@_signals
def test_interrupt_ends_with_130() -> None:
    code = (
        "import signal\n"
        "import nas.library\n"
        "nas.library.load_arch = lambda name: signal.raise_signal(signal.SIGINT)\n"
        "from nas.cli.main import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "show", "mobilenetv2"], capture_output=True, timeout=600
    )  # fmt: skip
    assert signal.SIGINT == 2
    assert done.returncode == 130
    assert done.stderr == b"nas: interrupted\n"


@_signals
def test_an_interrupted_search_leaves_nothing(tmp_path: Path) -> None:
    asked = ("search", "--budget-ms", "1", "--device", "iphone12-lut", "--out", str(tmp_path))
    _, err = interrupted(asked, lambda: [*tmp_path.iterdir()])
    assert err == "nas: interrupted\n"
    assert not [*tmp_path.iterdir()]


@pytest.mark.slow
@_signals
def test_an_interrupted_training_says_how_to_go_on_and_does(nas: Nas, tmp_path: Path) -> None:
    asked = (
        "train",
        str(Path(__file__).parents[1] / "adapt" / "tiny.yaml"),
        "--data",
        "digits",
        "--epochs",
        "20",
        "--out",
        str(tmp_path),
    )
    _, err = interrupted(asked, lambda: [*tmp_path.glob(".*.work/**/checkpoint.pt")])
    assert err.endswith("kept: run the same command with --resume to continue\n")
    assert nas(*asked, "--resume").code == 0


def interrupted(args: tuple[str, ...], ready: Callable[[], object]) -> tuple[str, str]:
    """What a command says that Ctrl-C stops when it is `ready`."""
    with subprocess.Popen(
        [*NAS, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            while not ready():
                assert process.poll() is None
                time.sleep(0.02)
            process.send_signal(signal.SIGINT)
            said = process.communicate(timeout=600)
        finally:
            process.kill()
    assert process.returncode == 130
    return said
