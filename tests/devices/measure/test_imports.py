"""Logs of the runtimes' own benchmarks: what they say is read, what is malformed is named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from nas.devices.measure.imports import import_measurements
from nas.devices.measurements import Measurement, read_measurements, write_measurements
from nas.errors import DocumentError, NasError, UnknownNameError

ASSETS = Path(__file__).parent / "assets"

BENCHMARK_MODEL = "TFLite benchmark_model"
MEAN = "mean: the tool printed no median"
READ = {
    "benchmark_model_2019.log": Measurement(
        "mobilenet_v1_1.0_224_quant",
        66.7676,
        runtime="litert",
        threads=2,
        runs=15,
        source=BENCHMARK_MODEL,
        note=MEAN,
    ),
    "benchmark_model_2020.log": Measurement(
        "espcn_harmonic_2x_slim_w_cl",
        33.2094,
        runtime="litert",
        threads=4,
        runs=50,
        source=BENCHMARK_MODEL,
        note=MEAN,
    ),
    "benchmark_model_2025.log": Measurement(
        "tiny_muaalem_int4", 42.405, runtime="litert", runs=24, source=BENCHMARK_MODEL
    ),
    "litert_benchmark.json": Measurement(
        "mobilenetv3-large",
        7.47,
        runtime="litert",
        threads=1,
        runs=200,
        source="litert-benchmark",
    ),
}

EXECUTOR = """\
I 00:00:00.001 executorch:executor_runner.cpp:157] Resetting threadpool with num threads = 1
I 00:00:00.002 executorch:executor_runner.cpp:333] Model file /data/local/tmp/a.pte is loaded.
I 00:00:00.012 executorch:executor_runner.cpp:560] Iteration 1 of 3: 9.500000 ms
I 00:00:00.015 executorch:executor_runner.cpp:560] Iteration 2 of 3: 2.500000 ms
I 00:00:00.017 executorch:executor_runner.cpp:560] Iteration 3 of 3: 2.600000 ms
I 00:00:00.020 executorch:executor_runner.cpp:570] Model executed successfully 3 time(s) in 14.6 ms.
"""
CORE_ML = {
    "model": "a.mlpackage",
    "device": "My iPhone",
    "os_version": "iOS 18.1",
    "compute_units": "ALL",
    "coremltools": "9.0",
    "date": "2025-12-31",
    "measurement": {"statistics": None, "samples": [1.0, 1.5, 1.2]},
}


def imported(path: Path, text: str, name: str = "a.log") -> list[Measurement]:
    (path / name).write_text(text, encoding="utf-8")
    return import_measurements([path / name])


@pytest.mark.parametrize(("name", "expected"), READ.items(), ids=READ)
def test_real_output_is_read(name: str, expected: Measurement) -> None:
    assert import_measurements([ASSETS / name]) == [expected]


def test_what_is_imported_can_be_written_and_read(tmp_path: Path) -> None:
    rows = import_measurements([ASSETS / name for name in READ], device="a phone")
    assert {row.device for row in rows} == {"a phone"}
    write_measurements(tmp_path / "m.csv", rows)
    assert read_measurements(tmp_path / "m.csv") == rows
    assert import_measurements([tmp_path / "m.csv"]) == rows


def test_a_log_may_hold_several_runs(tmp_path: Path) -> None:
    logs = [(ASSETS / f"benchmark_model_{year}.log").read_text() for year in (2020, 2025)]
    assert [row.runs for row in imported(tmp_path, "".join(logs))] == [50, 24]


def test_a_log_from_logcat_is_read(tmp_path: Path) -> None:
    prefix = "10:04:31.319  2638-2638  tflite  org.tensorflow.lite.benchmark  I  "
    lines = (ASSETS / "benchmark_model_2020.log").read_text().splitlines()
    (row,) = imported(tmp_path, "\n".join(prefix + line for line in lines))
    assert (row.network, row.ms) == ("espcn_harmonic_2x_slim_w_cl", 33.2094)


def test_a_log_that_names_no_model_goes_by_its_own_name(tmp_path: Path) -> None:
    lines = (ASSETS / "benchmark_model_2020.log").read_text().splitlines()
    text = "\n".join(line for line in lines if "Graph" not in line and "Loaded" not in line)
    assert imported(tmp_path, text, "mobilenetv2.log")[0].network == "mobilenetv2"


def test_a_delegate_is_part_of_the_runtime(tmp_path: Path) -> None:
    text = (ASSETS / "benchmark_model_2020.log").read_text()
    text = text.replace("Enable op profiling: [1]", "Use gpu: [1]")
    assert imported(tmp_path, text)[0].runtime == "litert-gpu"


def test_executor_runner_is_read_with_its_median(tmp_path: Path) -> None:
    (row,) = imported(tmp_path, EXECUTOR)
    assert row == Measurement(
        "a",
        2.6,
        runtime="executorch",
        threads=1,
        ms_low=2.5,
        ms_high=9.5,
        ms_fast=pytest.approx(2.52),
        runs=3,
        source="ExecuTorch executor_runner",
    )


def test_executor_runner_without_iterations_is_read_as_a_mean(tmp_path: Path) -> None:
    text = "\n".join(line for line in EXECUTOR.splitlines() if "Iteration" not in line)
    (row,) = imported(tmp_path, text)
    assert (row.ms, row.runs) == (pytest.approx(14.6 / 3), 3)
    assert "mean" in row.note


def test_samples_of_coremltools_are_read(tmp_path: Path) -> None:
    (row,) = imported(tmp_path, json.dumps(CORE_ML), "a.json")
    assert (row.network, row.ms, row.ms_low, row.ms_high, row.runs) == ("a", 1.2, 1.0, 1.5, 3)
    assert (row.device, row.runtime, row.version) == ("My iPhone", "coreml", "iOS 18.1")


TIMINGS = "Inference timings in us: Init: 1, First inference: 2, Warmup (avg): 3, Inference (avg): "
BAD = {
    "something else": ("hello", "a.log: not the output of benchmark_model"),
    "other JSON": ('{"a": 1}', "a.log: not the output of"),
    "deep JSON": ('{"a":' * 100_000, "a.log: not readable as JSON"),
    "broken JSON": ('{"a": ', "a.log: not readable as JSON"),
    "text for a number": (TIMINGS + "fast", "a.log line 1: found 'Inference timings"),
    "two points": (TIMINGS + "1.2.3", "line 1: found '1.2.3', expected a number"),
    "cut line": ("x\n" + TIMINGS, "line 2: found 'Inference timings"),
    "zero": (TIMINGS + "0", "line 1: found 0 ms, expected 0.001 to 1e+06 ms"),
    "absurd": (TIMINGS + "1e15", "line 1: found 1e+12 ms"),
    "statistics of another run": (
        f"count=5 first=1 curr=1 min=1 max=1 avg=100 std=1\n{TIMINGS}200",
        "line 2: the mean is 200 us, but avg=100",
    ),
    "no result of the runner": (
        "I executorch:executor_runner.cpp:1] Model file a.pte is loaded.",
        "a.log: no line 'Model executed successfully",
    ),
    "runner, zero times": (
        EXECUTOR.replace("successfully 3", "successfully 0"),
        "a.log: no line 'Model exe",
    ),
    "no samples": (
        json.dumps(CORE_ML | {"measurement": {"samples": []}}),
        "a.log (samples): expected milliseconds, at least one",
    ),
    "samples as text": (
        json.dumps(CORE_ML | {"measurement": {"samples": ["1 ms"]}}),
        "a.log (samples): expected",
    ),
    "negative sample": (
        json.dumps(CORE_ML | {"measurement": {"samples": [-1.0]}}),
        "a.log: found -1 ms",
    ),
    "missing key": (json.dumps(CORE_ML | {"device": None}), "a.log (device): found None"),
    "latency as text": ('{"latency": "1", "accelerators": []}', "a.log (latency): found '1'"),
}


@pytest.mark.parametrize(("text", "message"), BAD.values(), ids=BAD)
def test_a_malformed_log_is_named_by_file_and_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(NasError) as caught:
        imported(tmp_path, text)
    assert message in str(caught.value)


def test_a_run_that_failed_is_named_with_its_error() -> None:
    with pytest.raises(
        DocumentError, match=r"log line 5: the run of ./models/tiny_m.*_int8.tflite"
    ):
        import_measurements([ASSETS / "benchmark_model_failed.log"])


def test_a_file_given_twice_is_refused() -> None:
    log = ASSETS / "benchmark_model_2020.log"
    with pytest.raises(DocumentError, match=r"2020.log is given twice"):
        import_measurements([log, log])


def manifest(path: Path, entry: dict[str, object], file: str = "a-b.pte") -> None:
    content = {"schema": 1, "device_os": "android", "models": {file: entry}}
    (path / "kit.yaml").write_text(yaml.safe_dump(content))


ENTRY: dict[str, object] = {
    "network": "timm:a/b",
    "arch_id": "0123",
    "precision": "fp32",
    "batch": 1,
}


@pytest.mark.parametrize("folder", [".", "logs"])
def test_a_kit_says_which_file_is_which_network(tmp_path: Path, folder: str) -> None:
    manifest(tmp_path, ENTRY)
    (tmp_path / folder).mkdir(exist_ok=True)
    (row,) = imported(tmp_path / folder, EXECUTOR.replace("a.pte", "a-b.pte"))
    assert (row.network, row.arch_id, row.precision) == ("timm:a/b", "0123", "fp32")


def test_a_model_that_is_not_of_the_kit_is_named(tmp_path: Path) -> None:
    manifest(tmp_path, ENTRY)
    with pytest.raises(UnknownNameError, match="line 6: unknown model 'a.pte'; .*a-b.pte"):
        imported(tmp_path, EXECUTOR)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({**ENTRY, "batch": "one"}, r"batch\): expected a whole number, found 'one'"),
        ({**ENTRY, "ms": 1}, "unknown key 'ms'"),
        ({"network": "a"}, "key 'arch_id' is missing"),
    ],
)
def test_a_malformed_kit_is_named(tmp_path: Path, entry: dict[str, object], message: str) -> None:
    manifest(tmp_path, entry, "a.pte")
    with pytest.raises(NasError, match=message):
        imported(tmp_path, EXECUTOR)
