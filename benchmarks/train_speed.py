"""Compare images per second of our training loop and of a plain loop from timm's parts, in one run.

Both use the same network, images, batch, precision, crop, flip, label smoothing and optimiser.
timm's loop uses `create_loader` with its best number of workers, `create_optimizer_v2`, autocast,
and channels last. Epochs of both are interleaved. The figure is the ratio of medians, with the
range of the ratios of neighbouring epochs. Writes a row of results/benchmarks/train_speed.csv.

    python benchmarks/train_speed.py --data fashion-mnist
    python benchmarks/train_speed.py --data fashion-mnist --on cuda --precision bf16 --batch 512

With `--compile`, torch compiles both networks.
"""

from __future__ import annotations

import nas  # noqa: F401 - before torch, whose threads are to wait without spinning

# isort: split
import argparse
import os
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import timm
import torch
from files import read_rows, write_rows
from PIL import Image
from timm.data import create_loader
from timm.optim import create_optimizer_v2
from torch import nn
from torch.utils.data import Dataset

from nas import library
from nas.system.environment import environment
from nas.train.data import load_data
from nas.train.data.base import DataSet
from nas.train.data.held import Held
from nas.train.device import device_of
from nas.train.loop import AMP, Setting
from nas.train.recipe import Augment, Recipe, Regularise
from nas.train.run import Task

OUT = Path(__file__).parents[1] / "results" / "benchmarks" / "train_speed.csv"
NETWORKS = {"mobilenetv3-small": "mobilenetv3_small_100", "mobilenetv2": "mobilenetv2_100"}
WORKERS = (1, 2, 4, 8, 16)
SIDE, SMOOTHING = 32, 0.1


class Pictures(Dataset[tuple[Image.Image, int]]):
    """The same images through timm's transforms."""

    def __init__(self, split: Held) -> None:
        self.pixels, self.labels = split.pixels.numpy(), split.labels.tolist()
        self.transform: Any = None

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        pixels = self.pixels[index].transpose(1, 2, 0)
        image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).convert("RGB")
        return self.transform(image), self.labels[index]


class Theirs:
    """A plain loop from timm's parts."""

    def __init__(
        self, name: str, data: DataSet, split: Held, batch: int, workers: int, setting: Setting
    ) -> None:
        self.setting, cuda = setting, setting.device.type == "cuda"
        model = timm.create_model(NETWORKS[name], num_classes=len(data.classes), drop_rate=0.0)
        self.model: Any = model.to(setting.device, memory_format=torch.channels_last)
        if setting.compile:
            self.model = torch.compile(self.model)
        self.optimiser = create_optimizer_v2(model, opt="adamw", lr=1e-3, weight_decay=0.05)
        self.loss = nn.CrossEntropyLoss(label_smoothing=SMOOTHING)
        self.loader: Iterable[Any] = create_loader(
            Pictures(split),
            (3, SIDE, SIDE),
            batch,
            is_training=True,
            no_aug=False,
            hflip=0.5,
            color_jitter=None,
            interpolation="bilinear",
            mean=data.mean * (3 // len(data.mean)),
            std=data.sd * (3 // len(data.sd)),
            num_workers=workers,
            use_prefetcher=cuda,
            pin_memory=cuda,
            persistent_workers=workers > 0,
            device=setting.device,
        )

    def epoch(self) -> float:
        """Return images per second."""
        device, precision = self.setting.device, self.setting.precision
        self.model.train()
        start, images = perf_counter(), 0
        for x, y in self.loader:
            x = x.to(device, memory_format=torch.channels_last, non_blocking=True)
            y = y.to(device, non_blocking=True)
            with torch.autocast(device.type, AMP.get(precision), enabled=precision in AMP):
                loss = self.loss(self.model(x).float(), y)
            loss.backward()
            self.optimiser.step()
            self.optimiser.zero_grad()
            images += len(x)
        float(loss)  # waits for the device
        return images / (perf_counter() - start)


def main() -> None:
    """Measure, print and add a row."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", default="fashion-mnist")
    parser.add_argument("--network", choices=NETWORKS, default="mobilenetv3-small")
    parser.add_argument("--images", type=int, default=12_800)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--on", default="cpu")
    parser.add_argument("--precision", choices=("fp32", *AMP), default="fp32")
    parser.add_argument("--compile", action="store_true")
    options = parser.parse_args()
    device = device_of(options.on)
    setting = Setting(device, options.precision, compile=options.compile)
    data = load_data(options.data)
    few = data.train.take(torch.randperm(len(data.train.labels))[: options.images])
    assert isinstance(few, Held)
    recipe = Recipe(
        "speed", "this file", batch=options.batch, side="data",
        augment=Augment("resized", 0.08, flip=True), regularise=Regularise(SMOOTHING),
    )  # fmt: skip
    task = Task(replace(data, train=few), recipe, setting)
    arch = task.fit(library.load_arch(options.network))
    ours = task.training(arch, epochs=1000, seed=0)
    ours.train = few.to(device)
    ours.validation = ours.validation.take(torch.arange(16))

    def theirs(workers: int) -> Theirs:
        return Theirs(options.network, data, few, options.batch, workers, setting)

    cores = len(os.sched_getaffinity(0))
    tried = {}
    for workers in WORKERS:
        if workers <= 2 * cores:
            loop = theirs(workers)
            loop.epoch()
            tried[workers] = loop.epoch()
            print(f"timm, {workers} workers: {tried[workers]:,.0f} images/s", flush=True)
    loop = theirs(max(tried, key=lambda workers: tried[workers]))
    ours.run_epoch()
    loop.epoch()
    pairs = []
    for _ in range(options.epochs):
        pairs.append((ours.run_epoch().images_s, loop.epoch()))
        print("ours {:,.0f}, timm {:,.0f} images/s".format(*pairs[-1]), flush=True)
    mine, other = zip(*pairs, strict=True)
    ratios = sorted(a / b for a, b in pairs)
    gpu = torch.cuda.get_device_name(device) if device.type == "cuda" else ""
    row = {
        "hardware": gpu or f"{environment().cpu}, {cores} cores",
        "network": options.network,
        "data": f"{data.name}, {SIDE} x {SIDE}",
        "batch": options.batch,
        "precision": options.precision,
        "compiled": options.compile,
        "ours_images_s": round(median(mine)),
        "timm_images_s": round(median(other)),
        "ratio": round(median(mine) / median(other), 2),
        "ratio_low": round(ratios[0], 2),
        "ratio_high": round(ratios[-1], 2),
        "timm_workers": max(tried, key=lambda workers: tried[workers]),
        "torch": version("torch"),
        "timm": version("timm"),
        "date": datetime.now(UTC).date().isoformat(),
    }
    keys = ("hardware", "network", "data", "batch", "precision", "compiled")
    written = read_rows(OUT)
    kept = [old for old in written if any(old[key] != str(row[key]) for key in keys)]
    write_rows(OUT, [*kept, row])
    print(row)


if __name__ == "__main__":
    main()
