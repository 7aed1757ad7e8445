"""`nas search`: the table, the JSON, the folder, and every way to end without a result."""

from __future__ import annotations

import csv
import json
import os
import re
from pathlib import Path

import pytest
import yaml

from nas.library import load_arch, load_device

from .conftest import Nas, Ran

ON = ("--device", "iphone12-lut", "--space", "mobilenetv3")

pytestmark = pytest.mark.usefixtures("few_generations")


def test_prints_the_best_the_front_and_every_seed_and_writes_the_same_again(
    nas: Nas, here: Path
) -> None:
    done = nas("search", "--budget-ms", "1.0", *ON, "--name", "a")
    assert (done.code, done.err) == (0, "")
    for text in ("best within 1 ms", "mobilenetv3-large", "mobilenetv3-small", "published"):
        assert text in done.out
    assert max(len(line) for line in done.out.splitlines()) <= 80
    assert nas("search", "--budget-ms", "1.0", *ON, "--name", "b").code == 0
    for file in ("best.yaml", "pareto.csv", "pareto.svg"):
        assert (here / "results/a" / file).read_bytes() == (here / "results/b" / file).read_bytes()


def test_the_answer_is_last_and_sources_are_asked_for(nas: Nas, here: Path) -> None:
    lines = nas("search", "--budget-ms", "1.0", *ON, "--name", "a").out.splitlines()
    last = "\n".join(lines[-20:])
    for text in ("best               mobilenetv3-", "predicted ms", "caution", "written to"):
        assert text in last
    assert "written to         results/a" in lines[-1]
    assert "results-imagenet.csv" not in "\n".join(lines)
    done = nas("search", "--budget-ms", "1.0", *ON, "--name", "b", "--sources")
    assert "results-imagenet.csv" in done.out
    assert done.out.splitlines()[-1].split() == ["written", "to", "results/b"]
    with (here / "results/a/known.csv").open() as file:
        known = {row["name"]: row for row in csv.DictReader(file)}
    assert known["mobilenetv3-large"]["published_top1"] == "75.784"
    assert "results-imagenet.csv" in known["mobilenetv3-large"]["published_source"]
    assert known["mobilenetv3-large"]["within_limits"] == "yes"


def test_every_device_has_a_column_an_interval_and_a_share_in_the_probability(
    nas: Nas, here: Path
) -> None:
    devices = ("--device", "iphone12-lut", "--device", "sd855-cpu-1t", "--space", "mobilenetv3")
    asked = ("search", "--budget-ms", "1", "--budget-ms", "8", *devices)
    done = nas(*asked, "--name", "two")
    assert max(len(line) for line in done.out.splitlines()) <= 80
    assert "sd855-cpu-1t supervised" in " ".join(done.out.split())
    (large,) = (line for line in done.out.splitlines() if line.startswith("mobilenetv3-large"))
    assert large.count("[") == 2
    assert "18.2]!" in large
    assert "! over the budget" in done.out
    with (here / "results/two/pareto.csv").open() as file:
        row = list(csv.DictReader(file))[-1]
    assert (
        float(row["predicted_ms_low_sd855-cpu-1t"]) < float(row["predicted_ms_sd855-cpu-1t"]) <= 8
    )
    content = json.loads(nas(*asked, "--json", "--name", "three").out)
    found = content["best"]["devices"]
    assert [own["device"] for own in found] == ["iphone12-lut", "sd855-cpu-1t"]
    joint = found[0]["probability"] * found[1]["probability"]
    assert content["best"]["probability"] == pytest.approx(joint)
    assert content["best"]["probability"] < 0.6


def test_what_is_avoided_is_said_and_recorded(nas: Nas, here: Path) -> None:
    asked = ("search", "--budget-ms", "1.0", "--device", "iphone12-lut", "--space", "mobile")
    done = nas(*asked, "--avoid", "repvit", "--name", "a")
    assert "avoided            repvit, hard-swish, high rank: may leave" in done.out
    assert "caution" not in done.out
    study = yaml.safe_load((here / "results/a/study.yaml").read_text())
    assert study["avoided"] == ["repvit", "hard-swish", "high rank"]
    again = nas(*asked, "--avoid", "hswish", "--name", "a", "--resume")
    assert again.code == 2
    assert "was started with avoid ['repvit'], found ['hswish']" in again.err
    refused = nas(*asked, "--avoid", "repvitt")
    assert refused.code == 2
    assert "nearest: repvit" in refused.err


