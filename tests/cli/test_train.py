"""`nas train`: the facts, the JSON, the folder, and what it refuses."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from photographs import CLASSES, write_photographs

from nas.library import load_arch
from nas.modules import build

from .conftest import Nas

TRAIN = ("train", "mobilenetv3-small-0.5", "--batch", "64", "--on", "cpu", "--epochs", "1")


@pytest.mark.slow
def test_writes_a_complete_folder_and_facts_that_fit(nas: Nas, here: Path) -> None:
    done = nas(*TRAIN, "--seeds", "2")
    assert (done.code, done.err) == (0, "")
    assert "95 % interval over 2 seeds" in done.out
    assert max(map(len, done.out.splitlines())) <= 80
    (folder,) = (here / "results").iterdir()
    assert folder.name == "mobilenetv3-small-0.5-digits-proxy-batch64"
    arch = load_arch(folder)
    assert arch.input == (3, 32, 32)
    for seed in ("seed0", "seed1"):
        assert build(arch, weights=folder / seed / "weights.safetensors")
        assert len(list((folder / seed / "tensorboard").iterdir())) == 1
        assert (folder / seed / "checkpoint.pt").exists()  # for a longer training
        with (folder / seed / "log.csv").open() as file:
            assert [row["epoch"] for row in csv.DictReader(file)] == ["1"]
    facts = yaml.safe_load((folder / "train.yaml").read_text())
    assert facts["command"].startswith("nas train mobilenetv3-small-0.5")
    assert facts["recipe"]["optimiser"]["name"] == "adamw"
    assert set(facts["versions"]) == {"nas", "python", "torch", "torchvision"}
    assert facts["test"]["seeds"] == 2
    kept = nas(*TRAIN)
    assert kept.code == 2
    assert "exists and is kept" in kept.err


def test_json(nas: Nas, here: Path) -> None:
    done = nas(*TRAIN, "--json", "--name", "mine", "--out", "out")
    assert (done.code, done.err) == (0, "")
    content = json.loads(done.out)
    assert content["path"] == str(Path("out") / "mine")
    assert content["test"]["low"] < content["test"]["top1"] < content["test"]["high"]
    assert content["test"]["images"] == 359


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("train", "mobilenetv9"), "unknown architecture 'mobilenetv9'"),
        ((*TRAIN, "--data", "digit"), "unknown data set 'digit'; nearest: digits"),
        ((*TRAIN, "--data", "./nothing"), "expected a folder of images, or an .npz file"),
        ((*TRAIN, "--recipe", "prox"), "unknown recipe 'prox'; nearest: proxy"),
        ((*TRAIN, "--on", "gpu"), "unknown device to train on 'gpu'"),
        ((*TRAIN, "--on", "meta"), "unknown device to train on 'meta'"),
        ((*TRAIN, "--on", "cuda:9"), "no CUDA device 9 on this machine"),
        ((*TRAIN, "--precision", "fp8"), "unknown precision 'fp8'"),
        ((*TRAIN, "--precision", "fp16"), "fp16 needs a GPU"),
        ((*TRAIN, "--batch", "5000"), "a batch is 5000 images, there are 1295"),
        ((*TRAIN, "--name", "../x"), "expected a plain name"),
        (("train", "swin-t", "--on", "cpu"), "swin-t on 32 x 32 images: row"),
    ],
)
def test_bad_input_is_one_message_and_2(
    nas: Nas, here: Path, arguments: tuple[str, ...], message: str
) -> None:
    done = nas(*arguments)
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert len(done.err.strip().splitlines()) == 1
    assert not list(here.glob("results/*")) + list(here.glob("results/.*"))


def test_a_folder_of_photographs_is_enough(nas: Nas, here: Path) -> None:
    write_photographs(here / "photos", 60, shrink=16)
    damaged = here / "photos" / CLASSES[0] / "IMG_0000.jpeg"
    damaged.write_bytes(b"no image")
    command = ("train", "mobilenetv3-small-0.5", "--data", "photos", "--on", "cpu", "--epochs", "1")
    refused = nas(*command)
    assert refused.code == 2
    assert refused.err.strip().endswith("--skip-damaged leaves damaged images out")
    done = nas(*command, "--skip-damaged", "--split", "0.3", "--json")
    assert done.code == 0
    left_out, skipped, split, batch = done.err.splitlines()
    assert "left out hidden files: 1; files in no class folder: 1" in left_out
    assert f"{CLASSES[0]}/IMG_0000.jpeg: no image that can be decoded" in skipped
    assert "30 % of every class (18 of 59 images) are the test split" in split
    assert "training images are less than one step of batch 128, so the batch is 8" in batch
    assert json.loads(done.out)["test"]["images"] == 18
    facts = yaml.safe_load((here / json.loads(done.out)["path"] / "train.yaml").read_text())
    assert facts["data"]["classes"] == [*CLASSES]
    assert facts["data"]["source"].endswith("30 % of every class set aside as test split (seed 0)")
    assert facts["recipe"]["batch"] == 8
    kept = nas(*command, "--skip-damaged", "--resume")  # another test split
    assert kept.code == 2
    assert "training images" in kept.err.splitlines()[-1]


PEAK = """
from nas.cli.main import main

try:
    main()
finally:
    with open("/proc/self/status") as file:
        print(*(line.split()[1] for line in file if line.startswith("VmHWM")))
"""
"""Runs a command, then prints its peak memory in KiB. `ru_maxrss` would count that of the process
which started it."""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux")
def test_photographs_need_little_memory(here: Path) -> None:
    """A batch of 64 at 224 pixels would keep 3.5 GB for the backward pass."""
    write_photographs(here / "photos", 90, shrink=2)
    command = (sys.executable, "-c", PEAK, "train", "mobilenetv3-large", "--data", "photos")
    options = ("--batch", "64", "--epochs", "1", "--on", "cpu", "--name", "mine")
    done = subprocess.run([*command, *options], capture_output=True, text=True, check=True)
    assert int(done.stdout.splitlines()[-1]) * 1024 < 2.5e9
    facts = yaml.safe_load((here / "results" / "mine" / "train.yaml").read_text())
    assert facts["trained_on"]["micro_batch"] == 16
