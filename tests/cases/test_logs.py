"""Logs as tools and terminals leave them, through `nas measure --import`."""
# ruff: noqa: E501 - lines as they are printed

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from .conftest import Nas

HEAD = """\
STARTING!
Log parameter values verbosely: [0]
Num threads: [1]
Graph: [/data/local/tmp/mobilenetv2.tflite]
#threads used for CPU inference: [1]
{}Loaded model /data/local/tmp/mobilenetv2.tflite
The input model file size (MB): 10.9
Initialized session in 3.1ms.
count=60 first=9000 curr=8100 min=8000 max=9100 avg=8123.4 std=210

"""
TAIL = """\
Inference timings in us: Init: 3100, First inference: 9000, Warmup (avg): 8123.4, Inference (avg): {}
Note: as the benchmark tool itself affects memory footprint, the following is only APPROXIMATE
"""
USUAL = "count=123 first=8100 curr=8010 min=7990 max=8420 avg=8050.5 std=66\n\n"
QNN = """\
External delegate path: [/data/local/tmp/libQnnTFLiteDelegate.so]
External delegate options: [backend_type:htp]
"""
APPLIED = (
    "Explicitly applied {} delegate, and the model graph will be {} executed by the delegate{}\n"
)
REFUSED = "Though {} delegate is explicitly applied, the model graph will not be executed by the delegate.\n"
CPU = "Replacing 65 out of 66 node(s) with delegate (TfLiteXNNPackDelegate) node, yielding 3 partitions\n"


def log(options: str = "", statistics: str = USUAL, us: str = "8050.5") -> str:
    """One run of `benchmark_model`."""
    return HEAD.format(options) + statistics + TAIL.format(us)


@pytest.fixture
def imported(nas: Nas, here: Path) -> Any:
    """Rows that the command reads from a log of this text, name and encoding."""

    def read(text: str, name: str = "run.log", encoding: str = "utf-8") -> list[dict[str, Any]]:
        (here / name).write_bytes(text.encode(encoding))
        out = nas("measure", "--import", name, "--device", "d", "--json").out
        rows: list[dict[str, Any]] = json.loads(out)["measurements"]
        return rows

    return read


@pytest.mark.parametrize(
    ("options", "runtime", "note"),
    [
        (QNN + APPLIED.format("EXTERNAL", "completely", "."), "litert-qnn-htp", ""),
        ("External delegate path : [libvx_delegate.so]\n", "litert-vx", ""),
        ("Use CoreML: [1]\n", "litert-coreml", ""),
        ("Use gpu : [1]\nUse nnapi : [0]\n", "litert-gpu", ""),
        ("Use NNAPI: [1]\nNNAPI accelerator name: [google-edgetpu]\n", "litert-nnapi-google-edgetpu", ""),
        ("Use NNAPI: [1]\n" + REFUSED.format("NNAPI"), "litert", "nnapi was asked for and executed"),
        ("Use Hexagon: [1]\nCould not create Hexagon delegate: x\n", "litert", "hexagon was asked"),
        (QNN + CPU, "litert", "qnn-htp was asked for and executed nothing: this is the CPU"),
        ("Use CoreML: [1]\nReplacing 0 out of 66 node(s) with delegate (TfLiteCoreMlDelegate) node\n" + CPU,
         "litert", "coreml was asked for and executed nothing"),
        ("Use GPU: [1]\nReplacing 54 out of 66 node(s) with delegate (TfLiteGpuDelegateV2) node\n",
         "litert-gpu", "54 of 66 nodes delegated"),
        ("Use GPU: [1]\nUse NNAPI: [1]\n" + APPLIED.format("GPU", "completely", ".") + REFUSED.format("NNAPI"),
         "litert-gpu", "nnapi was asked for and executed nothing"),
        ("Use xnnpack: [1]\n" + CPU + APPLIED.format("XNNPACK", "partially", " w/ 3 delegate kernels."),
         "litert", ""),
    ],
)  # fmt: skip
def test_external_delegate(imported: Any, options: str, runtime: str, note: str) -> None:
    (row,) = imported(log(options, us="8050.5"))
    assert (row["ms"], row["runtime"]) == (8.0505, runtime)
    assert note in row["note"]
    assert note or row["note"] == "mean: the tool printed no median"


def test_batch_of_8(imported: Any) -> None:
    (row,) = imported(log("Input layers: [image]\nInput shapes: [8,224,224,3]\n"))
    assert (row["ms"], row["batch"]) == (8.0505, 8)


@pytest.mark.parametrize(
    ("statistics", "us", "ms", "runs"),
    [("count=50 curr=8000(all same)\n", "8000", 8.0, 50), ("count=1 curr=7900\n", "7900", 7.9, 1)],
)
def test_all_samples_alike(imported: Any, statistics: str, us: str, ms: float, runs: int) -> None:
    (row,) = imported(log(statistics=statistics, us=us))
    assert (row["ms"], row["runs"], row["note"]) == (ms, runs, "")


def test_same_network_thrice(imported: Any, nas: Nas, here: Path) -> None:
    slower = log(statistics=USUAL.replace("8050.5", "8099.5"), us="8099.5")
    (row,) = imported(log() + slower + log(statistics="count=9 curr=9000(all same)\n", us="9000"))
    assert (row["ms"], row["ms_low"], row["ms_high"]) == (8.0995, 8.0505, 9.0)
    assert row["runs"] == 123 + 123 + 9
    assert "median of 3 repeats: 8.0505, 8.0995, 9 ms" in row["note"]
    (here / "two.csv").write_text("network,ms,runs\nmobilenetv2,8,\nmobilenetv2,9,3\n")
    again = json.loads(nas("measure", "--import", "two.csv", "--json").out)["measurements"]
    assert [(row["ms"], row["runs"]) for row in again] == [(8.5, None)]


