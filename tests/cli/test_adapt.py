"""`nas adapt`: three ways to a latency budget, what they leave, and what they refuse."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from nas.adapt.steps import STEPS
from nas.cli.main import main
from nas.library import load_arch, load_device
from nas.modules import build
from nas.space.arch import Arch
from nas.space.retarget import for_task

from .conftest import Nas

DEVICE = "sd855-cpu-1t"
ON = ("--device", DEVICE)
FEW = ("--batch", "64", "--steps", "2", "--epochs", "1", "--proposals", "3")
DATA = ("--data", "digits", "--delta", "0.05", *FEW)
TABLE = (Path(__file__).parents[1] / "adapt" / "tiny.yaml").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def learnt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a network that was trained on digits."""
    folder = tmp_path_factory.mktemp("learnt")
    (folder / "tiny.yaml").write_text(TABLE, encoding="utf-8")
    few = ["--batch", "64", "--epochs", "3", "--out", str(folder / "results"), "--name", "start"]
    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit, match="0"):
        patch.setattr(
            sys, "argv", ["nas", "train", str(folder / "tiny.yaml"), "--data", "digits", *few]
        )
        main()
        raise SystemExit(0)
    return folder / "results" / "start"


@pytest.fixture
def start(learnt: Path, here: Path) -> str:
    shutil.copytree(learnt, here / "start")
    return "start"


def budget(share: float) -> str:
    return f"{share * load_device(DEVICE).predict(Arch.from_yaml(TABLE)).ms:.5f}"


def test_on_data(nas: Nas, start: str, here: Path) -> None:
    large_steps = ("--data", "digits", "--delta", "0.1", *FEW)
    asked = ("--budget-ms", budget(0.85), *ON, *large_steps, "--name", "made")
    done = nas("adapt", start, *asked, "--json")
    assert done.code == 0, done.err
    content = json.loads(done.out)
    folder = here / "results" / "made"
    arch = load_arch(folder)
    assert content["best"]["arch_id"] == arch.arch_id
    assert load_device(DEVICE).predict(arch).ms <= float(budget(0.85)) < content["before_ms"]
    assert build(arch, weights=folder / "seed0" / "weights.safetensors")
    with (folder / "history.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["step"] for row in rows if row["taken"] == "1"] == [
        str(n + 1) for n in range(content["steps"])
    ]
    made = yaml.safe_load((folder / "adapt.yaml").read_text(encoding="utf-8"))
    assert made["after"]["arch_id"] == arch.arch_id
    assert {w["row"] for w in content["widths"]} <= set(range(1, len(arch.rows)))
    left = {path.name for path in folder.iterdir()}
    assert left >= {"accuracy.png", "widths.png", "study.db", "steps", "train.yaml", "best.yaml"}
    assert not left & {"workers", "proposals", "start.safetensors"}


def test_by_importance_and_by_estimate(nas: Nas, start: str, here: Path) -> None:
    weights = ("--weights", "start/seed0/weights.safetensors")
    for method, more in (("knapsack", weights), ("surrogate", ())):
        more = (f"--{method}", *more)
        done = nas("adapt", start, "--budget-ms", budget(0.8), *ON, *more)
        assert (done.code, done.err) == (0, "")
        assert max(map(len, done.out.splitlines())) <= 80
        folder = here / "results" / f"tiny-{DEVICE}-{float(budget(0.8)):g}ms-{method}"
        assert load_device(DEVICE).predict(load_arch(folder)).ms <= float(budget(0.8))
        assert (folder / "widths.png").stat().st_size > 10_000
        assert (folder / "weights.safetensors").exists() == ("--knapsack" in more)
    grow = ("--budget-ms", "15", *ON, "--surrogate", "--direction", "grow")
    done = nas("adapt", "mobilenetv3-small", *grow)
    assert done.code == 0, done.err
    for kind in ("supervised", "distilled"):
        assert f"top-1, {kind}" in done.out


def test_a_budget_in_percent_is_of_the_networks_own_latency(nas: Nas, here: Path) -> None:
    (here / "tiny.yaml").write_text(TABLE, encoding="utf-8")
    done = nas("adapt", "tiny.yaml", "--budget", "80%", *ON, "--surrogate", "--json")
    assert done.code == 0, done.err
    content = json.loads(done.out)
    assert content["best"]["ms"] <= 0.8 * content["before_ms"] + 1e-4
    assert "ms-surrogate" in content["best"]["path"]


def test_classes_are_those_of_the_network_that_is_adapted(nas: Nas, here: Path) -> None:
    (here / "tiny.yaml").write_text(TABLE, encoding="utf-8")
    asked = ("--budget", "85%", *ON, "--surrogate", "--classes", "4", "--json", "--name", "four")
    done = nas("adapt", "tiny.yaml", *asked)
    assert done.code == 0, done.err
    content = json.loads(done.out)
    assert content["best"]["rows"][-1]["out"] == 4
    start = for_task(load_arch("tiny.yaml"), classes=4)
    assert content["before_ms"] == pytest.approx(load_device(DEVICE).predict(start).ms)


