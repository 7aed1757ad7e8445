"""Compare NetAdapt with the uniform width multiplier on trained networks.

A network is trained on Fashion-MNIST at 32 x 32. NetAdapt narrows it to 70 % and then to 50 % of
its predicted latency, and both networks are trained further. Each is compared with the same network
at the largest uniform width that is as fast. That network is trained from scratch for as many steps
as the adapted one had in all (before, during and after NetAdapt). Images, recipe and seeds are the
same, and each network uses the test split once.

    python benchmarks/netadapt.py           # two hours on one core; continues where it was stopped

Writes results/netadapt/.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from files import kept, write_rows

from nas import library
from nas.adapt.netadapt import NetAdapt
from nas.adapt.plan import AdaptPlan
from nas.adapt.steps import Step
from nas.cli.training import TrainingOptions
from nas.files import yaml
from nas.files.provenance import provenance
from nas.files.resources import WEIGHTS
from nas.modules import save_weights
from nas.modules.checkpoints.weights import read_state
from nas.report.plots.style import plain_numbers
from nas.report.plots.widths import save_widths
from nas.space.arch import Arch
from nas.space.scaling import scaled
from nas.train.figures import accuracy
from nas.train.loop import Training
from nas.train.run import Task, TrainingRun

ROOT = Path(__file__).parents[1]
DEVICE, DATA = "sd855-cpu-1t", "fashion-mnist"
NETWORKS: dict[str, tuple[float, float]] = {
    "mobilenetv3-small": (1.0, 1.0),
    "efficientnet-b0": (0.5, 0.5),
}
"""Network -> width and depth that suit the available time."""
SHARES = (0.7, 0.5)
"""Shares of the start's latency."""
SEEDS = (1, 2, 3)
IMAGES, BEFORE, AFTER = 20_000, 5, 9
"""Images of an epoch, and epochs before and after the steps."""
DELTA, TUNE_BATCHES, JUDGING = 0.05, 20, 3000
WIDTHS = [round(1 - 0.01 * step, 2) for step in range(1, 90)]


