"""A supernet's training as a resumable run: a space and images in, a result folder out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nas.errors import BudgetError, check_names
from nas.files.output import Output, name_parts
from nas.files.settings import RunInputs, RunSettings
from nas.latency.device import Device
from nas.space.space import Space
from nas.supernet.distillation import DIVERGENCES
from nas.supernet.draw import Draws
from nas.supernet.facts import SupernetFacts, read_facts
from nas.supernet.run import SupernetRun, write_supernet
from nas.supernet.training import check_recipe, fitted_space
from nas.system.progress import OnMessage, OnProgress, ignore
from nas.train.distributed import rank, wait_for_others
from nas.train.resumable import folder_of_all
from nas.train.run import Task
from nas.train.settings import inputs, task_parts
from nas.train.threads import with_threads


@dataclass(frozen=True)
class SupernetPlan:
    """What a supernet is trained for, and how long."""

    device: Device | None = None
    """Predicts the latency of what is drawn; without one, MACs are used."""
    budget_ms: float | None = None
    """No network above it is trained; needs a device."""
    epochs: int | None = None
    """The recipe's by default."""
    divergence: str = "kl"
    """How sub-networks learn from the largest: `kl` or `alpha` (`nas.supernet.distillation`)."""
    seed: int = 0

    def __post_init__(self) -> None:
        check_names("divergence", [self.divergence], DIVERGENCES)
        if self.budget_ms is not None and self.device is None:
            raise BudgetError("a budget in milliseconds needs a device")

    def name(self, space: str, parts: list[str]) -> str:
        """Name of the result, from the settings; `parts` are those of the training."""
        limits = {"device": self.device and self.device.name, "budget_ms": self.budget_ms}
        own = name_parts(limits | {"divergence": self.divergence}, _DEFAULTS)
        return "-".join(["supernet", space, *parts, *own])


_DEFAULTS = {"device": None, "budget_ms": None, "divergence": "kl"}


def train_supernet(
    space: Space,
    task: Task,
    output: Output,
    plan: SupernetPlan,
    *,
    on_progress: OnProgress = ignore,
    on_message: OnMessage = ignore,
) -> tuple[Path, SupernetFacts]:
    """Train the supernet of a space and write a result folder.

    With `output.resume`, an interrupted run continues from its last epoch, and a finished one is
    read. Under torchrun, every process calls it and gets the result; the first one writes.

    Raises:
        ArchError, RecipeError, SpaceError: the space or recipe does not suit the images.
        InfeasibleError: no network of the space meets the budget.
        ResultError: the result exists already, or was started with other settings.
        TrainingError: the training collapsed again and again. Epochs before that are kept.
    """
    check_recipe(task.recipe, task.setting)
    draws = Draws(fitted_space(space, task), plan.device, plan.budget_ms)  # errors come first
    epochs = plan.epochs or task.recipe.epochs
    name = output.name or plan.name(space.name, task_parts(task, plan.seed, recipe=""))
    settings = RunSettings.of("supernet", name, {}, _inputs(space, plan, epochs) | inputs(task))
    with folder_of_all(task, output, name, settings) as work:
        if work.complete:
            if rank() == 0:
                on_message(work.already_complete())
            return work.path, read_facts(work.path)
        task = with_threads(task, draws.space.decode(draws.largest), work.folder)
        run = SupernetRun(
            draws,
            task,
            work.folder,
            epochs,
            plan.seed,
            plan.divergence,
            on_progress=on_progress,
            on_message=on_message,
        )
        training = run.train()
        if rank() == 0:
            write_supernet(training, space, work.folder, output.command)
            work.commit()
        wait_for_others()
        return work.path, read_facts(work.path)


def _inputs(space: Space, plan: SupernetPlan, epochs: int) -> RunInputs:
    device = plan.device
    contents = {"space": space.space_hash, "device": device.content_hash if device else "none"}
    values = {
        "budget_ms": plan.budget_ms,
        "divergence": plan.divergence,
        "seed": plan.seed,
        "epochs": epochs,  # the schedule's; another number is another training
    }
    return RunInputs(contents, values)
