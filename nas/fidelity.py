"""How well cheaper judges rank networks: each against long training, with what it costs.

Networks of a space are trained long; every cheaper judge (sizes, zero-cost proxies, the surrogate,
fewer epochs, half the side, a part of the data, inherited weights) scores the same networks.
Kendall's tau-b against the long training, with a bootstrap interval over networks, is the table
from which the default proxy is chosen. Every score is on disk as soon as it is known.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

from nas.arch import Arch
from nas.errors import TrainingError
from nas.space import Space

if TYPE_CHECKING:
    from nas.accuracy import Surrogate
    from nas.columns import Floats
    from nas.train.run import Task

LONG = "long"
JOURNAL = "scores.csv"
COLUMNS = ("judge", "arch_id", "score", "seconds")
BOOTSTRAPS = 1000
LEVEL = 0.9
SHARE = 0.25
"""Of the training images, for the judge that sees a part."""
MUTATIONS = 4
"""Of a seed, for every other network of the sample."""

Heard = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class Judge:
    """One way to score a network; higher is better."""

    name: str
    epochs: int = 0
    """Of training; 0 does not train."""
    side: float = 1.0
    """Of the images, as a share."""
    share: float = 1.0
    """Of the training images."""
    inherit: bool = False
    """From the nearest network of the sample that was trained long."""


@dataclass(frozen=True, slots=True)
class Score:
    """Of one network by one judge."""

    score: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Ranking:
    """One judge against the long training."""

    judge: str
    tau: float
    low: float
    high: float
    """90 % bootstrap interval over networks."""
    seconds: float
    """Mean per network."""
    networks: int


def judges(epochs: Sequence[int], long: int, zero_cost: Sequence[str]) -> list[Judge]:
    """All that are compared: no training, short trainings, and cheaper images."""
    from nas.proxies import SIZES

    short = [n for n in epochs if n < long]
    found = [Judge(name) for name in (*SIZES, *zero_cost, "surrogate")]
    found += [Judge(f"{n} epochs", n) for n in short]
    if short:
        last = short[-1]
        found += [
            Judge(f"{last} epochs, half the side", last, side=0.5),
            Judge(f"{last} epochs, {SHARE:.0%} of the images", last, share=SHARE),
            Judge(f"{short[0]} epochs, inherited", short[0], inherit=True),
        ]
    return [Judge(LONG, long), *found]


def sample(space: Space, seeds: Sequence[Arch], n: int, seed: int, most_mmacs: float) -> list[Arch]:
    """N points of at most so many mega-MACs: a random one, then a mutated seed, and so on."""
    rng = np.random.default_rng(seed)
    found: dict[str, Arch] = {}
    known = [arch for arch in seeds if space.contains(arch) and arch.macs <= most_mmacs * 1e6]
    for turn in range(1000 * n):
        if len(found) == n:
            return list(found.values())
        arch = space.sample(rng)
        if turn % 2 and known:
            codes = np.array([space.encode(known[int(rng.integers(len(known)))])])
            arch = space.decode(space.lattice.mutate(codes, rng, genes=MUTATIONS)[0])
        if arch.macs <= most_mmacs * 1e6:
            found.setdefault(arch.arch_id, arch)
    raise TrainingError(f"{space.name} has too few networks below {most_mmacs:g} million MACs")


def _nobody(step: str, share: float) -> None:
    """Hears of every score."""


@dataclass(eq=False)
class Fidelity:
    """Scores networks in a folder, and goes on where it is."""

    task: Task
    archs: Sequence[Arch]
    folder: Path
    surrogate: Surrogate
    seed: int = 0
    workers: int = 1
    """Processes, with a core each."""
    heard: Heard = _nobody
    scores: dict[tuple[str, str], Score] = field(default_factory=dict)

    def run(self, judges: Sequence[Judge]) -> list[Ranking]:
        """All scores, then every judge's ranking, the long training's first."""
        self.scores = dict(_read(self.folder / JOURNAL))
        whole = len(judges) * len(self.archs)
        for inheriting in (False, True):  # these need the weights of the long ones
            asked = [
                (judge, arch)
                for judge in judges
                for arch in self.archs
                if judge.inherit == inheriting and (judge.name, arch.arch_id) not in self.scores
            ]
            for (judge, arch), score in zip(asked, self._all(asked), strict=True):
                self._add(judge.name, arch.arch_id, score)
                self.heard(f"{judge.name}: {arch.arch_id}", len(self.scores) / whole)
        return [self.ranking(judge.name) for judge in judges]

    def _all(self, asked: Sequence[tuple[Judge, Arch]]) -> Iterator[Score]:
        """Scores in order, from several processes with a core each if there are `workers`."""
        if self.workers == 1 or not asked:
            yield from (self.score(judge, arch) for judge, arch in asked)
            return
        spawn = get_context("spawn")  # torch's threads do not survive a fork
        job = replace(self, heard=_nobody, scores={})
        with ProcessPoolExecutor(self.workers, spawn, _begin, (job,)) as pool:
            yield from pool.map(_score, asked)

    def ranking(self, judge: str) -> Ranking:
        """Of the networks that both the judge and the long training have a score for."""
        pairs = [
            (self.scores[judge, arch.arch_id], self.scores[LONG, arch.arch_id])
            for arch in self.archs
        ]
        scored = np.array([(own.score, long.score) for own, long in pairs])
        kept = scored[np.isfinite(scored).all(1)]
        rng = np.random.default_rng(0)
        draws = (kept[rng.integers(len(kept), size=len(kept))] for _ in range(BOOTSTRAPS))
        taus = [tau for draw in draws if np.isfinite(tau := kendall(draw))]
        low, high = (-1.0, 1.0)  # of networks that nothing tells apart
        if taus:
            low, high = np.quantile(taus, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        seconds = float(np.mean([own.seconds for own, _ in pairs]))
        return Ranking(judge, kendall(kept), float(low), float(high), seconds, len(kept))

    def score(self, judge: Judge, arch: Arch) -> Score:
        """By one judge, with the time it took."""
        from nas.proxies import score

        start = perf_counter()
        if judge.epochs:
            found = self._trained(judge, arch)
        elif judge.name == "surrogate":
            found = self.surrogate.predict(arch).top1
        else:
            fitted = self.task.fit(arch)
            found = score(fitted, judge.name, self.task.batches(fitted.input[1]), seed=self.seed)
        return Score(found, perf_counter() - start)

    def _trained(self, judge: Judge, arch: Arch) -> float:
        """Accuracy on the judging images; NaN for a network that broke."""
        from nas.build import save_weights
        from nas.task import for_task

        fitted = self.task.fit(arch)
        if judge.side != 1:
            side = round(judge.side * fitted.input[1])
            fitted = for_task(fitted, classes=fitted.graph.shape[0], side=side)
        training = self.task.training(
            fitted, epochs=judge.epochs, seed=self.seed, share=judge.share
        )
        if judge.inherit:
            self._inherit(training, arch)
        try:
            for epoch in range(judge.epochs):
                training.run_epoch(judge=epoch == judge.epochs - 1)
        except TrainingError:
            return float("nan")
        if judge.name == LONG:
            save_weights(training.module, self._weights(arch))
        return training.history[-1].val_top1

    def _inherit(self, training: object, arch: Arch) -> None:
        from nas.build.checkpoint import read_state
        from nas.train.inherit import inherit, kinship

        others = [other for other in self.archs if other != arch and self._weights(other).exists()]
        nearest = max(others, key=lambda other: kinship(arch, other))
        state, _ = read_state(self._weights(nearest))
        inherit(training, self.task.fit(nearest), state)  # type: ignore[arg-type]

    def _weights(self, arch: Arch) -> Path:
        return self.folder / f"{arch.arch_id}.safetensors"

    def _add(self, judge: str, arch_id: str, score: Score) -> None:
        self.scores[judge, arch_id] = score
        path = self.folder / JOURNAL
        new = not path.exists()
        with path.open("a", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            if new:
                writer.writerow(COLUMNS)
            writer.writerow([judge, arch_id, f"{score.score:.6g}", f"{score.seconds:.4g}"])


_job: Fidelity
"""Of this worker process."""


def _begin(job: Fidelity) -> None:
    global _job
    from nas.train.place import use_cores

    use_cores(1)
    _job = job


def _score(asked: tuple[Judge, Arch]) -> Score:
    return _job.score(*asked)


def kendall(pairs: Floats) -> float:
    """Kendall's tau-b of (n, 2) pairs; NaN where one side has no order."""
    from scipy.stats import kendalltau

    return float(kendalltau(pairs[:, 0], pairs[:, 1]).statistic)


