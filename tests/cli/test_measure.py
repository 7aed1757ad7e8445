"""`nas measure`: on this machine, and from logs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nas.devices.measurements import COLUMNS, read_measurements

from .conftest import Nas

ASSETS = Path(__file__).parents[1] / "devices" / "measure" / "assets"
LOG = str(ASSETS / "benchmark_model_2025.log")


def test_logs_become_a_csv(nas: Nas, tmp_path: Path) -> None:
    out = tmp_path / "m.csv"
    logs = [str(ASSETS / name) for name in ("benchmark_model_2020.log", "litert_benchmark.json")]
    done = nas("measure", "--import", LOG, *logs, "--device", "A phone", "--out", str(out))
    assert (done.code, done.err) == (0, "")
    assert "42.405" in done.out
    assert {row.device for row in read_measurements(out)} == {"A phone"}
    assert [row.ms for row in read_measurements(out)] == [42.405, 33.2094, 7.47]


def test_json_is_one_document(nas: Nas) -> None:
    done = nas("measure", "--import", LOG, "--json")
    content = json.loads(done.out)
    assert (done.code, done.err, content["environment"]) == (0, "", None)
    (row,) = content["measurements"]
    assert set(row) == set(COLUMNS)
    assert (row["ms"], row["ms_low"]) == (42.405, None)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("mobilenetv", "--runtime", "onnxruntime"), "unknown architecture 'mobilenetv'; nearest"),
        (("mobilenetv2", "--runtime", "tflite"), "--runtime: unknown runtime 'tflite'; "),
        (("mobilenetv2", "mobilenetv2"), "mobilenetv2 is given twice"),
        (("--import", "no.log"), "no.log: No such file or directory"),
        (
            ("--import", str(ASSETS / "benchmark_model_failed.log")),
            "failed.log line 5: the run of ./models/tiny_muaalem_int8.tflite has no line",
        ),
        (("--import", LOG, LOG), "is given twice"),
        (("--import", str(ASSETS / "README.md")), "README.md: not the output of benchmark_model"),
    ],
)
def test_bad_input_is_named(
    nas: Nas, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    out = tmp_path / "m.csv"
    done = nas("measure", *arguments, "--out", str(out))
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert not out.exists()


def test_an_existing_file_is_kept(nas: Nas, tmp_path: Path) -> None:
    out = tmp_path / "m.csv"
    out.write_text("mine")
    done = nas("measure", "--import", LOG, "--out", str(out))
    assert done.code == 2
    assert "exists and is kept" in done.err
    assert out.read_text() == "mine"
    done = nas("measure", "--import", LOG, "--out", str(out), "--force")
    assert "kept, also with --force: nas did not write it" in done.err
    assert out.read_text() == "mine"
    out.unlink()
    for _ in range(2):
        assert nas("measure", "--import", LOG, "--out", str(out), "--force").code == 0


@pytest.mark.slow
def test_networks_are_measured(nas: Nas, tmp_path: Path) -> None:
    out = tmp_path / "m.csv"
    names = ("mobilenetv3-small", "mobilenetv3-small-0.5")
    done = nas("measure", *names, "--seconds", "0.3", "--json", "--out", str(out))
    assert (done.code, done.err) == (0, "")
    content = json.loads(done.out)
    assert content["environment"]["cores"] >= 1
    assert [row["network"] for row in content["measurements"]] == [*names]
    assert [row.ms for row in read_measurements(out)] == [
        row["ms"] for row in content["measurements"]
    ]
    assert out.read_text().startswith("# cpu: ")
    # a title wraps at its table, whose width follows from what disturbed the figures
    printed = nas("measure", names[1], "--seconds", "0.3").out
    assert "median ms per invocation" in " ".join(printed.split())
