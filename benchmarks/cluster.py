"""Measure the cost and fault tolerance of a cluster, on local nodes and on virtual ones.

    python benchmarks/cluster.py

- *throughput*: trainings per minute with two nodes of one core against one, on the same sweep, in
  alternation, with the spread of the ratio over repeats.
- *overhead*: time of a training outside its epochs, from the end of one training to the end of the
  next, less the seconds of its epochs. It sums up Ray, the store and the strategy.
- *kills*: nodes killed (and replaced) at random moments of a sweep of 200 trainings, 20 in all.
- *virtual*: `nas sweep --simulate 1000` with trainings of 60 s.
- *sharing* (only with `--only sharing`, needs a GPU): trainings per minute while one, two and four
  share the GPU, on Fashion-MNIST.

Writes results/benchmarks/cluster.csv, one figure per row with its conditions.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from statistics import mean, median
from typing import Any

import optuna
from files import read_rows, write_rows

from nas.deploy.runtimes.torch import name_of_gpu
from nas.study.ray.simulate import Simulation
from nas.system.environment import environment

OUT = Path(__file__).parents[1] / "results" / "benchmarks" / "cluster.csv"
SPACE = """
name: small
source: "made for this benchmark"
input: [3, 32, 32]
columns: [op, k, out, act, s]
rows:
  - [conv, [1, 3, 5, 7], [8, 16, 24, 32, 40, 48], relu, 2]
  - [conv, [1, 3, 5], [16, 24, 32, 48, 64], relu, 2]
  - [conv, [1, 3], [16, 24, 32, 48, 64], relu, 2]
  - [pool, ~, ~, ~, ~]
  - [linear, ~, 10, ~, ~]
"""
TEXT = """
name: measured
spaces: [small.yaml]
devices: [pixel1-cpu]
budgets_ms: [50.0]
data: {{name: digits}}
strategies: [random]
epochs: {epochs}
trials: {trials}
finalists: 1
final_seeds: 1
scheduler: {{name: none}}
"""
SHARED = """
name: measured
spaces: [mobile32]
devices: [iphone12-lut]
budgets_ms: [0.6]
data: {{name: fashion-mnist, images: 20000}}
strategies: [random]
epochs: 3
trials: {trials}
finalists: 1
final_seeds: 1
scheduler: {{name: none}}
on: cuda
resources: {{cpus: 1, gpus: {gpus}}}
"""
NOTICED = {
    "health_check_initial_delay_ms": 0,
    "health_check_period_ms": 500,
    "health_check_timeout_ms": 1000,
    "health_check_failure_threshold": 3,
}
"""Ray notices a dead node within seconds."""


@contextmanager
def nodes(count: int) -> Iterator[Any]:
    """Start a head that trains nothing, and nodes of one core."""
    from ray.cluster_utils import Cluster

    head = {"num_cpus": 0, "include_dashboard": False, "_system_config": NOTICED}
    made = Cluster(initialize_head=True, head_node_args=head)
    try:
        for _ in range(count):
            made.add_node(num_cpus=1)
        yield made
    finally:
        made.shutdown()


def begun(folder: Path, text: str, address: str | None = None) -> subprocess.Popen[bytes]:
    """Start a sweep as a process."""
    folder.mkdir(parents=True)
    (folder / "small.yaml").write_text(SPACE)
    (folder / "sweep.yaml").write_text(text)
    command = [sys.executable, "-m", "nas", "sweep", "sweep.yaml"]
    command += ["--address", address] if address else []
    env = os.environ | {"OMP_NUM_THREADS": "1"}
    with (folder / "log.txt").open("wb") as log:
        return subprocess.Popen(command, cwd=folder, env=env, stdout=log, stderr=log)


def candidates(folder: Path) -> list[Any]:
    """Return the strategy's trials in the order in which they ended."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    url = f"sqlite:///{folder / 'results' / 'measured' / 'study.db'}"
    (name,) = (name for name in optuna.get_all_study_names(url) if "proxy" in name)
    found = optuna.load_study(study_name=name, storage=url).trials
    return sorted(found, key=lambda trial: trial.datetime_complete)


def per_minute(folder: Path, warm: int) -> float:
    """Return trainings per minute, once every node is warm."""
    ends = [trial.datetime_complete for trial in candidates(folder)][warm:]
    return (len(ends) - 1) / ((ends[-1] - ends[0]).total_seconds() / 60)


def overhead_s(folder: Path) -> list[float]:
    """Return the overhead of each training on one node, except the first."""
    found = candidates(folder)
    gaps = []
    for before, after in zip(found[1:], found[2:], strict=False):
        log = folder / "results" / "measured" / "trials" / after.user_attrs["arch_id"]
        epochs = read_rows(log / f"seed{after.user_attrs['seed']}" / "log.csv")
        trained = sum(float(epoch["seconds"]) for epoch in epochs)
        passed = (after.datetime_complete - before.datetime_complete).total_seconds()
        gaps.append(passed - trained)
    return gaps


