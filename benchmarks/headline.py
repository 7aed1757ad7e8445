"""The headline experiment: does a search beat the known families at the same measured latency?

The task is Fashion-MNIST at 32 x 32. onnxruntime measures latency on this machine with one thread.
The space `mobile32` mixes all six block families. There are two budgets: the measured latency of a
MobileNetV3-Small, and that of a RepViT-M0.9 at 0.7 of its width, both for 32 pixels.

For each budget, the four families of `headline_seeds/` are narrowed by their own width multiplier
until they meet it. A search with the default strategy and a search with random networks train the
same number of candidates for the same time. The best network of each search is trained like the
families, with the same recipe, images, epochs and seeds. All networks are measured once more,
together with the two networks that define the budgets. A network enters the final only if it is as
fast as the network that defines its budget. The test split is used once, at the end of each final
training.

    python benchmarks/headline.py            # takes hours; continues where it was stopped

Writes results/headline/. Measuring needs a quiet machine. Only the steps up to `--until latency`
and the step `finalists` measure latency.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from files import kept
from headline_report import write_report

from nas import library
from nas.cli.training import TrainingOptions
from nas.devices.measure.run import measure
from nas.devices.profile.result import ProfileSettings
from nas.devices.profile.run import profile
from nas.files.staging import ResumableDir
from nas.optimize import search
from nas.optimize.limits import Limits
from nas.optimize.strategies import DEFAULT
from nas.space.arch import Arch
from nas.space.scaling import scaled
from nas.study.halving import SuccessiveHalving
from nas.study.plan import Plan
from nas.study.request import initial_codes
from nas.study.results import study_result
from nas.study.spec import StudySpec
from nas.study.workers import run_with
from nas.train.final import train_finally
from nas.train.run import Task

ROOT = Path(__file__).parents[1]
SEEDS = Path(__file__).parent / "headline_seeds"
FAMILIES = ("mobilenetv3", "efficientnet", "repvit", "mobilevit")
BUDGETS = {"small": ("mobilenetv3", 1.0), "large": ("repvit", 0.7)}
"""Name of a budget -> the known network and width whose measured latency defines it."""
REFERENCE = "reference"
WIDTHS = [round(0.1 + 0.025 * step, 3) for step in range(57)]
"""Multipliers to try."""
NEAR = 7
"""Number of widths of a family to measure, from the predicted one downwards."""
SPACE, DATA = "mobile32", "fashion-mnist"
PLAN = Plan(epochs=2, finalists=3, final_epochs=4, seeds=1)
TRIALS, SEARCH_IMAGES = 20, 8000
EPOCHS, FINAL_SEEDS, FINAL_IMAGES = 4, (1, 2, 3), 6000
FACTS = {
    "data": DATA,
    "space": SPACE,
    "search": {"trials": TRIALS, "images": SEARCH_IMAGES, "rungs": PLAN.rungs(TRIALS)},
    "strategies": [DEFAULT, "random"],
    "final": {"epochs": EPOCHS, "images": FINAL_IMAGES, "seeds": list(FINAL_SEEDS)},
    "recipe": "proxy",
    "interval": "of top-1: Student's 95 % over seeds; of ms: 90 % of the median over rounds",
}
STEPS = ("latency", "search", "finalists", "train")


@dataclass(frozen=True)
class Experiment:
    """All steps in a folder; each step writes a file that later steps read."""

    folder: Path
    minutes: float
    workers: int

    def kept(self, name: str, make: Callable[[], Any]) -> Any:
        """Return the result of a step, from its file if it exists."""
        return kept(self.folder / f"{name}.json", make)

    @property
    def device(self) -> Path:
        """Profile this machine for the space."""
        path = self.folder / "onnxruntime-here"
        if not path.exists():
            settings = ProfileSettings("onnxruntime", 1, library.load_space(SPACE), self.minutes)
            profile(settings, path, on_progress=_progress)
        return path

    def task(self, images: int) -> Task:
        return replace(TrainingOptions().task(DATA, all_cores=True), images=images)

    @cached_property
    def budgets(self) -> dict[str, float]:
        """Measure the networks that define the budgets, in milliseconds."""

        def make() -> dict[str, float]:
            archs = [(name, _seed(*key)) for name, key in BUDGETS.items()]
            rows = measure(archs, "onnxruntime", on_progress=_progress).rows
            return {row.network: row.ms for row in rows}

        found: dict[str, float] = self.kept("budgets", make)
        return found

    @cached_property
    def widths(self) -> dict[str, dict[str, float]]:
        """Return the largest measured width within each budget, for each family.

        A width is within the budget if it is as fast as the budget's network, measured beside it.
        """
        found: dict[str, dict[str, float]] = self.kept("widths", self._widths)
        return found

    def _widths(self) -> dict[str, dict[str, float]]:
        device = library.load_device(self.device)
        ms = {(f, w): device.predict(_seed(f, w)).ms for f in FAMILIES for w in WIDTHS}
        chosen: set[tuple[str, float]] = set(BUDGETS.values())
        for reference in BUDGETS.values():
            for family in FAMILIES:
                # start somewhat above the prediction, which may be too low
                below = [w for w in WIDTHS if ms[family, w] <= 1.03 * ms[reference]]
                chosen |= {(family, w) for w in (below or WIDTHS[:1])[-NEAR:]}
        asked = sorted(chosen)
        archs = [(f"{f}-{w:g}", _seed(f, w)) for f, w in asked]
        rows = measure(archs, "onnxruntime", on_progress=_progress).rows
        measured = {key: row.ms for key, row in zip(asked, rows, strict=True)}
        return {
            budget: {
                family: max(
                    (w for f, w in asked if f == family and measured[f, w] <= measured[reference]),
                    default=min(w for f, w in asked if f == family),
                )
                for family in FAMILIES
            }
            for budget, reference in BUDGETS.items()
        }

    def halving(self, budget: str, strategy: str) -> SuccessiveHalving:
        """Search under a budget; the default strategy starts with the surrogate's best."""
        folder = self.folder / f"search-{budget}-{strategy}"
        folder.mkdir(exist_ok=True)
        ms, device, task = self.budgets[budget], self.device, self.task(SEARCH_IMAGES)
        queue = ()
        if strategy != "random":
            found = search(SPACE, device, budget_ms=ms, shortlist=TRIALS)
            queue = initial_codes(found, TRIALS, zero_cost=(), task=task)
        limits = Limits((ms,), (1.0,))
        spec = StudySpec(SPACE, (str(device),), "imagenet", limits, queue, strategy)
        return SuccessiveHalving(
            task, folder, PLAN, spec, TRIALS, on_progress=_progress, on_message=_say
        )

    def searched(self, budget: str, strategy: str) -> list[str]:
        """Return the tables of the finalists, best first."""

        def make() -> list[str]:
            halving = self.halving(budget, strategy)
            run_with(halving, self.workers)
            return [t.candidate.arch.to_yaml() for t in study_result(halving).trials if t.finals]

        return self.kept(f"finalists-{budget}-{strategy}", make)

    @cached_property
    def networks(self) -> dict[str, Arch]:
        """Return all candidates for the final, by budget and name."""
        found = {}
        for budget, widths in self.widths.items():
            for family, width in widths.items():
                found[f"{budget}/{family} x{width:g}"] = _seed(family, width)
            for strategy in (DEFAULT, "random"):
                for rank, text in enumerate(self.searched(budget, strategy), 1):
                    found[f"{budget}/{strategy} {rank}"] = Arch.from_yaml(text)
        return found

    @cached_property
    def measured(self) -> dict[str, list[float]]:
        """Measure all candidates for the final and the budgets' networks: ms with interval."""

        def make() -> dict[str, Any]:
            references = {f"{name}/{REFERENCE}": _seed(*key) for name, key in BUDGETS.items()}
            archs = list((references | self.networks).items())
            rows = measure(archs, "onnxruntime", on_progress=_progress).rows
            return {row.network: [row.ms, row.ms_low, row.ms_high] for row in rows}

        found: dict[str, list[float]] = self.kept("measured", make)
        return found

    def entered(self) -> dict[str, Any]:
        """Return measured ms and interval of networks within budget, one of each search."""
        measured = self.measured
        entered: dict[str, Any] = {}
        for name, figures in measured.items():
            budget, _, network = name.partition("/")
            kind = f"{budget}/{network.split()[0]}"
            most = measured[f"{budget}/{REFERENCE}"][0]
            if network != REFERENCE and figures[0] <= most and kind not in entered:
                entered[kind] = {"network": name, "ms": figures}
        return entered

    def trained(self, kind: str, name: str) -> dict[str, Any]:
        """Return the test accuracy of the three seeds of a network."""

        def make() -> dict[str, Any]:
            out = self.folder / "final"
            work = ResumableDir(out, kind.replace("/", "-"), {"network": name}, resume=True)
            arch = self.networks[name]
            final = train_finally(
                self.task(FINAL_IMAGES),
                arch,
                work,
                epochs=EPOCHS,
                seeds=FINAL_SEEDS,
                command=[Path(__file__).name, *sys.argv[1:]],
                on_epoch=lambda seed, epoch: _say(f"{name} seed {seed} epoch {epoch.epoch}"),
            )
            test = final.test
            facts = {"top1": test.top1, "low": test.low, "high": test.high, "sd": test.sd}
            sizes = {"params": final.arch.params, "macs": final.arch.macs}
            return (
                facts
                | sizes
                | {"seeds": test.seeds, "images": test.images, "table": arch.to_yaml()}
            )

        return self.kept("final-" + kind.replace("/", "-"), make)


