"""`nas compare`: one line a network, kinds of figures apart."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from nas.files import yaml as files_yaml
from nas.files.resources import data_dir, named
from nas.library import load_arch
from nas.space.retarget import for_task

from .conftest import Nas


def test_json_is_a_list_of_what_show_gives(nas: Nas) -> None:
    names = ["mobilenetv2", "repvit-m0.9"]
    content = json.loads(nas("compare", *names, "--device", "iphone12-lut", "--json").out)
    shown = [
        json.loads(nas("show", name, "--device", "iphone12-lut", "--json").out) for name in names
    ]
    assert content == shown


def test_table_of_all_networks_fits_80_columns(nas: Nas) -> None:
    done = nas("compare", *named("architecture"), "--device", "iphone12-lut")
    assert (done.code, done.err) == (0, "")
    assert "…" not in done.out
    lines = done.out.splitlines()
    assert max(map(len, lines)) <= 80
    for name in named("architecture"):
        assert any(line.startswith(name) for line in lines)
    for header in ("predicted", "estimated", "published", "supervised", "distilled"):
        assert header in done.out


def test_tables_in_folders_are_called_by_their_name_where_one_has_it(nas: Nas, here: Path) -> None:
    steps = sorted(map(str, (data_dir("search_spaces") / "roadmaps" / "repvit").glob("*.yaml")))
    lines = nas("compare", *steps, "--device", "iphone12-lut").out.splitlines()
    assert max(map(len, lines)) <= 80
    assert [line.split()[0] for line in lines[4:]] == [Path(step).stem for step in steps]
    for folder in ("a", "b"):
        (here / folder).mkdir()
        shutil.copy(steps[0], here / folder)
    done = nas("compare", "a/00-gelu.yaml", "b/00-gelu.yaml")
    assert [line.split()[0] for line in done.out.splitlines()[4:]] == [
        "a/00-gelu.yaml",
        "b/00-gelu.yaml",
    ]


def test_without_a_device_no_milliseconds_are_invented(nas: Nas) -> None:
    lines = nas("compare", "mobilenetv2").out.splitlines()
    assert lines[1].split() == ["supervised", "distilled", "supervised", "params", "MACs"]
    assert lines[2].split() == ["network", *["top-1", "%"] * 3, "M", "M"]
    name, *estimates, published, params, macs = lines[4].split()
    assert (name, published, params, macs) == ("mobilenetv2", "72.9", "3.50", "300.77")
    assert [cell == "±" for cell in estimates] == [False, True, False] * 2


def test_traced_networks_stand_beside_tables_with_an_estimate(nas: Nas) -> None:
    pytest.importorskip("torchvision")
    names = ("torchvision:squeezenet1_1", "mobilenetv2")
    content = json.loads(nas("compare", *names, "--device", "iphone12-lut", "--json").out)
    assert [found["name"] for found in content] == list(names)
    for found in content:
        assert found["top1"] < found["top1_distilled"]
    assert all(found["ms"] > found["ms_fixed"] for found in content)
    assert "traced from torchvision" in nas("compare", *names, "--sources").out


def test_sources_are_printed_when_they_are_asked_for(nas: Nas) -> None:
    assert "results-imagenet.csv" not in nas("compare", "mobilenetv2").out
    assert "results-imagenet.csv" in nas("compare", "mobilenetv2", "--sources").out


def test_trained_results_are_told_apart_and_have_what_was_trained(nas: Nas, here: Path) -> None:
    trained_folder(here / "results/a", top1=10.0)
    trained_folder(here / "results/b", top1=35.9)
    done = nas("compare", "results/a", "results/b", "--device", "iphone12-lut")
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert "trained" in lines[0]
    assert "estimated" not in done.out
    assert lines[3].split()[0] == "results/a"
    assert "10.0 [5.0, 15.0]" in lines[3]
    assert "35.9 [30.9, 40.9]" in lines[4]
    assert "digits, 10 classes, 2 epochs, 359 test images" in done.out
    content = json.loads(nas("compare", "results/a", "mobilenetv2", "--json").out)
    assert [found["top1"] is None for found in content] == [True, False]
    assert content[0]["trained"]["top1"] == 10.0
    assert content[1]["trained"] is None
    shown = nas("show", "results/b").out
    assert "trained top-1     35.9 [30.9, 40.9] %: digits, 10 classes, 2 epochs" in shown
    assert "none: estimates are of ImageNet's 1,000 classes" in shown


def trained_folder(folder: Path, top1: float) -> None:
    """What `nas train` leaves of a network for ten classes."""
    folder.mkdir(parents=True)
    arch = for_task(load_arch("mobilenetv3-small"), classes=10, side=32)
    arch.to_yaml(folder / "best.yaml")
    test = {"top1": top1, "low": top1 - 5, "high": top1 + 5, "sd": 2.5, "seeds": 1, "images": 359}
    content = {"data": {"name": "digits"}, "epochs": 2, "seeds": [0], "test": test}
    files_yaml.write(folder / "train.yaml", content)


def test_two_networks_are_drawn_beside_each_other(nas: Nas, tmp_path: Path) -> None:
    path = tmp_path / "two.svg"
    assert nas("compare", "mobilenetv2", "mobilenetv3-small", "--svg", str(path)).code == 0
    text = path.read_text(encoding="utf-8")
    assert "mobilenetv2" in text
    assert "mobilenetv3-small" in text
    done = nas("compare", "mobilenetv2", "--svg", str(path))
    assert done.code == 2
    assert "draws two networks beside each other, found 1" in done.err
