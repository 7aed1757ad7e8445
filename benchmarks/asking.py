"""Measure how long a strategy takes to propose a network with 10 000 trials in the store.

Fills an SQLite store with finished trials of random networks of a space under a budget. Then it
times the steps of a study: reading the store (`read_ms`), asking the strategy (`ask_ms`, reading
included), and claiming the trial (`claim_ms`: Optuna inserts one parameter at a time). Filling
takes minutes; `--folder` keeps the stores. Writes results/benchmarks/asking.csv, one row for each
space and strategy.

    python benchmarks/asking.py
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from files import write_rows

from nas.optimize.limits import Limits
from nas.optimize.run import pricing_of
from nas.optimize.strategies import STRATEGIES
from nas.study.database import Database
from nas.study.loop import TrialLoop, claim_trial
from nas.study.record import Record
from nas.study.spec import problem_of
from nas.study.store import Store
from nas.system.environment import environment

OUT = Path(__file__).parents[1] / "results" / "benchmarks" / "asking.csv"
SPACES = {"accel-nasbench": 40.0, "mobile": 60.0}
"""Space -> budget in ms on pixel1-cpu."""
WARM = 3
"""Proposals that are not counted: the first reads the whole file, the second fits."""


def filled(folder: Path, space: str, trials: int) -> tuple[Store, TrialLoop]:
    """Return a store of random networks within the budget; accuracy rises with size."""
    pricing = pricing_of(space, "pixel1-cpu", "imagenet")
    problem = problem_of(pricing, Limits((SPACES[space],), (1.0,)))
    folder.mkdir(parents=True, exist_ok=True)
    store, rng = Store(Database(folder), "proxy"), np.random.default_rng(0)
    codes = problem.sample(trials, rng)
    assert len(codes) == trials
    done = len(store.records())
    scores = pricing.estimate(codes)[0] + rng.normal(size=trials)
    for code, score in list(zip(codes, scores, strict=True))[done:]:
        arch = pricing.space.decode(code)
        record = claim_trial(store, problem.choices, arch, code, 0, predicted_ms=1.0)
        if record is not None:  # two codes may decode to one network
            store.work(record, lambda score=score: (float(score),))
    loop = TrialLoop(store, pricing.space, STRATEGIES["random"](problem), (), 10 * trials)
    return store, loop


def asked(
    store: Store, loop: TrialLoop, strategy: str, questions: int
) -> Iterator[dict[str, float]]:
    """Yield the milliseconds of each part of each proposal."""
    loop.strategy = STRATEGIES[strategy](loop.strategy.problem)
    claim, claims = store.claim, [0.0]

    def timed(*given: Any, **facts: Any) -> Record | None:
        start = perf_counter()
        claimed = claim(*given, **facts)
        claims.append(perf_counter() - start)
        return claimed

    store.claim = timed  # type: ignore[method-assign]
    for index in range(WARM + questions):
        start = perf_counter()
        records = store.records()
        read = perf_counter()
        found = loop._next_new(records)
        end = perf_counter()
        assert found is not None
        store.work(found[0], lambda: (50.0,))
        if index >= WARM:
            whole, claimed = end - start, claims[-1]
            parts = {"read": read - start, "ask": whole - claimed, "claim": claimed, "all": whole}
            yield {name: 1e3 * seconds for name, seconds in parts.items()}
    store.claim = claim  # type: ignore[method-assign]


def main() -> None:
    """Write one row for each space and strategy."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--questions", type=int, default=20)
    parser.add_argument("--strategies", default=",".join(STRATEGIES))
    parser.add_argument("--spaces", nargs="*", default=list(SPACES), choices=list(SPACES))
    parser.add_argument("--folder", type=Path, help="folder that keeps the stores")
    options = parser.parse_args()
    rows = []
    for space in options.spaces:
        with tempfile.TemporaryDirectory() as folder:
            start = perf_counter()
            place = (options.folder or Path(folder)) / space
            store, loop = filled(place, space, options.trials)
            print(f"{space}: filled in {perf_counter() - start:.0f} s", flush=True)
            for strategy in options.strategies.split(","):
                parts = list(asked(store, loop, strategy, options.questions))
                ms = [part["all"] for part in parts]
                medians = {
                    f"{name}_ms": round(float(np.median([part[name] for part in parts])), 1)
                    for name in ("read", "ask", "claim")
                }
                rows.append(
                    {
                        "space": space,
                        "strategy": strategy,
                        "trials": len(store.records()),
                        "parameters": len(loop.strategy.problem.choices.parameters),
                        **medians,
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
    write_rows(OUT, rows)


if __name__ == "__main__":
    main()
