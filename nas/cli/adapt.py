"""`nas adapt`: widths tuned layer by layer for a latency budget."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nas.cli import complete
from nas.cli.options import (
    DEVICE_HELP,
    Address,
    ArchName,
    Classes,
    Json,
    Kept,
    Seed,
    Storage,
    WeightsOf,
    Workers,
    device_option,
    gathered,
)
from nas.cli.progress import RESUME, say_complete, show_progress
from nas.cli.streams import say
from nas.cli.training import AnyData, Epochs, Seeds, TrainingOptions
from nas.files.resources import BEST, WEIGHTS, trained_in

if TYPE_CHECKING:
    from nas.adapt.plan import AdaptPlan
    from nas.latency.device import Device
    from nas.space.arch import Arch
    from nas.study.workers import WorkerPool
    from nas.train.final import Final
    from nas.train.run import Task


@gathered
def adapt(
    arch: ArchName,
    *,
    budget_ms: Annotated[
        float, typer.Option("--budget-ms", help="Predicted ms at the end.", metavar="MS")
    ],
    device: Annotated[str, device_option(DEVICE_HELP)] = "iphone12-lut",
    weights: Annotated[
        Path | None,
        typer.Option(
            "--weights",
            help="What the network has learnt.",
            metavar="FILE",
            show_default="in ARCH's folder",
        ),
    ] = None,
    weights_of: WeightsOf = "",
    classes: Classes = None,
    surrogate: Annotated[
        bool, typer.Option("--surrogate", help="Judge by estimated ImageNet top-1; no data.")
    ] = False,
    knapsack: Annotated[
        bool, typer.Option("--knapsack", help="Keep the most important channels, solved exactly.")
    ] = False,
    delta: Annotated[
        float,
        typer.Option("--delta", help="Share of the start's ms saved by a step.", metavar="X"),
    ] = 0.01,
    decay: Annotated[
        float, typer.Option("--decay", help="Factor on it after each step.", metavar="X")
    ] = 1.0,
    steps: Annotated[
        int,
        typer.Option("--steps", min=1, help="Batches to train a proposal for.", metavar="N"),
    ] = 100,
    criterion: Annotated[
        str,
        typer.Option(
            "--criterion",
            help="Keep by l2, taylor, scale or random.",
            metavar="NAME",
            autocompletion=complete.one_of(complete.CRITERIA),
        ),
    ] = "l2",
    choose: Annotated[
        str,
        typer.Option(
            "--choose",
            help="accuracy, or ratio: top-1 per ms.",
            metavar="NAME",
            autocompletion=complete.one_of(("accuracy", "ratio")),
        ),
    ] = "accuracy",
    direction: Annotated[
        str,
        typer.Option(
            "--direction",
            help="shrink or grow.",
            metavar="NAME",
            autocompletion=complete.one_of(("shrink", "grow")),
        ),
    ] = "shrink",
    divisor: Annotated[
        int, typer.Option("--divisor", min=1, help="Widths are multiples of it.", metavar="N")
    ] = 8,
    proposals: Annotated[
        int,
        typer.Option("--proposals", min=0, help="Trained in a step, at most; 0: all.", metavar="N"),
    ] = 0,
    seed: Seed = 0,
    workers: Workers = 1,
    address: Address = None,
    storage: Storage = None,
    data: AnyData = None,
    epochs: Epochs = None,
    seeds: Seeds = 1,
    training: TrainingOptions,
    kept: Kept,
    json: Json = False,
) -> None:
    """Tune a network's widths for a latency budget: NetAdapt.

    With --data on trained weights; by estimate or by importance without.

    Examples:
        nas adapt mobilenetv3-small --budget-ms 0.6 --surrogate
        nas adapt results/mine --budget-ms 0.6 --data digits --workers 2
        nas adapt mobilenetv2 --budget-ms 1 --knapsack --weights net.safetensors
    """
    from nas import library
    from nas.adapt.plan import AdaptPlan
    from nas.adapt.run import adapt as run_adapt
    from nas.adapt.run import train_on
    from nas.adapt.settings import inputs
    from nas.errors import BudgetError, InfeasibleError, RecipeError, WeightsError
    from nas.files.settings import RunSettings
    from nas.files.staging import ResumableDir, StagedDir, check_not_shipped, is_result_of
    from nas.report.folders.adapted import read_facts, write_adapted, write_steps
    from nas.system.extras import require
    from nas.train.threads import with_threads

    if data is None and not (surrogate or knapsack):
        raise typer.BadParameter("give --data, or --surrogate or --knapsack to do without")
    if surrogate and (data or knapsack):
        raise typer.BadParameter("--surrogate uses neither --data nor --knapsack")
    plan = AdaptPlan(
        budget_ms,
        delta,
        decay,
        steps,
        criterion=criterion,
        choose=choose,
        divisor=divisor,
        proposals=proposals,
        direction=direction,
    )
    ask = _Ask(library.load_arch(arch), library.load_device(device), plan, seed)
    name = kept.name or f"{ask.arch.name}-{ask.device.name}-{budget_ms:g}ms"
    check_not_shipped("architecture", kept.out / name)
    if weights is None and (trained := trained_in(arch)):
        weights = trained[1]
    if weights is None and not surrogate:
        raise typer.BadParameter("give --weights: a file of what the network has learnt")
    if weights is not None and not surrogate:
        require("train")
        from nas.modules.checkpoints.arch import network_of_checkpoint

        filled = network_of_checkpoint(ask.arch, weights, weights_of=weights_of, classes=classes)
        ask = replace(ask, arch=filled.arch)
    known = inputs(
        ask.arch, ask.device, plan, None if surrogate else weights, knapsack=knapsack, seed=seed
    )
    if data is None:
        settings = RunSettings.of("adapt", name, {}, known)
        learnt = weights if knapsack else None
        if kept.resume and not kept.force and is_result_of(kept.out / name, settings):
            say_complete(kept.out / name, {})
            with TemporaryDirectory() as scratch:
                made, facts = _without_data(ask, learnt, Path(scratch))
        else:
            with StagedDir(kept.out, name, force=kept.force) as draft:
                made, facts = _without_data(ask, learnt, draft.folder)
                write_adapted(draft.folder, ask.arch, made, ask.device, _command(), facts)
                settings.write(draft.folder)
                draft.commit()
        _print(ask, made, None, facts, kept.out / name, json=json)
        return
    assert weights is not None
    from nas.train.final import read_final
    from nas.train.settings import inputs as of_task

    task = training.task(data)
    sizes = {"epochs": epochs or task.recipe.epochs, "seeds": seeds}
    settings = RunSettings.of("adapt --data", name, sizes, known, of_task(task))
    with ResumableDir(kept.out, name, settings, resume=kept.resume, force=kept.force) as work:
        fitted = task.fit(ask.arch)
        if work.complete:
            say_complete(work.path, work.settings.sizes)
            final = read_final(work.path)
            facts = read_facts(work.path)
            _print(replace(ask, arch=fitted), final.arch, final, facts, work.path, json=json)
            return
        task = with_threads(task, ask.arch, work.folder, workers)
        with (
            _worker_pool(address, storage, task) as pool,
            show_progress(on_interrupt=RESUME) as progress,
        ):
            try:
                if knapsack:
                    made, facts = _cut(replace(ask, arch=fitted), weights, work.folder, task)
                    start = work.folder / WEIGHTS
                else:
                    job = run_adapt(
                        task,
                        ask.arch,
                        weights,
                        device,
                        plan,
                        work.folder.absolute(),  # as other processes find it
                        seed=seed,
                        workers=workers,
                        pool=pool,
                        storage=storage,
                        scope=work.settings.scope(storage),
                        on_progress=progress,
                        on_message=say,
                    )
                    facts, start = write_steps(work.folder, job), job.steps()[-1].weights
                    made = job.steps()[-1].arch
            except (BudgetError, InfeasibleError, WeightsError, RecipeError):
                work.discard()  # no work on this question can be gone on with
                raise
            write_adapted(work.folder, fitted, made, ask.device, _command(), facts)
            final = train_on(
                task,
                made,
                work,
                start,
                epochs=sizes["epochs"],
                seeds=seeds,
                seed=seed,
                command=_command(),
                on_progress=progress,
            )
    _print(replace(ask, arch=fitted), made, final, facts, work.path, json=json)


@contextmanager
def _worker_pool(
    address: str | None, storage: str | None, task: Task
) -> Iterator[WorkerPool | None]:
    """Processes on a cluster, if there is an address."""
    if address is None:
        yield None
        return
    from nas.system.extras import require

    require("ray")
    from nas.study.ray.pool import ray_pool

    with ray_pool(address, storage, task) as found:
        yield found


@dataclass(frozen=True, slots=True)
class _Ask:
    """The network, where it is to be faster, and how."""

    arch: Arch
    device: Device
    plan: AdaptPlan
    seed: int


def _command() -> list[str]:
    return ["nas", *sys.argv[1:]]


def _without_data(ask: _Ask, weights: Path | None, folder: Path) -> tuple[Arch, dict[str, Any]]:
    """By the surrogate, or with weights by their importance."""
    from nas.adapt.run import by_surrogate
    from nas.train.preprocessing import trained_with

    if weights is not None:
        made, facts = _cut(ask, weights, folder)
        how = trained_with(weights).preprocessing
        return made, facts | ({"images": how.facts()} if how else {})
    with show_progress() as progress:
        result = by_surrogate(ask.arch, ask.device, ask.plan, ask.seed, progress)
    estimate = {"top1": round(result.best.top1, 2), "sd": round(result.best.top1_sd, 2)}
    return result.best.arch, {"how": "surrogate", "estimated_imagenet": estimate}


def _cut(
    ask: _Ask, weights: Path, folder: Path, task: Task | None = None
) -> tuple[Arch, dict[str, Any]]:
    """By importance; the weights that are left are in the folder then."""
    from nas.adapt.run import by_importance
    from nas.modules.checkpoints.weights import save_state

    made, state, gap = by_importance(ask.arch, weights, ask.device, ask.plan, task, ask.seed)
    save_state(state, folder / WEIGHTS, made.conventions)
    return made, {"how": "knapsack", "criterion": ask.plan.criterion, "optimality_gap": gap}


def _print(
    ask: _Ask, made: Arch, final: Final | None, facts: dict[str, Any], folder: Path, *, json: bool
) -> None:
    from dataclasses import asdict

    from nas.report.plots.widths import width_changes
    from nas.report.tables.network import summarise
    from nas.report.tables.text import (
        Column,
        interval,
        numbers,
        print_facts,
        print_json,
        print_line,
        print_table,
    )

    before, after = ask.device.predict(ask.arch), ask.device.predict(made)
    changed = [w for w in width_changes(ask.arch, made) if w.before != w.after]
    if json:
        found = summarise(made, ask.device, None).as_json() | {"path": str(folder / BEST)}
        tested = {} if final is None else {"test": asdict(final.test)}
        rows = [asdict(width) for width in changed]
        print_json({"best": found, "before_ms": before.ms, "widths": rows, **facts, **tested})
        return
    columns = [*numbers("row"), Column("op"), Column("column"), *numbers("before", "after")]
    cells = [[str(w.row), w.op, w.column, str(w.before), str(w.after)] for w in changed]
    print_table(columns, cells, title="widths that changed")
    print_line()
    shown = [
        ("network", ask.arch.name),
        ("predicted ms before", interval(before.ms, before.low_ms, before.high_ms)),
        ("predicted ms after", f"{interval(after.ms, after.low_ms, after.high_ms)}, 90 % interval"),
        ("parameters", f"{ask.arch.params:,} before, {made.params:,} after"),
        *_told(facts),
    ]
    if final is not None:
        test = final.test
        shown.append(("top-1 %, test split", interval(test.top1, test.low, test.high)))
    print_facts([*shown, ("written to", str(folder))])


def _told(facts: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """How it went, in words."""
    from nas.report.tables.text import plus_minus

    if "estimated_imagenet" in facts:
        found = facts["estimated_imagenet"]
        yield "estimated top-1", f"{plus_minus(found['top1'], found['sd'])} %, ImageNet"
    if "optimality_gap" in facts:
        gap = facts["optimality_gap"]
        sure = "proven the most" if gap == 0 else f"at most {gap:.2%} short of the most"
        yield "importance kept", f"{sure} within the budget, by {facts['criterion']}"
    if "steps" in facts:
        judged = facts["judged_top1"]
        yield "steps", f"{facts['steps']}, {facts['proposals']} proposals trained"
        yield (
            "top-1 %, judging",
            f"{judged['before']} before, {judged['after_the_steps']} after the steps",
        )
