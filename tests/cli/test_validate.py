"""`nas validate`: the errors are those of the file, and the worst network is named with its row."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nas.library import load_arch, load_device

from .conftest import Nas

DEVICE = load_device("iphone12-lut")
#: network -> measured over predicted
FACTORS = {"mobilenetv2": 1.0, "repvit-m0.9": 1.04, "resnet50": 0.9, "efficientnet-b0": 2.0}


@pytest.fixture
def measured(tmp_path: Path) -> Path:
    """Networks that are slower than predicted by a known factor."""
    rows = [f"{n},{f * DEVICE.predict(load_arch(n)).ms:.5f}" for n, f in FACTORS.items()]
    path = tmp_path / "m.csv"
    path.write_text("\n".join(["network,ms", *rows]) + "\n", encoding="utf-8")
    return path


def test_errors_are_those_of_the_file(nas: Nas, measured: Path) -> None:
    done = nas("validate", "iphone12-lut", "--against", str(measured), "--json")
    assert (done.code, done.err) == (0, "")
    found = json.loads(done.out)
    assert found["networks"] == 4
    assert found["errors"]["within_5_pct"] == 50
    assert found["errors"]["within_20_pct"] == 75
    assert found["coverage_pct"] == 75
    assert set(found["trivial_errors"]) == set(found["errors"])
    worst = found["worst_first"][0]
    assert worst["network"] == "efficientnet-b0"
    assert worst["error_pct"] == pytest.approx(-50, abs=0.1)


def test_the_dearest_row_is_the_one_that_takes_most(nas: Nas, measured: Path) -> None:
    done = nas("validate", "iphone12-lut", "--against", str(measured), "--json")
    for each in json.loads(done.out)["worst_first"]:
        rows = DEVICE.predict(load_arch(each["network"])).rows
        assert each["dearest_row_ms"] == pytest.approx(max(rows))
        assert each["dearest_row"] == 1 + rows.index(max(rows))


def test_tables_fit_and_name_the_trivial_model(nas: Nas, measured: Path) -> None:
    done = nas("validate", "iphone12-lut", "--against", str(measured))
    assert done.code == 0
    assert max(map(len, done.out.splitlines())) <= 80
    assert "size alone" in done.out
    assert done.out.index("efficientnet-b0") < done.out.index("mobilenetv2")


@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_a_picture_is_drawn(nas: Nas, measured: Path, tmp_path: Path, suffix: str) -> None:
    out = tmp_path / f"p.{suffix}"
    done = nas("validate", "iphone12-lut", "--against", str(measured), "--plot", str(out))
    assert done.code == 0, done.err
    assert out.stat().st_size > 10_000


@pytest.mark.parametrize("name", ["p.txt", "p"])
def test_a_picture_of_no_kind_is_refused(
    nas: Nas, measured: Path, tmp_path: Path, name: str
) -> None:
    out = tmp_path / name
    done = nas("validate", "iphone12-lut", "--against", str(measured), "--plot", str(out))
    assert done.code == 2
    assert ".png" in done.err
    assert [*tmp_path.iterdir()] == [measured]


def test_a_batch_is_never_held_against_a_latency(nas: Nas, measured: Path) -> None:
    lines = measured.read_text(encoding="utf-8").splitlines()
    lines = [lines[0] + ",batch", *(line + ",64" for line in lines[1:])]
    measured.write_text("\n".join(lines) + "\n", encoding="utf-8")
    done = nas("validate", "iphone12-lut", "--against", str(measured))
    assert done.code == 2
    assert "line 2 (batch): 64, but iphone12-lut is of 1" in done.err


def test_figures_that_a_device_was_fitted_to_are_told_from_others(
    nas: Nas, measured: Path, tmp_path: Path
) -> None:
    text = measured.read_text(encoding="utf-8")
    ms = DEVICE.predict(load_arch("mnasnet")).ms
    more = tmp_path / "more.csv"
    more.write_text(f"{text}mnasnet,{ms:.5f}\n", encoding="utf-8")
    made = nas("calibrate", "--from", str(more), "--out", str(tmp_path / "own"))
    assert made.code == 0, made.err
    assert f"{tmp_path / 'own'};useitwith--device" in "".join(made.out.split())
    fresh = f"{text}mnasnet,{1.1 * ms:.5f}\n"
    more.write_text(fresh, encoding="utf-8")
    asked = ("validate", str(tmp_path / "own"), "--against", str(more))
    assert json.loads(nas(*asked, "--json").out)["fitted_to"] == 4
    assert "fitted to 4 of these 5 figures" in " ".join(nas(*asked).out.split())
    shipped = nas("validate", "iphone12-lut", "--against", str(measured))
    assert "fitted to" not in shipped.out