COMPILED = """\
INFO: STARTING!
INFO: Graph: [mobilenetv2.tflite]
INFO: Use {}: [1]
INFO: Loaded model mobilenetv2.tflite
INFO: Initialized session in 120.1ms.
{}INFO: [./litert/tools/benchmark_litert_model.h:81] 
========== BENCHMARK RESULTS ==========
INFO: [./litert/tools/benchmark_litert_model.h:82] Model initialization: 120.10 ms
INFO: [./litert/tools/benchmark_litert_model.h:84] Warmup (first):       9.00 ms
INFO: [./litert/tools/benchmark_litert_model.h:86] Warmup (avg):         8.12 ms (60 runs)
INFO: [./litert/tools/benchmark_litert_model.h:88] Inference (avg):      8.05 ms (123 runs)
INFO: [./litert/tools/benchmark_litert_model.h:92] Inference (min):      7.99 ms
INFO: [./litert/tools/benchmark_litert_model.h:96] Inference (std):      0.07
Timings (microseconds): count=3166 first=947 curr=406 min=390 max=947 avg=411.071 std=14
"""  # noqa: W291 - as it is printed
PRECISE = "INFO: count=123 first=8100 curr=8010 min=7990 max=8420 avg=8050.5 std=6 p5=8 median=8049 p95=8\n"


def test_litert_compiled_model(imported: Any) -> None:
    (row,) = imported(COMPILED.format("GPU", ""))
    assert (row["network"], row["ms"], row["runs"], row["runtime"]) == ("mobilenetv2", 8.05, 123, "litert-gpu")  # fmt: skip
    (row,) = imported(COMPILED.format("NPU", PRECISE))
    assert (row["ms"], row["runs"], row["runtime"]) == (8.049, 123, "litert-npu")
    assert len(imported(COMPILED.format("GPU", "") + COMPILED.format("CPU", ""))) == 2


PERF_TEST = """\
Setting intra_op_num_threads to 1
Session creation time cost: 0.0612 s
First inference time cost: 9 ms
Total inference time cost: 0.80505 s
Total inference requests: 100
Average inference time cost total: 8.0505 ms
Total inference run time: 0.80601 s
Number of inferences per second: 124.07
Min Latency: 0.00799 s
Max Latency: 0.00842 s
P50 Latency: 0.00804 s
P90 Latency: 0.00812 s
"""


def test_onnxruntime_perf_test(imported: Any, nas: Nas, here: Path) -> None:
    (row,) = imported(PERF_TEST, "repvit-m0.9.log")
    assert (row["network"], row["ms"], row["runs"], row["threads"]) == ("repvit-m0.9", 8.04, 100, 1)
    without_s = PERF_TEST[: PERF_TEST.index("Min")].replace("cost total", "cost")
    (row,) = imported(f"$ ./onnxruntime_perf_test -e nnapi -r 100 /tmp/a.onnx out\n{without_s}")
    assert (row["network"], row["ms"], row["runtime"]) == ("a", 8.0505, "onnxruntime-nnapi")
    rows = imported(f"b.onnx\n{PERF_TEST}c.onnx\n{PERF_TEST}")
    assert [row["network"] for row in rows] == ["b", "c"]
    (here / "two.log").write_text(PERF_TEST * 2)
    said = nas("measure", "--import", "two.log").err
    assert "two.log: holds 2 runs but names no models" in said


def test_ai_hub(imported: Any) -> None:
    summary = {
        "estimated_inference_time": 1234,
        "all_inference_times": [1240, 1236, 1234, 1251, 1239],
    }
    layers = [{"name": "conv", "compute_unit": "NPU"}, {"name": "pool", "compute_unit": "cpu"}] * 2
    content = {"execution_summary": summary, "execution_detail": layers}
    (row,) = imported(json.dumps(content), "repvit-m0.9.json")
    assert (row["network"], row["ms"], row["runs"]) == ("repvit-m0.9", 1.239, 5)
    assert (row["source"], row["runtime"]) == ("Qualcomm AI Hub profile, NPU, CPU", "")
    del summary["all_inference_times"]
    (row,) = imported(json.dumps([content]), "a.json")
    assert (row["ms"], row["runs"]) == (1.234, None)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be"])
def test_text_of_powershell(imported: Any, encoding: str) -> None:
    text = log("Use gpu: [1]\n").replace("\n", "\r\n")
    mark = "\ufeff" if encoding == "utf-16-be" else ""
    (row,) = imported(mark + text, encoding=encoding)
    assert (row["network"], row["ms"], row["runtime"]) == ("mobilenetv2", 8.0505, "litert-gpu")


def test_colours_paths_of_windows_and_bytes_that_are_no_text(nas: Nas, here: Path) -> None:
    text = (
        log().replace("/data/local/tmp/", "C:\\Modèles\\").replace("Graph", "\x1b[32mGraph\x1b[0m")
    )
    (here / "a.log").write_bytes(text.encode("cp1252"))
    (row,) = json.loads(nas("measure", "--import", "a.log", "--json").out)["measurements"]
    assert (row["network"], row["ms"]) == ("mobilenetv2", 8.0505)