def throughput(place: Path, repeats: int, trials: int) -> Iterator[dict[str, Any]]:
    """Compare one node with two, in alternation."""
    found: dict[int, list[float]] = {1: [], 2: []}
    gaps: list[float] = []
    for repeat in range(repeats):
        for count in (1, 2):
            folder = place / f"throughput-{count}-{repeat}"
            with nodes(count) as cluster:
                text = TEXT.format(trials=trials, epochs=4)
                assert begun(folder, text, cluster.address).wait() == 0
            found[count].append(per_minute(folder, warm=4))
            if count == 1:
                gaps += overhead_s(folder)
            print(count, found[count][-1], flush=True)
    ratios = [two / one for one, two in zip(found[1], found[2], strict=True)]
    how = f"{repeats} repeats of {trials} trainings, in turns"
    yield row("throughput ratio, 2 nodes x 1 core / 1 x 1", mean(ratios), ratios, how)
    yield row("trainings a minute, 1 node", mean(found[1]), found[1], how)
    yield row("overhead of a training, s", median(gaps), gaps, f"median of {len(gaps)}")


def kills(place: Path, trials: int, wanted: int) -> Iterator[dict[str, Any]]:
    """Kill nodes while trainings run; every training must still be stored exactly once."""
    folder, killed, rng = place / "kills", 0, random.Random(0)
    with nodes(2) as cluster:
        process = begun(folder, TEXT.format(trials=trials, epochs=4), cluster.address)
        work = folder / "results" / ".measured.work"
        while process.poll() is None:
            time.sleep(rng.uniform(1, 4))
            if killed == wanted or not any(work.glob("trials/*/*/begun.txt")):
                continue
            victim = rng.choice([n for n in cluster.list_all_nodes() if n != cluster.head_node])
            cluster.remove_node(victim, allow_graceful=False)
            cluster.add_node(num_cpus=1)
            killed += 1
            print("killed", killed, flush=True)
        assert process.returncode == 0
    found = candidates(folder)
    states = [trial.state.name for trial in found]
    keys = {(trial.user_attrs["arch_id"], trial.user_attrs["seed"]) for trial in found}
    how = f"{killed} nodes killed during {trials} trainings of two nodes"
    yield row("finished after kills", states.count("COMPLETE"), [], how)
    yield row("lost or failed after kills", trials - states.count("COMPLETE"), [], how)
    yield row("doubled after kills", len(found) - len(keys), [], how)


def sharing(place: Path, each: int) -> Iterator[dict[str, Any]]:
    """Measure trainings per minute on a shared GPU, `each` of them per process."""
    for together in (1, 2, 4):
        folder, trials = place / f"sharing-{together}", each * together
        text = SHARED.format(trials=trials, gpus=1 / together)
        assert begun(folder, text).wait() == 0, (folder / "log.txt").read_text()
        how = f"{trials} trainings of 3 x 20,000 images, mobile32 at 32 px, after the first of each"
        yield row(f"trainings a minute, {together} a GPU", per_minute(folder, together), [], how)


def virtual(workers: int, trials: int, scheduler: str) -> Iterator[dict[str, Any]]:
    """Measure how busy virtual workers are."""
    with tempfile.TemporaryDirectory() as folder:
        usage = Simulation(Path(folder), workers, trials, 60.0, scheduler=scheduler).run()
    print(asdict(usage), flush=True)
    how = f"{workers} workers, {usage.trials} trials of 60 s, scheduler {scheduler}"
    yield row("busy while there is work, %", 100 * usage.busy_while_full, [], how)
    yield row("busy from first to last, %", 100 * usage.busy, [], how)
    yield row("asking and claiming a trial, ms", usage.asking_ms, [], how)
    yield row("telling a trial, ms", usage.telling_ms, [], how)


def row(figure: str, value: float, spread: list[float], how: str) -> dict[str, Any]:
    ends = [f"{end(spread):.3g}" if spread else "" for end in (min, max)]
    return {
        "figure": figure,
        "value": f"{value:.4g}",
        "lowest": ends[0],
        "highest": ends[1],
        "how": how,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", default=["throughput", "kills", "virtual"])
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        parts = {
            "throughput": lambda: throughput(place, arguments.repeats, trials=40),
            "kills": lambda: kills(place, trials=200, wanted=20),
            "virtual": lambda: virtual(1000, 600, "none"),
            "sharing": lambda: sharing(place, each=3),
        }
        kept = read_rows(OUT)
        for name in arguments.only:
            machine = name_of_gpu() if name == "sharing" else environment().cpu
            made = {"date": datetime.now(UTC).date().isoformat(), "machine": machine}
            rows = [{"part": name, **found, **made} for found in parts[name]()]
            kept = [old for old in kept if old["part"] != name] + rows
            write_rows(OUT, kept)


if __name__ == "__main__":
    main()