def _read(path: Path) -> Iterator[tuple[tuple[str, str], Score]]:
    """What was scored before; a line that a kill left half written is left out."""
    if not path.exists():
        return
    text = path.read_text(encoding="utf-8")
    path.write_text(text[: text.rfind("\n") + 1], encoding="utf-8")
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            yield (row["judge"], row["arch_id"]), Score(float(row["score"]), float(row["seconds"]))


def facts_of(task: Task, command: Sequence[str], *, long: int, seed: int) -> dict[str, object]:
    """How networks were trained, for `fidelity.json`."""
    from importlib.metadata import version

    from nas import __version__
    from nas.measure.environment import environment

    return {
        "schema": 1,
        "command": " ".join(command),
        "date": datetime.now(UTC).date().isoformat(),
        "versions": {"nas": __version__, "torch": version("torch")},
        "data": {"name": task.data.name, "source": task.data.source},
        "recipe": task.recipe.name,
        "long_epochs": long,
        "seed": seed,
        "trained_on": f"{len(task.splits[0].labels)} images",
        "judged_on": f"{task.judging_images} training images held out",
        "device": str(task.setting.device),
        "precision": task.setting.precision,
        "environment": environment().as_json(),
    }


def write_fidelity(
    folder: Path, rankings: Sequence[Ranking], archs: Sequence[Arch], facts: Mapping[str, object]
) -> None:
    """`fidelity.csv`, the networks, and `fidelity.json`, which says how they were trained."""
    with (folder / "fidelity.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(
            ["judge", "kendall_tau", "tau_low", "tau_high", "seconds_per_network", "networks"]
        )
        for found in rankings:
            figures = (f"{figure:.4f}" for figure in (found.tau, found.low, found.high))
            writer.writerow([found.judge, *figures, f"{found.seconds:.3g}", found.networks])
    (folder / "networks").mkdir(exist_ok=True)
    for arch in archs:
        arch.to_yaml(folder / "networks" / f"{arch.arch_id}.yaml")
        (folder / f"{arch.arch_id}.safetensors").unlink(missing_ok=True)
    (folder / "fidelity.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
