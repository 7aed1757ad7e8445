"""The devices calibrated from published figures, and the sources of these figures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from device_figures import Rows, accel, ai_hub, iphone14, iphones, whole_networks
from iphone_fit import FUSES as IPHONE_FUSES
from iphone_fit import RECIPE12, RECIPE13

from nas.devices.calibration.fit import FUSES, PLAIN
from nas.latency.fit.blend import FitRecipe
from nas.latency.fit.calibrate import LatencySample


@dataclass(frozen=True, slots=True)
class Source:
    """The sources of a device's figures, and what was measured."""

    rows: Callable[[Path], Rows]
    hardware: str
    runtime: str
    version: str
    precision: str
    statistic: str
    threads: int | None = 1
    batch: int = 1
    fuses: Sequence[str] = FUSES
    recipe: FitRecipe = PLAIN
    priors: Sequence[str] = ()
    """Devices to adapt; several are blended by their errors on networks left out."""
    harness: str = ""
    """Part of the names of this device's harnesses; other harnesses belong to related devices."""
    not_harness: str = "no such harness"
    notes: str = ""

    @property
    def kind(self) -> str:
        """How the device is made."""
        if len(self.priors) > 1:
            return "adapted from a blend of devices"
        return f"adapted from {self.priors[0]}" if self.priors else "calibrated"

    def owns(self, figure: LatencySample) -> bool:
        """Whether the figure was measured on this device."""
        return self.harness in figure.harness and self.not_harness not in figure.harness


PHONES = ("iphone12-lut", "iphone13", "pixel1-cpu", "pixel3-cpu-4t", "pixel6-cpu", "s23-gpu")
PHONES += ("galaxy-s24-npu", "galaxy-s25-npu", "sd855-cpu-1t")
"""All devices that are calibrated to the latency of one image. A device with a dozen figures and no
relative among them is adapted from a blend of all, so that nobody chooses one by its errors."""
MEDIAN = "median of five means of about 1000 runs"
MEAN = "mean latency as TensorFlow Lite's benchmark gives it"
THROUGHPUT = "1000 / images per second: milliseconds of one image within a batch, no latency"
ANB = "batch and precision as in the repository that collected the figures"

