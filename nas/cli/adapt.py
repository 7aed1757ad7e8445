"""`nas adapt`: tune the widths of a network for a latency budget."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from math import inf, nan
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nas.adapt.plan import CHOICES, CRITERIA, DIRECTIONS, AdaptPlan
from nas.cli.options import (
    Address,
    ArchName,
    Classes,
    DeviceName,
    Json,
    OutputOptions,
    Seed,
    Storage,
    WeightsOf,
    Workers,
    gathered,
    option,
)
from nas.cli.progress import RESUME, show_progress
from nas.cli.streams import say
from nas.cli.training import AnyData, Epochs, Seeds, TrainingOptions, refuse_without_data
from nas.files.resources import BEST, DEVICE, trained_in
from nas.report.tables.text import (
    interval,
    numbers,
    print_facts_below,
    print_json,
    print_table,
)
from nas.system.extras import require_extras

if TYPE_CHECKING:
    from nas.adapt.result import Adaptation

PLAN = {
    "delta": option("--delta", "Latency saved per step, as a share.", "X"),
    "decay": option("--decay", "Factor on delta after each step.", "X"),
    "tune_batches": option("--steps", "Training batches per proposal.", "N", min=1),
    "criterion": option(
        "--criterion", "Importance: l2, taylor, scale or random.", "NAME", CRITERIA
    ),
    "choose": option("--choose", "By accuracy, or ratio: top-1 per ms.", "NAME", tuple(CHOICES)),
    "divisor": option("--divisor", "Widths are multiples of N.", "N", min=1),
    "proposals": option("--proposals", "Most proposals per step; 0: all.", "N", min=0),
    "direction": option("--direction", "Direction: shrink or grow.", "NAME", DIRECTIONS),
}
"""Options of the fields of `AdaptPlan` that do not depend on the network."""


@dataclass(frozen=True, slots=True)
class Budget:
    """The largest predicted latency: in milliseconds, or as a share of the network's own."""

    budget_ms: Annotated[
        float | None,
        option(
            "--budget-ms",
            "Largest predicted latency in ms; this or --budget.",
            "MS",
            show_default=False,
        ),
    ] = None
    budget: Annotated[
        str | None,
        option(
            "--budget",
            "The same, in percent of ARCH's predicted latency.",
            "70%",
            show_default=False,
        ),
    ] = None

    def share(self) -> float | None:
        """`--budget` as a factor, if it is given.

        Raises:
            BadParameter: not exactly one of the two options is given, or it is no percentage.
        """
        if (self.budget_ms is None) == (self.budget is None):
            raise typer.BadParameter("give one of --budget-ms MS and --budget PERCENT, such as 70%")
        if self.budget is None:
            return None
        try:
            percent = float(self.budget.removesuffix("%")) if self.budget.endswith("%") else nan
        except ValueError:
            percent = nan
        if not 0 < percent < inf:
            raise typer.BadParameter(
                f"--budget {self.budget!r}: expected a percentage above 0, such as 70%;"
                " --budget-ms takes milliseconds"
            )
        return percent / 100


