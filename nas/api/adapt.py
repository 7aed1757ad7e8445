"""Adapt a network's widths to a budget, as `nas adapt` does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas import library
from nas.api.train import AnyArch, loaded_arch, loaded_task
from nas.errors import (
    BudgetError,
    DataError,
    WeightsError,
    check_names,
    positive,
    positive_budget_ms,
)
from nas.files.output import Output
from nas.files.resources import DEVICE, trained_in
from nas.latency.device import Device
from nas.space.arch import Arch
from nas.space.retarget import for_task
from nas.system.extras import require
from nas.system.progress import OnMessage, OnProgress, ignore

if TYPE_CHECKING:
    from nas.adapt.result import Adaptation
    from nas.train.run import Task

METHODS = ("netadapt", "knapsack", "surrogate")
DECIMALS = 4
"""Decimals of a budget in milliseconds that follows from a share."""


def adapt_network(
    arch: AnyArch,
    device: str | Path | Device = DEVICE,
    task: str | Path | Task | None = None,
    output: Output | None = None,
    *,
    budget_ms: float | None = None,
    share: float | None = None,
    method: str = "netadapt",
    weights: str | Path | None = None,
    weights_of: str = "",
    classes: int | None = None,
    epochs: int | None = None,
    seeds: int = 1,
    seed: int = 0,
    workers: int = 1,
    address: str | None = None,
    storage: str | None = None,
    on_progress: OnProgress = ignore,
    on_message: OnMessage = ignore,
    **plan: Any,
) -> Adaptation:
    """Tune a network's widths for a latency budget, and write a result folder.

    The budget is `budget_ms`, or a `share` of the network's own predicted latency, such as 0.7.
    `netadapt` trains proposals on the images of `task`. `knapsack` keeps the most important
    channels of `weights`, which default to those in the folder `arch`. `surrogate` maximises the
    estimated top-1 and needs neither. `classes` are the network's. With a `task`, the network is
    trained at the end, with `epochs` and `seeds`. Further arguments are fields of
    `nas.adapt.plan.AdaptPlan`, as `delta`.

        made = nas.adapt_network("mobilenetv3-small", budget_ms=0.6, method="surrogate")
        made.after, made.path

    Raises:
        BudgetError: the budget is missing, given twice, no positive number, or met already.
        DataError, WeightsError: the method needs images or weights, or they do not fit.
        InfeasibleError: no widths meet the budget; carries the smallest found.
        ResultError: the result exists already, or was started with other settings.
        TrainingError: no proposal of a step could be trained, or the network diverged.
    """
    from nas.adapt.plan import AdaptPlan
    from nas.adapt.resumable import adapt_and_train
    from nas.adapt.resumable import adapt_network as adapt_without_images
    from nas.adapt.settings import AdaptSettings
    from nas.report.plots.widths import save_pictures

    check_names("method", [method], METHODS)
    if method == "netadapt" and task is None:
        raise DataError("netadapt trains on images: give a task, or another method")
    if method == "surrogate" and task is not None:
        raise DataError("surrogate uses no images: leave out the task, or give another method")
    if share is None:
        budget = positive_budget_ms(budget_ms)
    elif budget_ms is None:
        budget = positive(share, "a share above 0")
    else:
        raise BudgetError("give one of budget_ms and share")
    on = device if isinstance(device, Device) else library.load_device(device)
    network, file = _start(arch, method, weights, weights_of, classes)
    loaded = None if task is None else loaded_task(task, on_progress, on_message)
    if share is not None:
        own = network if loaded is None else loaded.fit(network)
        budget = round(budget * on.predict(own).ms, DECIMALS)
    settings = AdaptSettings(network, on, AdaptPlan(budget, **plan), method, file, seed)
    output = output or Output()
    heard: Any = {"draw": save_pictures, "on_progress": on_progress, "on_message": on_message}
    if loaded is None:
        return adapt_without_images(settings, output, **heard)
    return adapt_and_train(
        settings,
        loaded,
        output,
        epochs=epochs,
        seeds=seeds,
        workers=workers,
        address=address,
        storage=storage,
        **heard,
    )


def _start(
    arch: AnyArch, method: str, weights: str | Path | None, weights_of: str, classes: int | None
) -> tuple[Arch, Path | None]:
    """The network to begin with, and the file of its weights, which `surrogate` needs not.

    Raises:
        WeightsError: there are no weights, or they are another network's.
    """
    network = loaded_arch(arch)
    if method == "surrogate":
        return network if classes is None else for_task(network, classes=classes), None
    if weights is None and not isinstance(arch, Arch) and (trained := trained_in(arch)):
        weights = trained[1]
    if weights is None:
        raise WeightsError(f"{network.name}: give its trained weights, a file")
    require("train")
    from nas.modules.checkpoints.arch import network_of_checkpoint

    file = Path(weights)
    return network_of_checkpoint(network, file, weights_of=weights_of, classes=classes).arch, file