@dataclass(frozen=True)
class Experiment:
    """One network and seed in a folder; each part writes a file that later parts read."""

    network: str
    seed: int
    folder: Path

    @cached_property
    def task(self) -> Task:
        return replace(TrainingOptions().task(DATA), images=IMAGES)

    @cached_property
    def device(self) -> Any:
        return library.load_device(DEVICE)

    def at(self, width: float) -> Arch:
        """Return the network at a further uniform width, for the data."""
        own, depth = NETWORKS[self.network]
        arch = library.load_arch(self.network)
        if (own * width, depth) != (1, 1):
            arch = scaled(arch, width=own * width, depth=depth, name=f"{self.network} x{width:g}")
        return self.task.fit(arch)

    def kept(self, name: str, make: Callable[[], Any]) -> Any:
        return kept(self.folder / f"{name}.json", make)

    def trained(
        self, name: str, arch: Arch, epochs: float, state: Any = None
    ) -> tuple[dict[str, Any], Path]:
        """Train a network from a state or from scratch; return its figures and its weights."""
        place = self.folder / name
        weights = place / WEIGHTS

        def start(training: Training) -> None:
            training.start_from(state)

        def make() -> dict[str, Any]:
            # a part of an epoch is a smaller share of the images in every epoch
            whole = -(-int(epochs * 1000) // 1000)
            task = replace(self.task, images=round(IMAGES * epochs / whole))
            training = TrainingRun(
                task,
                arch,
                place,
                epochs=whole,
                seed=self.seed,
                start=None if state is None else start,
                on_epoch=lambda epoch: _say(f"{self.folder.name} {name} {epoch.epoch}/{whole}"),
            ).train()
            save_weights(training.eval_model, weights)
            top1 = training.evaluate(task.data.test)[1]
            steps = whole * (len(training.train.labels) // task.recipe.batch)
            sizes = {"params": arch.params, "macs": arch.macs, "table": arch.to_yaml()}
            ms = self.device.predict(arch).ms
            return {"top1": top1, "ms": ms, "batches": steps, **sizes}

        return self.kept(name, make), weights

    def steps(self, start: Arch, weights: Path) -> list[Step]:
        """Run NetAdapt down to the smallest share."""
        ms = self.device.predict(start).ms
        plan = AdaptPlan(SHARES[-1] * ms, DELTA, tune_batches=TUNE_BATCHES, judging_images=JUDGING)
        place = self.folder / "adapt"
        place.mkdir(parents=True, exist_ok=True)
        job = NetAdapt(
            self.task, place, plan, self.device, start, weights, self.seed, on_progress=_heard
        )
        job.run()
        return job.steps()

    def run(self) -> list[dict[str, Any]]:
        """Return a row for the start, and rows of NetAdapt and the multiplier for each share."""
        start = self.at(1.0)
        facts, weights = self.trained("start", start, BEFORE)
        rows = [{"share": 1.0, "how": "start", **facts, "proposals": 0}]
        steps = self.steps(start, weights)
        tried = self.kept("tried", lambda: self._tried(steps))
        for share in SHARES:
            step = next(s for s in steps if s.ms <= share * facts["ms"] * (1 + 1e-9))
            state = read_state(step.weights)[0]
            adapted, _ = self.trained(f"netadapt-{share:g}", step.arch, AFTER, state)
            seen = facts["batches"] + step.number * TUNE_BATCHES + adapted["batches"]
            width, uniform = self.uniform(share * facts["ms"])
            epochs = seen * self.task.recipe.batch / IMAGES
            plain, _ = self.trained(f"uniform-{share:g}", uniform, epochs)
            costs = sum(tried[: step.number])
            rows.append({"share": share, "how": "netadapt", **adapted, "proposals": costs})
            rows[-1]["batches"] = seen
            rows.append({"share": share, "how": f"width x{width:g}", **plain, "proposals": 0})
        return rows

    def _tried(self, steps: Sequence[Step]) -> list[int]:
        """Count the proposals of each step."""
        place = self.folder / "adapt"
        plan = AdaptPlan(1.0)
        job = NetAdapt(
            self.task, place, plan, self.device, steps[0].arch, steps[0].weights, self.seed
        )
        found = [row["step"] for row in job.tried()]
        return [found.count(step.number) for step in steps[1:]]

    def uniform(self, ms: float) -> tuple[float, Arch]:
        """Return the widest uniform multiplier that is as fast."""
        archs = ((width, self.at(width)) for width in WIDTHS)
        return next((w, arch) for w, arch in archs if self.device.predict(arch).ms <= ms)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _heard(step: str, share: float) -> None:
    print(f"\r{share:4.0%} {step:70.70}", end="", file=sys.stderr, flush=True)


def write_report(out: Path, found: dict[str, list[list[dict[str, Any]]]]) -> None:
    """Write tables, plots, and rows with 95 % intervals over seeds."""
    out.mkdir(parents=True, exist_ok=True)
    rows = []
    for network, runs in found.items():
        for group in zip(*runs, strict=True):
            top1 = accuracy([row["top1"] for row in group], 10_000)
            first = group[0]
            rows.append(
                {
                    "network": network,
                    "share": first["share"],
                    "how": first["how"],
                    "predicted_ms": round(sum(row["ms"] for row in group) / len(group), 4),
                    "test_top1": round(top1.top1, 2),
                    "low": round(top1.low, 2),
                    "high": round(top1.high, 2),
                    "seeds": top1.seeds,
                    "params": round(sum(row["params"] for row in group) / len(group)),
                    "macs": round(sum(row["macs"] for row in group) / len(group)),
                    "batches": round(sum(row["batches"] for row in group) / len(group)),
                    "proposals": round(sum(row["proposals"] for row in group) / len(group)),
                }
            )
            if first["how"] == "netadapt":
                name = f"{network}-{first['share']:g}.yaml"
                (out / name).write_text(first["table"], encoding="utf-8")
                start = Arch.from_yaml(runs[0][0]["table"])
                after = Arch.from_yaml(first["table"])
                save_widths(out / name.replace(".yaml", ".png"), start, after)
    write_rows(out / "netadapt.csv", rows)
    facts = provenance([Path(__file__).name], "torch") | {
        "data": DATA,
        "device": DEVICE,
        "images": IMAGES,
        "epochs": {"before": BEFORE, "after": AFTER},
        "delta": DELTA,
        "tune_batches": TUNE_BATCHES,
        "judging_images": JUDGING,
        "recipe": "proxy",
        "interval": "Student's 95 % over seeds",
        "batches": "that the network itself was trained for; proposals were trained besides",
    }
    yaml.write(out / "netadapt.yaml", facts)
    save_picture(out / "netadapt.png", rows)


def save_picture(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Draw test accuracy over predicted milliseconds, one panel per network."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    names = list(dict.fromkeys(row["network"] for row in rows))
    with rc_context({"font.size": 10, "axes.spines.right": False, "axes.spines.top": False}):
        figure = Figure(figsize=(4.2 * len(names), 4), layout="constrained")
        for axes, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names, strict=True):
            for how, colour in (("netadapt", "#0072B2"), ("width", "#D55E00")):
                own = [
                    row
                    for row in rows
                    if row["network"] == name and row["how"].startswith((how, "start"))
                ]
                low = [max(0.0, row["test_top1"] - row["low"]) for row in own]
                high = [max(0.0, row["high"] - row["test_top1"]) for row in own]
                label = "NetAdapt" if how == "netadapt" else "uniform width"
                axes.errorbar(
                    [row["predicted_ms"] for row in own],
                    [row["test_top1"] for row in own],
                    yerr=[low, high],
                    fmt="-o",
                    color=colour,
                    capsize=3,
                    label=label,
                )
            axes.set_title(name, loc="left")
            axes.set_xlabel(f"predicted on {DEVICE} [ms]")
            axes.grid(alpha=0.25)
            plain_numbers(axes.xaxis, (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8))
            axes.legend(frameon=False, loc="upper right")
        figure.axes[0].set_ylabel("Fashion-MNIST test top-1 [%], 95 % interval")
        figure.savefig(path, dpi=150)


def main(arguments: Sequence[str] | None = None) -> None:
    """Do the remaining runs, then write the report."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--networks", nargs="*", default=list(NETWORKS), choices=list(NETWORKS))
    parser.add_argument("--seeds", nargs="*", type=int, default=list(SEEDS))
    parser.add_argument("--folder", type=Path, default=ROOT / "results" / ".netadapt.work")
    parser.add_argument("--out", type=Path, default=ROOT / "results" / "netadapt")
    options = parser.parse_args(arguments)
    found = {
        name: [
            Experiment(name, seed, options.folder / f"{name}-{seed}").run()
            for seed in options.seeds
        ]
        for name in options.networks
    }
    write_report(options.out, found)


if __name__ == "__main__":
    main()