def _seed(family: str, width: float) -> Arch:
    return scaled(library.load_arch(SEEDS / f"{family}.yaml"), width=width)


def _progress(step: str, share: float) -> None:
    print(f"\r{share:4.0%} {step:60.60}", end="", file=sys.stderr, flush=True)


def _say(text: str) -> None:
    print(f"\n{text}", file=sys.stderr, flush=True)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the remaining steps, up to the named one."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--until", choices=STEPS, default=STEPS[-1])
    parser.add_argument("--minutes", type=float, default=6.0, help="minutes of the profile")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--folder", type=Path, default=ROOT / "results" / ".headline.work")
    parser.add_argument("--out", type=Path, default=ROOT / "results" / "headline")
    options = parser.parse_args(arguments)
    options.folder.mkdir(parents=True, exist_ok=True)
    experiment = Experiment(options.folder, options.minutes, options.workers)
    steps = STEPS[: STEPS.index(options.until) + 1]
    print(json.dumps([experiment.budgets, experiment.widths], indent=1))
    if "search" in steps:
        print("\n".join(experiment.networks))
    if "finalists" in steps:
        print(json.dumps(experiment.entered(), indent=1))
    if "train" in steps:
        finals = {
            kind: {**entry, **experiment.trained(kind, entry["network"])}
            for kind, entry in experiment.entered().items()
        }
        budgets = {name: experiment.measured[f"{name}/{REFERENCE}"][0] for name in BUDGETS}
        write_report(options.out, budgets, finals, FACTS, [Path(__file__).name])


if __name__ == "__main__":
    main()
