"""Write the folder of a search: `best.yaml`, `pareto.csv`, `known.csv`, `study.yaml`, a plot."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from math import inf
from pathlib import Path
from typing import Any

from nas.accuracy import Surrogate
from nas.files import yaml
from nas.files.csv import write_csv
from nas.files.provenance import provenance
from nas.files.resources import BEST, TRAINED, WEIGHTS, What, content_hash, named
from nas.latency.device import Device
from nas.library import DISTILLED, SUPERVISED, Published, first_published, published
from nas.optimize import Candidate, SearchResult
from nas.report.plots.search import save_front
from nas.space.arch import Arch
from nas.space.space import Space
from nas.study.results import StudyResult

PARETO_COLUMNS = (
    "arch_id",
    "predicted_ms",
    "predicted_ms_low",
    "predicted_ms_high",
    "probability_within_budget",
    "estimated_top1",
    "estimated_top1_sd",
    "params",
    "macs",
    "file",
)
"""Columns of `pareto.csv`; a search for several devices adds latencies with their names."""
CORRECTION_COLUMNS = (
    "estimated_top1_low",
    "estimated_top1_high",
    "uncorrected_top1",
    "uncorrected_top1_sd",
    "best_published_of_size",
    "best_published_top1",
)
"""Further columns of `pareto.csv`: ends of the 90 % interval of the corrected estimate, the
estimate that the search compared, and the best published network of this size."""
KNOWN = "known.csv"
INHERITED = "inherited_top1"
"""Column of `trials.csv`: top-1 on the validation images with the weights of a supernet."""


def write_result(
    draft: Path, result: SearchResult, command: Sequence[str], studied: StudyResult | None = None
) -> None:
    """Write all files into a staged folder; after training the best trained network is `best`."""
    best = studied.trials[0].candidate if studied else result.best
    best.to_yaml(draft / BEST)
    _write_pareto(result, draft)
    _write_known(result, draft)
    study = _study(result, best.arch, command)
    if studied:
        _write_trials(studied, draft)
        study["training"] = _training(studied) | _as_trained(studied.trained, result.device)
        study["images"] = studied.preprocessing.facts()
        studied.trained.to_yaml(draft / TRAINED)
        shutil.copy(studied.weights, draft / studied.weights.name)
    yaml.write(draft / "study.yaml", study)
    save_front(result, draft, studied)


def _write_pareto(result: SearchResult, folder: Path) -> None:
    (folder / "pareto").mkdir(exist_ok=True)  # an interrupted run may have made it
    rows = []
    for found in result.pareto:
        name = f"pareto/{found.arch.arch_id}.yaml"
        found.to_yaml(folder / name)
        rows.append(_figures(result, found) | _correction(found) | {"file": name})
    write_csv(folder / "pareto.csv", list(rows[0]), rows)


def _write_known(result: SearchResult, folder: Path) -> None:
    """Write `known.csv`: known networks of the space, with published accuracies and sources."""
    rows = []
    within = {found.arch.arch_id for found in result.known_within}
    for found in result.known:
        figures = published(found.arch)
        rows.append(
            {"name": found.arch.name}
            | _figures(result, found)
            | {
                "within_limits": "yes" if found.arch.arch_id in within else "no",
                "avoided": " and ".join(result.avoided.found_in(found.arch)),
            }
            | _published(figures, SUPERVISED, "published_top1", "published_source")
            | _published(
                figures, DISTILLED, "published_top1_distilled", "published_distilled_source"
            )
        )
    if rows:
        write_csv(folder / KNOWN, list(rows[0]), rows)


def _published(figures: Sequence[Published], column: str, top1: str, source: str) -> dict[str, str]:
    """Cells of the columns `top1` and `source`: the first published figure of its `column`."""
    figure = first_published(figures, column)
    return {top1: f"{figure.top1:g}" if figure else "", source: str(figure) if figure else ""}


def _figures(result: SearchResult, found: Candidate) -> dict[str, Any]:
    """Columns of a network: latency on every device, estimate, sizes."""
    probability = result.probability(found)
    rounded = (
        result.latency_cells(found.arch)
        | {"probability_within_budget": probability}
        | found.estimates()
    )
    return (
        {"arch_id": found.arch.arch_id}
        | {name: f"{figure:.4f}" for name, figure in rounded.items()}
        | {"params": found.arch.params, "macs": found.arch.macs}
    )


def _correction(found: Candidate) -> dict[str, Any]:
    """`CORRECTION_COLUMNS` of a network; empty for a known one."""
    if (own := found.corrected) is None:
        return dict.fromkeys(CORRECTION_COLUMNS, "")
    figures = [f"{figure:.4f}" for figure in (own.low, own.high, *own.uncorrected)]
    best = found.best_published
    beside = [best.network, f"{best.top1:.1f}"] if best else ["", ""]
    return dict(zip(CORRECTION_COLUMNS, [*figures, *beside], strict=True))


def _write_trials(studied: StudyResult, folder: Path) -> None:
    """Write `trials.csv`: estimated, inherited and trained accuracy in separate columns."""
    epochs = sorted({epoch for trial in studied.trials for epoch in trial.top1s})
    columns = ["arch_id", "name", "state", "predicted_ms", "estimated_top1"]
    columns += [f"trained_top1_epoch{epoch}" if epoch else INHERITED for epoch in epochs]
    seeds = studied.plan.seeds if studied.plan.longest else 0  # else finals were not trained
    columns += [f"final_top1_seed{number}" for number in range(1, seeds + 1)]
    rows = []
    for trial in studied.trials:
        found = trial.candidate
        name = f"trials/{found.arch.arch_id}/arch.yaml"
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        found.to_yaml(folder / name)
        finals = [*trial.finals, *[None] * (seeds - len(trial.finals))][:seeds]
        rows.append(
            [found.arch.arch_id, found.arch.name, trial.state]
            + [f"{found.ms:.4f}", f"{found.top1:.4f}"]
            + [_rounded(trial.top1s.get(epoch)) for epoch in epochs]
            + [*map(_rounded, finals), trial.error, name]
        )
    write_csv(folder / "trials.csv", [*columns, "error", "file"], rows)


def _rounded(top1: float | None) -> str:
    return "" if top1 is None else f"{top1:.4f}"


def _training(studied: StudyResult) -> dict[str, Any]:
    """The training section of `study.yaml`."""
    plan, top1 = studied.plan, studied.accuracy
    return {
        "data": studied.data,
        "recipe": studied.recipe,
        "trials": len(studied.trials),
        "rungs": [list(rung) for rung in plan.rungs(len(studied.trials))],
        "finals": {"epochs": plan.longest, "seeds": plan.seeds, "finalists": plan.finalists},
        "inherit": plan.inherit,
        **({"supernet": _supernet(studied.supernet)} if studied.supernet else {}),
        "strategy": studied.spec.strategy,
        "objectives": ["accuracy", *studied.spec.objectives],
        "queued": len(studied.spec.queue),
        "top1": {
            "mean": round(top1.top1, 3),
            "interval_95": [round(top1.low, 3), round(top1.high, 3)],
            "sd": round(top1.sd, 3),
            "images": top1.images,
            "split": "test" if studied.supernet else "validation",
        },
    }


def _supernet(folder: Path) -> dict[str, Any]:
    """What identifies a supernet."""
    return {"path": str(folder), "hash": content_hash(folder / WEIGHTS)}


def _as_trained(arch: Arch, device: Device) -> dict[str, Any]:
    """What differs from the network that was searched for: its classes, images and latency."""
    ms, classes = round(device.predict(arch).ms, 4), int(arch.graph.shape[0])
    return {"as_trained": {"classes": classes, "input": list(arch.input), "predicted_ms": ms}}


def _study(result: SearchResult, best: Arch, command: Sequence[str]) -> dict[str, Any]:
    """How the result was made; all but `date` and `seconds` repeats with the same seed."""
    return provenance(command, "numpy", "scipy") | {
        "seed": result.seed,
        "budget_ms": result.budget_ms,
        "confidence": result.confidence,
        "held_ms": result.held_ms,
        "others": [
            _named("device", own.device) | {"budget_ms": own.budget_ms, "ms": round(own.ms, 4)}
            for own in result.latencies(best)[1:]
        ],
        "avoided": list(result.left_out),
        "limits": {
            name: most
            for name in ("params", "macs", "peak_elements")
            if (most := getattr(result.limits, name)) < inf
        },
        "caution": result.risk_aversion,
        "space": _named("space", result.space),
        "device": _named("device", result.device),
        "surrogate": _named("surrogate", result.surrogate),
        "best": best.arch_id,
        "optimality_gap": result.optimality_gap,
        "priced": result.priced,
        "judged": result.evaluated,
        "seconds": round(result.seconds, 2),
    }


def _named(what: What, found: Space | Device | Surrogate) -> dict[str, Any]:
    """Name and content hash, and the path of an input that is not shipped."""
    hashed = found.space_hash if isinstance(found, Space) else found.content_hash
    origin = found.table.origin if isinstance(found, Space) else found.origin
    shipped = str(named(what).get(found.name)) == origin
    path = {} if shipped or not Path(origin).is_file() else {"path": origin}
    return {"name": found.name, "hash": hashed} | path
