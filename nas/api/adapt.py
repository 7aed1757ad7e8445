"""Adapt a network's widths to a budget, as `nas adapt` does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas import library
from nas.api.train import AnyArch, loaded_arch, loaded_task
from nas.errors import DataError, WeightsError, check_names
from nas.files.output import Output
from nas.files.resources import DEVICE, trained_in
from nas.latency.device import Device
from nas.space.arch import Arch
from nas.system.extras import require
from nas.system.progress import OnMessage, OnProgress, ignore

if TYPE_CHECKING:
    from nas.adapt.result import Adaptation
    from nas.train.run import Task

METHODS = ("netadapt", "knapsack", "surrogate")


def adapt_network(
    arch: AnyArch,
    device: str | Path | Device = DEVICE,
    task: str | Path | Task | None = None,
    output: Output | None = None,
    *,
    budget_ms: float,
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

    `netadapt` trains proposals on the images of `task`. `knapsack` keeps the most important
    channels of `weights`, which default to those in the folder `arch`. `surrogate` maximises the
    estimated top-1 and needs neither. With a `task`, the network is trained at the end, with
    `epochs` and `seeds`. Further arguments are fields of `nas.adapt.plan.AdaptPlan`, as `delta`.

        made = nas.adapt_network("mobilenetv3-small", budget_ms=0.6, method="surrogate")
        made.after, made.path

    Raises:
        BudgetError: the budget is no positive number, or the network meets it already.
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
    on = device if isinstance(device, Device) else library.load_device(device)
    settings = AdaptSettings(loaded_arch(arch), on, AdaptPlan(budget_ms, **plan), method, seed=seed)
    if method != "surrogate":
        network, file = _with_weights(arch, weights, weights_of, classes)
        settings = replace(settings, arch=network, weights=file)
    output = output or Output()
    heard: Any = {"draw": save_pictures, "on_progress": on_progress, "on_message": on_message}
    if task is None:
        return adapt_without_images(settings, output, **heard)
    return adapt_and_train(
        settings,
        loaded_task(task, on_progress, on_message),
        output,
        epochs=epochs,
        seeds=seeds,
        workers=workers,
        address=address,
        storage=storage,
        **heard,
    )


def _with_weights(
    arch: AnyArch, weights: str | Path | None, weights_of: str, classes: int | None
) -> tuple[Arch, Path]:
    """The network of the weights, and their file."""
    network = loaded_arch(arch)
    if weights is None and not isinstance(arch, Arch) and (trained := trained_in(arch)):
        weights = trained[1]
    if weights is None:
        raise WeightsError(f"{network.name}: give its trained weights, a file")
    require("train")
    from nas.modules.checkpoints.arch import network_of_checkpoint

    file = Path(weights)
    return network_of_checkpoint(network, file, weights_of=weights_of, classes=classes).arch, file
