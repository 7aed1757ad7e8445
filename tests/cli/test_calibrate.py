"""`nas calibrate`: a device folder from a CSV, whole or not at all, and honest about itself."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from nas.latency.fit.write import write_device
from nas.latency.residual import SCALES, KernelPoints, Residual
from nas.library import load_arch, load_device

from .conftest import Nas

NETWORKS = (
    *("mobilenetv2", "mobilenetv2-0.5", "mobilenetv3-large", "efficientnet-b0", "resnet50"),
    *("repvit-m0.9", "repvit-m1.1", "mobileone-s1", "mnasnet", "mobilevit-s"),
)
PRIOR = load_device("iphone12-lut")


def measurements(path: Path, names: tuple[str, ...] = NETWORKS, factor: float = 1.0) -> Path:
    """What the shipped device predicts, times a factor, as if measured."""
    rows = [f"{name},{factor * PRIOR.predict(load_arch(name)).ms:.4f},lab" for name in names]
    path.write_text("\n".join(["network,ms,source", *rows]) + "\n", encoding="utf-8")
    return path


def test_a_device_is_made_from_networks_alone(nas: Nas, tmp_path: Path) -> None:
    done = nas(
        *("calibrate", "--from", str(measurements(tmp_path / "m.csv"))),
        *("--out", str(tmp_path / "own")),
    )
    assert done.code == 0, done.err
    assert "size alone" in done.out
    device = load_device(tmp_path / "own")
    assert not device.edited
    assert device.info["held_out"]["networks"] == len(NETWORKS)
    assert device.info["sources"] == [{"citation": "lab", "figures": len(NETWORKS)}]
    found = device.predict(load_arch("mobilenetv2")).ms
    assert found == pytest.approx(PRIOR.predict(load_arch("mobilenetv2")).ms, rel=0.2)


def test_a_known_device_is_adapted_with_five_networks(nas: Nas, tmp_path: Path) -> None:
    done = nas(
        *("calibrate", "--from", str(measurements(tmp_path / "m.csv", NETWORKS[::2], 1.5))),
        *("--out", str(tmp_path / "slower"), "--prior", "iphone12-lut", "--json"),
    )
    assert done.code == 0, done.err
    info = json.loads(done.out)
    assert info["kind"] == "adapted from iphone12-lut"
    assert info["hardware"] == "not stated"  # it is another machine than the prior's
    assert info["fit"]["before_median_error_pct"] == pytest.approx(100 / 3, abs=0.1)
    assert info["held_out"]["median_error_pct"] < 1
    device = load_device(tmp_path / "slower")
    found = device.predict(load_arch("mobilenetv3-large")).ms
    assert found == pytest.approx(1.5 * PRIOR.predict(load_arch("mobilenetv3-large")).ms, rel=0.01)


def test_networks_of_a_file_of_their_own_evaluate_instead(nas: Nas, tmp_path: Path) -> None:
    kept = measurements(tmp_path / "kept.csv", NETWORKS[:6])
    out = measurements(tmp_path / "out.csv", NETWORKS[6:], 2.0)
    done = nas(
        *("calibrate", "--from", str(kept), "--holdout", str(out), "--prior", "iphone12-lut"),
        *("--out", str(tmp_path / "own"), "--json"),
    )
    held_out = json.loads(done.out)["held_out"]
    assert held_out["networks"] == 4
    assert held_out["median_error_pct"] == pytest.approx(50, abs=1)


def test_a_folder_is_kept_unless_forced(nas: Nas, tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    command = ("calibrate", "--from", str(measurements(tmp_path / "m.csv", NETWORKS[:5])))
    command += ("--out", str(tmp_path / "own"), "--prior", "iphone12-lut")
    done = nas(*command)
    assert (done.code, list((tmp_path / "own").iterdir())) == (2, [])
    assert "--force" in done.err
    assert nas(*command, "--force").code == 0
    assert sorted(file.name for file in tmp_path.iterdir()) == ["m.csv", "own"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("mobilenetv9,1.0,lab", ("line 7", "mobilenetv9", "nearest")),
        ("mobilenetv2,1.0 ms,lab", ("line 7", "ms", "plain number")),
        ("mobilenetv2,-1,lab", ("line 7", "-1")),
    ],
    ids=["unknown network", "unit", "negative"],
)
def test_bad_lines_are_named_and_leave_nothing(
    nas: Nas, tmp_path: Path, line: str, words: tuple[str, ...]
) -> None:
    file = measurements(tmp_path / "m.csv", (*NETWORKS[:4], "mnasnet"))
    file.write_text(file.read_text(encoding="utf-8") + line + "\n", encoding="utf-8")
    done = nas("calibrate", "--from", str(file), "--out", str(tmp_path / "own"))
    assert (done.code, done.out) == (2, "")
    assert all(word in done.err for word in words), done.err
    assert [path.name for path in tmp_path.iterdir()] == ["m.csv"]


def test_a_network_measured_twice_counts_once(nas: Nas, tmp_path: Path) -> None:
    file = measurements(tmp_path / "m.csv")
    rows = file.read_text(encoding="utf-8").splitlines()
    file.write_text("\n".join([*rows, rows[-1]]) + "\n", encoding="utf-8")
    done = nas("calibrate", "--from", str(file), "--out", str(tmp_path / "own"))
    assert done.code == 0, done.err
    assert load_device(tmp_path / "own").info["held_out"]["networks"] == len(NETWORKS)


def test_fewer_than_five_networks_are_refused(nas: Nas, tmp_path: Path) -> None:
    file = measurements(tmp_path / "m.csv", NETWORKS[:4])
    done = nas("calibrate", "--from", str(file), "--out", str(tmp_path / "own"))
    assert done.code == 2
    assert "4 networks, expected at least 5" in done.err


def test_figures_of_two_settings_are_refused(nas: Nas, tmp_path: Path) -> None:
    file = tmp_path / "m.csv"
    rows = [f"{name},1.0,{1 + index % 2}" for index, name in enumerate(NETWORKS)]
    file.write_text("\n".join(["network,ms,threads", *rows]) + "\n", encoding="utf-8")
    done = nas("calibrate", "--from", str(file), "--out", str(tmp_path / "own"))
    assert done.code == 2
    assert "line 3 (threads): 2, but 1 at" in done.err


def test_a_batch_is_priced_per_image_and_said_so(nas: Nas, tmp_path: Path) -> None:
    file = measurements(tmp_path / "m.csv", NETWORKS[:6], 8.0)
    lines = file.read_text(encoding="utf-8").splitlines()
    lines = [lines[0] + ",batch", *(line + ",8" for line in lines[1:])]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    out = tmp_path / "batched"
    done = nas("calibrate", "--from", str(file), "--prior", "iphone12-lut", "--out", str(out))
    assert done.code == 0, done.err
    device = load_device(out)
    assert device.unit == "ms per image at batch 8"
    prior = PRIOR.predict(load_arch("mobilenetv2")).ms
    assert device.predict(load_arch("mobilenetv2")).ms == pytest.approx(prior, rel=0.01)
    assert "per image at batch 8" in nas("show", "mobilenetv2", "--device", str(out)).out


def test_an_adapted_device_keeps_what_its_prior_knows_of_shapes(nas: Nas, tmp_path: Path) -> None:
    shape = np.zeros((1, len(SCALES)))
    points = {"pointwise": KernelPoints(("conv",), shape)}
    residual = Residual(points, {"pointwise": np.array([0.2])})
    (tmp_path / "known").mkdir()
    write_device(tmp_path / "known", PRIOR.info, PRIOR.table.values(), residual)
    known = load_device(tmp_path / "known")
    lines = [f"{name},{2 * known.predict(load_arch(name)).ms:.4f}" for name in NETWORKS[:6]]
    file = tmp_path / "m.csv"
    file.write_text("\n".join(["network,ms", *lines]) + "\n", encoding="utf-8")
    out = tmp_path / "own"
    done = nas(
        "calibrate", "--from", str(file), "--prior", str(tmp_path / "known"), "--out", str(out)
    )
    assert done.code == 0, done.err
    found = load_device(out).predict(load_arch("mobileone-s1")).ms
    assert found == pytest.approx(2 * known.predict(load_arch("mobileone-s1")).ms, rel=0.01)