@pytest.mark.slow
def test_a_killed_run_goes_on_to_the_same_network(nas: Nas, start: str, here: Path) -> None:
    command = [sys.executable, "-m", "nas", "adapt", start, "--budget-ms", budget(0.75), *ON, *DATA]
    work = here / "results" / ".killed.work"
    for least in (1, 3):
        child = subprocess.Popen(
            [*command, "--name", "killed", "--resume"], cwd=here, stderr=subprocess.DEVNULL
        )
        while child.poll() is None and len(list(work.glob(f"{STEPS}/[0-9]*"))) < least:
            time.sleep(0.02)
        child.kill()
        child.wait()
    for name in ("killed", "whole"):
        done = nas(*command[3:], "--name", name, "--resume")
        assert done.code == 0, done.err
    killed, whole = (here / "results" / name for name in ("killed", "whole"))
    for file in ("best.yaml", "history.csv"):
        assert (killed / file).read_text() == (whole / file).read_text()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--budget-ms", "100", *DATA), 2, "which is within 100 ms already"),
        (("--budget-ms", "0.001", *DATA), 3, "the smallest found reach"),
        (("--budget-ms", "0.001", "--surrogate"), 3, "the smallest found reach"),
        (("--budget-ms", "0.2", *DATA, "--delta", "0"), 2, "expected a share between 0 and 1"),
        (("--budget-ms", "-1", *DATA), 2, "expected a budget above 0 ms"),
        (("--surrogate",), 2, "give one of --budget-ms MS and --budget PERCENT"),
        (("--surrogate", "--budget-ms", "1", "--budget", "70%"), 2, "give one of --budget-ms"),
        (("--surrogate", "--budget", "70"), 2, "--budget '70': expected a percentage above 0"),
        (("--surrogate", "--budget", "-5%"), 2, "expected a percentage above 0"),
        (("--surrogate", "--budget", "70%", "--epochs", "3"), 2, "--epochs needs --data"),
        (("--budget-ms", "0.2"), 2, "give --data, or --surrogate or --knapsack"),
        (("--budget-ms", "0.2", "--surrogate", *DATA), 2, "uses neither --data"),
        (("--budget-ms", "0.2", *DATA, "--criterion", "l1"), 2, "unknown criterion 'l1'"),
        (("--budget-ms", "0.2", "--knapsack", "--criterion", "taylor"), 2, "taylor needs images"),
        (("--budget-ms", "0.2", *DATA, "--weights", "no.pth"), 2, "no.pth"),
        (("--budget-ms", "0.2", "--surrogate", "--device", "iphone13x"), 2, "nearest: iphone13"),
    ],
)
def test_bad_input_is_one_message(
    nas: Nas, start: str, here: Path, arguments: tuple[str, ...], code: int, message: str
) -> None:
    done = nas("adapt", start, *ON, *arguments)
    assert done.code == code, done.err
    assert message in " ".join(done.err.replace("│", " ").split())
    assert "Traceback" not in done.err
    assert not list(here.glob("results/*"))


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("torchvision:mobilenet_v3_small", "The nearest is mobilenetv3-small, which takes"),
        ("timm:tf_efficientnet_b0@192", "The nearest is efficientnet-b0, which takes"),
        ("net.py:make", "docs/tables.md says how to write one"),
    ],
)
def test_a_torch_module_is_told_that_a_table_is_needed(nas: Nas, name: str, nearest: str) -> None:
    done = nas("adapt", name, "--budget", "70%", "--surrogate")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"nas: {name} is a torch module: nas show and nas compare take it")
    assert nearest in done.err


def test_weights_of_another_network_are_refused(nas: Nas, start: str) -> None:
    weights = ("--weights", "start/seed0/weights.safetensors")
    done = nas("adapt", "mobilenetv3-small", "--budget-ms", "1", *ON, *DATA, *weights)
    assert done.code == 2
    assert "expected weights of mobilenetv3-small" in done.err


def test_a_device_that_lacks_a_shape_is_named(nas: Nas, start: str, here: Path) -> None:
    shutil.copytree(Path(load_device_folder()), here / "mine")
    kernels = here / "mine" / "kernels.csv"
    kept = [line for line in kernels.read_text().splitlines() if not line.startswith("depthwise")]
    kernels.write_text("\n".join(kept) + "\n")
    done = nas("adapt", start, "--budget-ms", "0.2", "--device", "./mine", "--surrogate")
    assert done.code == 2
    assert "depthwise" in done.err


def load_device_folder() -> str:
    from nas.files.resources import find

    return str(find("device", DEVICE).parent)
