"""How long does a question take when 10 000 trials are in the store?

Fills an SQLite store with finished trials of random networks of a space under a budget, then asks
as a study does: read the store, ask the strategy, decode, claim. Writes
results/benchmarks/asking.csv, one row for each space and strategy.

    python benchmarks/asking.py
"""

from __future__ import annotations

import argparse
import csv
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from time import perf_counter

import numpy as np

from nas.measure.environment import environment
from nas.search.limits import Limits
from nas.search.run import pricing_of
from nas.strategies import STRATEGIES
from nas.study.database import Database
from nas.study.hunt import Hunt, begin
from nas.study.question import problem_of
from nas.study.store import Store

OUT = Path(__file__).parents[1] / "results" / "benchmarks" / "asking.csv"
SPACES = {"accel-nasbench": 40.0, "mobile": 60.0}
"""Space -> budget in ms on pixel1-cpu."""
WARM = 3
"""Questions that are not counted: the first reads the whole file, the second fits."""


def filled(folder: Path, space: str, trials: int) -> tuple[Store, Hunt]:
    """A store of random networks within the budget, whose accuracy rises with their size."""
    pricing = pricing_of(space, "pixel1-cpu", "imagenet")
    problem = problem_of(pricing, Limits((SPACES[space],), (1.0,)))
    store, rng = Store(Database(folder), "proxy"), np.random.default_rng(0)
    codes = problem.sample(trials, rng)
    assert len(codes) == trials
    scores = pricing.judge(codes)[0] + rng.normal(size=trials)
    for code, score in zip(codes, scores, strict=True):
        arch = pricing.space.decode(code)
        record = begin(store, problem.choices, arch, code, 0, predicted_ms=1.0)
        if record is not None:  # two codes may be one network
            store.work(record, lambda score=score: (float(score),))
    hunt = Hunt(
        store, pricing.space, STRATEGIES["random"](problem), (), 10 * trials, lambda *_: None
    )
    return store, hunt


def asked(store: Store, hunt: Hunt, strategy: str, questions: int) -> Iterator[dict[str, float]]:
    """Milliseconds of each part of each question."""
    hunt.strategy = STRATEGIES[strategy](hunt.strategy.problem)
    for index in range(WARM + questions):
        start = perf_counter()
        records = store.records()
        read = perf_counter()
        found = hunt._next(records)
        end = perf_counter()
        assert found is not None
        store.work(found[0], lambda: (50.0,))
        if index >= WARM:
            yield {"read": (read - start) * 1e3, "all": (end - start) * 1e3}


def main() -> None:
    """One row for each space and strategy."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--questions", type=int, default=20)
    parser.add_argument("--strategies", default=",".join(STRATEGIES))
    options = parser.parse_args()
    rows = []
    for space in SPACES:
        with tempfile.TemporaryDirectory() as folder:
            start = perf_counter()
            store, hunt = filled(Path(folder), space, options.trials)
            print(f"{space}: filled in {perf_counter() - start:.0f} s", flush=True)
            for strategy in options.strategies.split(","):
                ms = [found["all"] for found in asked(store, hunt, strategy, options.questions)]
                rows.append(
                    {
                        "space": space,
                        "strategy": strategy,
                        "trials": len(store.records()),
                        "parameters": len(hunt.strategy.problem.choices.parameters),
                        "median_ms": round(float(np.median(ms)), 1),
                        "largest_ms": round(max(ms), 1),
                        "questions": len(ms),
                        "optuna": version("optuna"),
                        "hardware": environment().cpu,
                        "date": datetime.now(UTC).date().isoformat(),
                    }
                )
                print(rows[-1], flush=True)
            store.database.close()
    with OUT.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