def test_writes_a_complete_folder(nas: Nas, here: Path) -> None:
    done = nas("search", "--budget-ms", "1.0", *ON, "--json", "--name", "mine")
    folder = here / "results" / "mine"
    assert {path.name for path in folder.parent.iterdir()} == {"mine"}
    best = load_arch(folder / "best.yaml")
    assert load_device("iphone12-lut").predict(best).ms <= 1.0
    content = json.loads(done.out)
    assert content["best"]["arch_id"] == best.arch_id
    assert content["best"]["path"] == str(Path("results") / "mine" / "best.yaml")
    for key in ("name", "params", "macs", "ms", "ms_low", "ms_high", "rows", "top1", "top1_sd"):
        assert content["best"][key] is not None
    found = content["best"]
    assert found["top1_low"] < found["top1"] < found["top1_high"]
    assert found["top1"] < found["uncorrected_top1"]
    assert found["selected_from"] == content["judged"]
    assert found["best_published_of_size"]["top1"] > found["top1"] - 1e-9
    assert "uncorrected_top1" not in content["seeds"][0]
    assert set(content) >= {"seeds", "pareto", "optimality_gap", "seconds"}
    with (folder / "pareto.csv").open() as file:
        front = list(csv.DictReader(file))
    assert float(front[-1]["estimated_top1"]) == pytest.approx(found["top1"], abs=1e-3)
    assert float(front[-1]["uncorrected_top1"]) == pytest.approx(
        found["uncorrected_top1"], abs=1e-3
    )
    record = found["best_published_of_size"]
    assert front[-1]["best_published_of_size"] == record["network"]
    assert [row["arch_id"] for row in front] == [row["arch_id"] for row in content["pareto"]]
    assert all(load_arch(folder / row["file"]).arch_id == row["arch_id"] for row in front)
    study = yaml.safe_load((folder / "study.yaml").read_text())
    assert study["command"].startswith("nas search --budget-ms 1.0")
    assert set(study) >= {"seed", "versions", "device", "space", "surrogate"}
    assert (folder / "pareto.png").read_bytes().startswith(b"\x89PNG")
    assert "<svg" in (folder / "pareto.svg").read_text()


def test_limits_of_every_kind_are_kept_and_said(nas: Nas, here: Path) -> None:
    asked = ("--budget-ms", "0.8", "--budget-ms", "45", "--device", "iphone12-lut")
    more = ("--device", "pixel1-cpu", "--max-params-m", "4", "--max-macs-m", "200")
    asked = ("search", *asked, *more, "--max-peak-m", "0.9", "--space", "mobilenetv3")
    content = json.loads(nas(*asked, "--json").out)
    (other,) = content["others"]
    assert (other["device"], other["budget_ms"]) == ("pixel1-cpu", 45)
    best = load_arch(here / content["best"]["path"])
    assert other["ms"] == pytest.approx(load_device("pixel1-cpu").predict(best).ms)
    assert other["ms"] <= 45
    assert best.params <= 4e6
    assert best.macs <= 2e8
    study = yaml.safe_load((here / content["best"]["path"]).with_name("study.yaml").read_text())
    assert study["limits"] == {"params": 4e6, "macs": 2e8, "peak_elements": 9e5}
    assert study["others"][0]["name"] == "pixel1-cpu"
    done = nas(*asked, "--name", "shown")
    assert "on pixel1-cpu" in done.out
    assert max(len(line) for line in done.out.splitlines()) <= 80


def test_a_confidence_reaches_every_output(nas: Nas, here: Path) -> None:
    asked = ("search", "--budget-ms", "2.0", *ON, "--confidence", "0.9")
    content = json.loads(nas(*asked, "--json").out)
    assert content["confidence"] == 0.9
    assert content["held_ms"] < content["budget_ms"]
    assert content["best"]["probability"] == content["pareto"][-1]["probability"] >= 0.9 - 1e-9
    assert all(0 < seed["probability"] < 1 for seed in content["seeds"])
    folder = Path(content["best"]["path"]).parent
    assert folder.name.endswith("2ms-p0.9")
    study = yaml.safe_load((folder / "study.yaml").read_text())
    assert (study["confidence"], study["held_ms"]) == (0.9, content["held_ms"])
    with (folder / "pareto.csv").open() as file:
        assert all(float(row["probability_within_budget"]) >= 0.9 for row in csv.DictReader(file))
    assert "probability 0.9" in (folder / "pareto.svg").read_text()
    table = nas(*asked, "--force").out
    text = " ".join(table.split())
    line = (
        r"top-1, supervised [\d.]+ \[[\d.]+, [\d.]+\] %, estimated; best published of this size: "
    )
    assert re.search(line, text)
    assert "for 0.9" in table


