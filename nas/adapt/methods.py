"""Three ways to meet a budget: NetAdapt on images, a search by the surrogate, the knapsack."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas.adapt.dependencies import DependencyGraph
from nas.adapt.knapsack import group_values, knapsack, width_space
from nas.adapt.netadapt import NetAdapt
from nas.adapt.plan import AdaptPlan
from nas.adapt.proposals import smallest
from nas.adapt.settings import AdaptSettings
from nas.adapt.steps import START
from nas.adapt.width_groups import width_groups
from nas.errors import BudgetError, InfeasibleError, RecipeError, WeightsError
from nas.latency.device import Device
from nas.optimize import search
from nas.space.arch import Arch
from nas.space.rules import NONDECREASING, Rules
from nas.study.workers import WorkerPool, run_with
from nas.system.progress import OnMessage, OnProgress, ignore

if TYPE_CHECKING:
    from torch import Tensor

    from nas.adapt.tune import Tuner
    from nas.train.run import Task


def check(arch: Arch, device: Device, plan: AdaptPlan) -> None:
    """Refuse what cannot end well.

    Raises:
        BudgetError: the start meets the budget already, or is over it where it is to grow.
        InfeasibleError: no widths meet it; carries the smallest found.
        MissingCostError: the device has no cost for an op of the network.
    """
    ms = device.predict(arch, strict=True).ms
    if not width_groups(arch):
        raise BudgetError(f"{arch.name}: no width of it can change alone")
    if plan.grows:
        if plan.budget_ms <= ms:
            raise BudgetError(
                f"{arch.name} takes {ms:.3f} ms predicted on {device.name}: expected a budget above"
                f" that to grow, found {plan.budget_ms:g}"
            )
        return
    if plan.budget_ms >= ms:
        raise BudgetError(
            f"{arch.name} takes {ms:.3f} ms predicted on {device.name}, which is within"
            f" {plan.budget_ms:g} ms already; expected a smaller budget, or --direction grow"
        )
    least, made = smallest(arch, device, plan.divisor)
    if plan.budget_ms < least:
        raise InfeasibleError(
            f"no widths of {arch.name} in multiples of {plan.divisor} meet {plan.budget_ms:g} ms on"
            f" {device.name}; the smallest found reach {least:.3f} ms predicted",
            arch=made,
            smallest=least,
            device=device.name,
        )


def begun_with(tuner: Tuner, arch: Arch, weights: Path, folder: Path) -> Path:
    """The start's weights as every process reads them, with statistics of the task's images.

    Raises:
        WeightsError: they are another network's, or the file is damaged.
    """
    from nas.modules import build
    from nas.modules.checkpoints.weights import save_state

    path = folder / START
    if not path.exists():
        try:
            module = build(arch, weights=weights)
        except WeightsError as error:
            wanted = f"weights of {arch.name}, trained on {tuner.task.data.name}"
            raise WeightsError(f"{error}; expected {wanted}") from None
        save_state(tuner.with_statistics(arch, module.state_dict()), path)
    return path


def adapt(
    settings: AdaptSettings,
    task: Task,
    folder: Path,
    *,
    workers: int = 1,
    pool: WorkerPool | None = None,
    storage: str | None = None,
    scope: str = "",
    on_progress: OnProgress = ignore,
    on_message: OnMessage = ignore,
) -> NetAdapt:
    """Run NetAdapt on the task's images in `folder`, or continue the run that is there.

    `scope` begins the names of the run's studies in a `storage` that holds many.

    Raises:
        BudgetError, InfeasibleError, MissingCostError: see `check`.
        WeightsError: the weights are another network's.
        TrainingError: no proposal of a step could be trained.
    """
    from nas.adapt.tune import Tuner

    device, plan, seed = settings.device, settings.plan, settings.seed
    fitted, weights = task.fit(settings.arch), _weights(settings)
    check(fitted, device, plan)
    start = begun_with(Tuner(task, plan, seed), fitted, weights, folder)
    job = NetAdapt(
        task, folder, plan, device, fitted, start, seed, storage, scope, on_progress, on_message
    )
    run_with(job, workers, pool)
    return job


def by_surrogate(
    settings: AdaptSettings, on_progress: OnProgress = ignore
) -> tuple[Arch, dict[str, Any]]:
    """The widths of highest estimated top-1 (its lower bound) within the budget, and facts.

    They do not fall from stage to stage if those of the given network do not.

    Raises:
        BudgetError, InfeasibleError, MissingCostError: see `check`.
    """
    arch, plan = settings.arch, settings.plan
    device, seed = settings.device, settings.seed
    check(arch, device, plan)
    rules = Rules(widths=NONDECREASING)
    if rules.broken_by(arch.rows, arch.shapes):
        rules = Rules()
    space = width_space(arch, plan.divisor, grow=plan.grows, rules=rules)
    best = search(space, device, budget_ms=plan.budget_ms, seed=seed, on_progress=on_progress).best
    estimate = {"top1": round(best.top1, 2), "sd": round(best.top1_sd, 2)}
    if own := best.distilled:
        estimate |= {"distilled_top1": round(own.top1, 2), "distilled_sd": round(own.sd, 2)}
    return best.arch, {"how": "surrogate", "estimated_imagenet": estimate}


def by_importance(
    settings: AdaptSettings, task: Task | None = None
) -> tuple[Arch, dict[str, Tensor], float]:
    """The most important channels within the budget: table, weights, and the optimality gap.

    The gap is the share of the importance that other widths may keep beyond these; 0 is proven
    optimal. Without a task the batch norms keep the statistics of the wider network.

    Raises:
        BudgetError, InfeasibleError, MissingCostError: see `check`.
        WeightsError: the weights are another network's.
        RecipeError: the criterion needs images, and there is no task.
    """
    from nas.adapt.prune import pruned, scores
    from nas.adapt.tune import Tuner
    from nas.modules import build

    arch, device, plan, seed = settings.arch, settings.device, settings.plan, settings.seed
    check(arch, device, plan)
    if plan.grows:
        raise BudgetError("--knapsack keeps channels, it cannot grow; choose --surrogate or --data")
    batches: list[tuple[Tensor, Tensor]] = []
    if plan.criterion == "taylor":
        if task is None:
            raise RecipeError("--criterion taylor needs images: give --data, or choose l2")
        batches = task.batches(arch.input[1], seed)
    channels, module = DependencyGraph.of(arch.graph), build(arch, weights=_weights(settings))
    importance = scores(channels, module, plan.criterion, batches=batches, seed=seed)
    worth = group_values(arch, channels, importance)
    made, solution = knapsack(arch, device, plan.budget_ms, worth, plan.divisor)
    state = pruned(channels, module.state_dict(), channels.keep_mask(made.graph, importance))
    if task is not None:
        state = Tuner(task, plan, seed).with_statistics(made, state)
    whole = sum(float(values[-1]) for values in worth.values())
    return made, state, float(solution.gap) / whole


def _weights(settings: AdaptSettings) -> Path:
    if settings.weights is None:
        raise WeightsError(f"{settings.arch.name}: method {settings.method} needs its weights")
    return settings.weights