DEVICES: dict[str, Source] = {
    "iphone12-lut": Source(
        iphones,
        "Apple iPhone 12 (A14 Bionic)",
        "Core ML, compute units all (CPU, GPU, Neural Engine), iOS 16",
        "Xcode 14 performance report",
        "fp16",
        "median of the report's runs",
        threads=None,
        fuses=IPHONE_FUSES,
        recipe=RECIPE12,
        not_harness="iphone13",
    ),
    "iphone13": Source(
        iphones,
        "Apple iPhone 13 (A15 Bionic)",
        "Core ML, compute units all (CPU, GPU, Neural Engine)",
        "Core ML Tools, as iFormer's authors used them",
        "fp16",
        "latency as the paper gives it",
        threads=None,
        fuses=IPHONE_FUSES,
        recipe=RECIPE13,
        harness="iphone13",
        not_harness="iphone13-",
        notes="figures of iPhone 12 and of other tools take part, each harness with a factor",
    ),
    "pixel1-cpu": Source(
        partial(whole_networks, device="Google Pixel 1 CPU", runtime="TFLite.*"),
        "Google Pixel 1 (Snapdragon 821), one large core",
        "TensorFlow Lite",
        "as of 2018 to 2019",
        "fp32",
        MEAN,
    ),
    "pixel3-cpu-4t": Source(
        partial(whole_networks, device="Google Pixel 3 CPU (4 threads)", runtime="TFLite float"),
        "Google Pixel 3 (Snapdragon 845)",
        "TensorFlow Lite",
        "Android 10",
        "fp32",
        MEAN,
        threads=4,
    ),
    "pixel4-cpu": Source(
        partial(whole_networks, device="Google Pixel 4 CPU (4 threads)", runtime="TFLite FP32"),
        "Google Pixel 4 (Snapdragon 855)",
        "TensorFlow Lite",
        "as of 2020",
        "fp32",
        MEAN,
        threads=4,
        priors=["pixel3-cpu-4t"],
    ),
    "pixel6-cpu": Source(
        partial(whole_networks, device="Google Pixel 6 CPU", runtime="TFLite INT8 XNNPACK"),
        "Google Pixel 6 (Tensor), CPU",
        "TensorFlow Lite with XNNPACK",
        "as of 2024",
        "int8",
        MEDIAN,
        notes="networks with GELU or layer norms, which have no int8 kernels, are far slower",
    ),
    "s23-gpu": Source(
        partial(whole_networks, device="Samsung S23 GPU", runtime="TFLite fp16"),
        "Samsung Galaxy S23 (Snapdragon 8 Gen 2), GPU",
        "TensorFlow Lite with the GPU delegate",
        "as of 2024",
        "fp16",
        MEDIAN,
        threads=None,
        notes="FastViT is left out: it takes many times what its work explains",
    ),
    "galaxy-s24-npu": Source(
        partial(ai_hub, device="Samsung Galaxy S24", runtime="tflite", precision="float"),
        "Samsung Galaxy S24 (Snapdragon 8 Gen 3), Hexagon NPU",
        "TensorFlow Lite with the QNN delegate",
        "Qualcomm AI Hub, 2025",
        "fp16",
        "latency as Qualcomm AI Hub gives it",
        threads=None,
    ),
    "galaxy-s25-npu": Source(
        partial(ai_hub, device="Samsung Galaxy S25", runtime="tflite", precision="float"),
        "Samsung Galaxy S25 (Snapdragon 8 Elite), Hexagon NPU",
        "TensorFlow Lite with the QNN delegate",
        "Qualcomm AI Hub, 2025",
        "fp16",
        "latency as Qualcomm AI Hub gives it",
        threads=None,
    ),
    "sd855-cpu-1t": Source(
        partial(whole_networks, device="Snapdragon 855 CPU (1 thread)", runtime="Paddle-Lite"),
        "Snapdragon 855, CPU",
        "Paddle-Lite",
        "as of 2022",
        "fp32",
        "latency as PaddleClas gives it",
    ),
    "iphone14-ane": Source(
        iphone14,
        "Apple iPhone 14 (A15 Bionic)",
        "Core ML, Neural Engine, iOS 16",
        "coremltools 5.2, Xcode 14 performance report",
        "fp16",
        "latency as the paper gives it, to 0.1 ms",
        threads=None,
        fuses=IPHONE_FUSES,
        priors=["iphone13"],
        notes="DeiT, which may leave the Neural Engine, takes four times what is predicted",
    ),
    "pixel4-hexagon": Source(
        partial(whole_networks, device="Google Pixel 4 Hexagon DSP", runtime="TFLite INT8"),
        "Google Pixel 4 (Snapdragon 855), Hexagon DSP",
        "TensorFlow Lite",
        "as of 2024",
        "int8",
        MEDIAN,
        threads=None,
        priors=PHONES,
        notes="convolutional networks only: the source has no others on this device",
    ),
    "pixel7-gpu": Source(
        partial(whole_networks, device="Google Pixel 7 GPU", runtime="TFLite fp16"),
        "Google Pixel 7 (Tensor G2), GPU",
        "TensorFlow Lite with the GPU delegate",
        "as of 2024",
        "fp16",
        MEDIAN,
        threads=None,
        priors=PHONES,
        notes="FastViT is left out: it takes many times what its work explains",
    ),
    "pixel8-edgetpu": Source(
        partial(whole_networks, device="Google Pixel 8 EdgeTPU", runtime="TFLite INT8"),
        "Google Pixel 8 (Tensor G3), EdgeTPU",
        "TensorFlow Lite",
        "as of 2024",
        "int8",
        MEDIAN,
        threads=None,
        priors=PHONES,
    ),
    "a100": Source(
        partial(accel, column="throughput_a100"),
        "NVIDIA A100 40 GB",
        "PyTorch, channels last",
        "as of 2023",
        "fp16",
        THROUGHPUT,
        threads=None,
        batch=256,
        notes=ANB,
    ),
    "rtx3090": Source(
        partial(accel, column="throughput_3090"),
        "NVIDIA RTX 3090",
        "PyTorch, channels last",
        "as of 2023",
        "fp16",
        THROUGHPUT,
        threads=None,
        batch=256,
        notes=ANB,
    ),
    "tpuv3": Source(
        partial(accel, column="throughput_tpuv3"),
        "Google Cloud TPU v3, one core",
        "PyTorch/XLA, bfloat16",
        "tpu-vm-pt-1.13",
        "fp16",
        THROUGHPUT,
        threads=None,
        batch=128,
        notes=ANB,
    ),
}