def test_options_of_training_need_data(nas: Nas, here: Path) -> None:
    done = nas("search", "--budget-ms", "1.0", *ON, "--trials", "16", "--batch", "8")
    assert (done.code, done.out) == (2, "")
    assert "--trials, --batch need --data: nothing is trained without it" in done.err
    assert not any(here.iterdir())


def test_an_existing_result_is_kept_unless_forced(nas: Nas, here: Path) -> None:
    kept = here / "results" / "mine"
    kept.mkdir(parents=True)
    (kept / "precious.txt").write_text("1")
    done = nas("search", "--budget-ms", "1.0", *ON, "--name", "mine")
    assert done.code == 2
    assert "exists and is kept" in done.err
    assert [path.name for path in kept.iterdir()] == ["precious.txt"]
    done = nas("search", "--budget-ms", "1.0", *ON, "--name", "mine", "--force")
    assert done.code == 2
    assert "kept, also with --force: nas did not write precious.txt in it" in done.err
    assert [path.name for path in kept.iterdir()] == ["precious.txt"]
    (kept / "precious.txt").rename(here / "precious.txt")
    for _ in range(2):
        assert nas("search", "--budget-ms", "1.0", *ON, "--name", "mine", "--force").code == 0
        assert (kept / "best.yaml").exists()
        assert [path.name for path in kept.parent.iterdir()] == ["mine"]


def test_an_infeasible_budget_ends_with_3_and_the_fastest_network(nas: Nas, here: Path) -> None:
    done = nas("search", "--budget-ms", "0.1", *ON)
    assert done.code == 3
    assert "the fastest is predicted at" in done.err
    (here / "fastest.yaml").write_text(done.out)
    ms = load_device("iphone12-lut").predict(load_arch(here / "fastest.yaml")).ms
    assert f"{ms:.3f} ms" in done.err
    assert not any((here / "results").iterdir())


def test_an_infeasible_budget_as_json(nas: Nas, here: Path) -> None:
    done = nas("search", "--budget-ms", "0.1", *ON, "--json")
    content = json.loads(done.out)
    assert (done.code, content["best"]) == (3, None)
    assert content["smallest_ms"] > 0.1
    assert content["smallest"]["rows"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--budget-ms", "nan", *ON), "expected a budget above 0 ms, found nan"),
        (("--budget-ms", "-1", *ON), "expected a budget above 0 ms, found -1"),
        (("--budget-ms", "1", "--device", "iphone"), "unknown device 'iphone'"),
        (("--budget-ms", "1", *ON[:2], "--space", "mobil"), "nearest: mobile"),
        (("--budget-ms", "1", *ON, "--surrogate", "image"), "unknown surrogate 'image'"),
        (("--budget-ms", "1", *ON, "--name", "../x"), "expected a plain name"),
        (("--budget-ms", "1", *ON, "--confidence", "1"), "expected a confidence between 0 and 1"),
        (("--budget-ms", "1", *ON, "--confidence", "nan"), "expected a confidence"),
    ],
)
def test_bad_input_is_one_message_and_2(
    nas: Nas, here: Path, arguments: tuple[str, ...], message: str
) -> None:
    done: Ran = nas("search", *arguments)
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert len(done.err.strip().splitlines()) == 1
    assert not list(here.glob("results/*"))


def test_an_unwritable_folder_is_refused_before_searching(nas: Nas, here: Path) -> None:
    (here / "file").write_text("")
    done = nas("search", "--budget-ms", "1", *ON, "--out", "file")
    assert done.code == 2
    assert "cannot be written" in done.err


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_refused(nas: Nas, here: Path) -> None:
    here.chmod(0o500)
    done = nas("search", "--budget-ms", "1", *ON)
    here.chmod(0o700)
    assert done.code == 2
    assert "cannot be written" in done.err