@gathered
def adapt(
    arch: ArchName,
    *,
    context: typer.Context,
    budget: Budget,
    plan: Annotated[type[AdaptPlan], PLAN],
    device: DeviceName = DEVICE,
    weights: Annotated[
        Path | None,
        option("--weights", "Trained weights.", "FILE", show_default="in ARCH's folder"),
    ] = None,
    weights_of: WeightsOf = "",
    classes: Classes = None,
    surrogate: Annotated[
        bool, option("--surrogate", "Maximise estimated ImageNet top-1; no data.")
    ] = False,
    knapsack: Annotated[
        bool, option("--knapsack", "Keep the most important channels, solved exactly.")
    ] = False,
    seed: Seed = 0,
    workers: Workers = 1,
    address: Address = None,
    storage: Storage = None,
    data: AnyData = None,
    epochs: Epochs = None,
    seeds: Seeds = 1,
    training: TrainingOptions,
    output: OutputOptions,
    json: Json = False,
) -> None:
    """Tune a network's widths for a latency budget: NetAdapt.

    With --data it trains on images. --surrogate and --knapsack need none.

    Examples:
        nas adapt mobilenetv3-small --budget-ms 0.6 --surrogate
        nas adapt results/mine --budget 70% --data digits --workers 2
        nas adapt mobilenetv2 --budget-ms 1 --knapsack --weights net.safetensors
    """
    from nas import library
    from nas.api.adapt import adapt_network

    if data is None and not (surrogate or knapsack):
        raise typer.BadParameter("give --data, or --surrogate or --knapsack to do without")
    if surrogate and (data or knapsack):
        raise typer.BadParameter("--surrogate uses neither --data nor --knapsack")
    if data is None:
        refuse_without_data(context, "epochs", "seeds", "workers", "address", "storage")
    if not (surrogate or weights or trained_in(arch)):
        raise typer.BadParameter("give --weights: a file of the network's trained weights")
    ms, share = budget.budget_ms, budget.share()
    settings = asdict(plan(1.0 if ms is None else ms)) | {"budget_ms": ms}
    require_extras(*([] if surrogate else ["train"]), *(["ray"] if address else []))
    library.load_arch(arch)  # unknown names are refused before any data is read
    library.load_device(device)
    if data is not None:
        training.check(data)
    task = None if data is None else training.task(data)
    with show_progress(on_interrupt="" if task is None else RESUME) as progress:
        made = adapt_network(
            arch,
            device,
            task,
            output,
            share=share,
            method="surrogate" if surrogate else "knapsack" if knapsack else "netadapt",
            weights=weights,
            weights_of=weights_of,
            classes=classes,
            epochs=epochs,
            seeds=seeds,
            seed=seed,
            workers=workers,
            address=address,
            storage=storage,
            on_progress=progress,
            on_message=say,
            **settings,
        )
    _print(made, json=json)


def _print(made: Adaptation, *, json: bool) -> None:
    from nas.report.plots.widths import width_changes
    from nas.report.tables.network import summarise

    device, arch = made.device, made.after
    before, after = device.predict(made.before), device.predict(arch)
    changed = [w for w in width_changes(made.before, arch) if w.before != w.after]
    if json:
        found = summarise(arch, device, None).as_json() | {"path": str(made.path / BEST)}
        tested = {} if made.final is None else {"test": asdict(made.final.test)}
        rows = [asdict(width) for width in changed]
        print_json({"best": found, "before_ms": before.ms, "widths": rows, **made.facts, **tested})
        return
    columns = [*numbers("row"), "op", "column", *numbers("before", "after")]
    cells = [[str(w.row), w.op, w.column, str(w.before), str(w.after)] for w in changed]
    print_table(columns, cells, title="widths that changed")
    shown = [
        ("network", made.before.name),
        ("predicted ms before", interval(before.ms, before.low_ms, before.high_ms)),
        ("predicted ms after", f"{interval(after.ms, after.low_ms, after.high_ms)}, 90 % interval"),
        ("parameters", f"{made.before.params:,} before, {arch.params:,} after"),
        *_method(made.facts),
    ]
    if made.final is not None:
        test = made.final.test
        shown.append(("top-1 %, test split", interval(test.top1, test.low, test.high)))
    print_facts_below([*shown, ("written to", str(made.path))])


def _method(facts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Facts about the method, in words."""
    from nas.report.tables.side_by_side import estimated_facts, recorded_estimates

    if "estimated_imagenet" in facts:
        yield from estimated_facts(*recorded_estimates(facts["estimated_imagenet"]))
    if "optimality_gap" in facts:
        gap = facts["optimality_gap"]
        sure = "proven optimal" if gap == 0 else f"within {gap:.2%} of the optimum"
        yield "importance kept", f"{sure} for the budget, by {facts['criterion']}"
    if "steps" in facts:
        top1 = facts["judged_top1"]
        yield "steps", f"{facts['steps']}, {facts['proposals']} proposals trained"
        yield (
            "top-1 %, validation",
            f"{top1['before']} before, {top1['after_the_steps']} after the steps",
        )
