"""Compare exports of small known networks and random points of `mobile` with torch.

    python benchmarks/exports.py --out results/benchmarks/exports.csv [--points 20] [--only NAME...]

Weights are random, with norm statistics of photographs and noise, so logits are as large as those
of trained networks. Takes about a minute per network. Continues an existing file.
"""

from __future__ import annotations

import nas  # before torch, so that its threads wait without spinning

# isort: split
import argparse
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from files import read_rows

from nas.deploy.export import FORMATS, deploy, export
from nas.deploy.export.check import load_photos
from nas.files.csv import append_csv
from nas.files.resources import WEIGHTS, named
from nas.modules import save_weights
from nas.space.arch import Arch

FAMILIES = ("mobilenet", "efficientnet", "repvit", "mobilevit", "exmobilevit")
SMALL = 12_000_000
"""Largest number of parameters of a known network."""
SIDE = 300
"""Largest number of pixels of an image."""
POINTS_SEED = 0
COLUMNS = (
    *("network", "arch_id", "format", "seconds", "bytes", "runtime", "version"),
    *("max_diff_photos", "max_diff_noise", "max_logit", "same_top1", "note", "error"),
)


def main() -> None:
    """Export, check, and append to the file."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--points", type=int, default=20)
    parser.add_argument("--only", nargs="*")
    options = parser.parse_args()
    done = {row["network"] for row in read_rows(options.out)}
    for arch in networks(options.points):
        if arch.name not in done and (not options.only or arch.name in options.only):
            append_csv(options.out, COLUMNS, *exported(arch))


def networks(points: int) -> Iterator[Arch]:
    """Return small networks of the mobile families, then random points of their space."""
    for name in named("architecture"):
        arch = nas.load_arch(name)
        small = arch.params <= SMALL and arch.input[1] <= SIDE
        if small and name.startswith(FAMILIES) and "lite" not in name:
            yield arch
    space = nas.load_space("mobile")
    rng = np.random.default_rng(POINTS_SEED)
    for _ in range(points):
        yield space.sample(rng)


def exported(arch: Arch) -> Iterator[dict[str, object]]:
    """Return one row for each format."""
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder) / WEIGHTS
        save_weights(with_statistics(arch), weights)
        starts: list[float] = []
        found = export(
            arch,
            list(FORMATS),
            Path(folder),
            weights=weights,
            on_progress=lambda *_: starts.append(time.perf_counter()),
        )
        ends = [*starts[1:], time.perf_counter()]
    for one, start, end in zip(found.exported, starts, ends, strict=True):
        row = {"network": arch.name, "arch_id": arch.arch_id, "format": one.format}
        row |= {"seconds": f"{end - start:.1f}", "bytes": sum(one.files.values())}
        row |= {"note": one.note, "error": one.error}
        if check := one.check:
            row |= {"runtime": check.runtime, "version": check.version}
            for name in ("max_diff_photos", "max_diff_noise", "max_logit", "same_top1"):
                row[name] = f"{getattr(check, name):.4g}"
        print(row, flush=True)
        yield row


def with_statistics(arch: Arch) -> torch.nn.Module:
    """Return a network whose norms have the statistics of photographs and noise."""
    torch.manual_seed(0)
    photos = torch.from_numpy(load_photos(deploy(arch)))
    module = nas.build(arch).train()
    for layer in module.modules():
        if isinstance(layer, torch.nn.modules.batchnorm._BatchNorm):
            layer.momentum = None  # take the mean of all batches
    with torch.no_grad():
        module(torch.cat([photos, torch.randn_like(photos)]))
    return module.eval()


if __name__ == "__main__":
    main()
