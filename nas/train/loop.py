"""The training loop: one network, one device (or one of several), an epoch at a time.

What an epoch draws at random follows from the seed and the epoch, and everything else is in the
checkpoint; so a resumed training computes what an uninterrupted one does.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn import functional as F  # noqa: N812 - torch's own spelling

from nas.errors import TrainingError
from nas.modules import build
from nas.space.arch import Arch
from nas.system.progress import ignore
from nas.train.augment import augmented, normalised
from nas.train.checkpoint import read_checkpoint, write_checkpoint
from nas.train.data import DataSet
from nas.train.data.base import Crop, Plan, Split, in_order
from nas.train.distributed import average, gradients, mean_of_all, rank, together, world
from nas.train.epoch_plan import epoch_plan
from nas.train.image_sizes import at_side
from nas.train.micro_batch import images_with_room
from nas.train.optimiser import learning_rate, make_optimiser, same_schedule_prefix
from nas.train.recipe import Recipe
from nas.train.regularise import averaged, regularise, set_dropout
from nas.train.statistics import estimate_statistics, estimation_plan
from nas.train.teacher import load_teacher

CHECKED = 50
"""Check the loss for NaN every so many steps; each check synchronises the device."""
REPORTED_S = 1.0
"""Time between two reports of progress within an epoch; a checked step is always reported."""
AMP = {"bf16": torch.bfloat16, "fp16": torch.float16}


OnEpochProgress = Callable[[int, float, float], None]
"""Called within an epoch: its number, the share of it that is done, images per second."""


@dataclass(frozen=True, slots=True)
class Setting:
    """Where and how a training runs. Only batch norms see which images share a pass."""

    device: torch.device = torch.device("cpu")
    precision: str = "fp32"
    """`fp32`, or mixed precision with `bf16` or `fp16`."""
    micro_batch: int = 0
    """Images per forward pass; gradients accumulate to the recipe's batch. 0: on a CPU as many as
    have room (`nas.train.micro_batch`), elsewhere the batch."""
    compile: bool = False
    threads: int | None = None
    """CPU threads; 0: the fastest number (`nas.train.threads`), None: torch's setting."""

    def autocast(self) -> torch.autocast:
        """A context of mixed precision; of none with `fp32`."""
        dtype = AMP.get(self.precision)
        return torch.autocast(self.device.type, dtype, enabled=dtype is not None)

    def images_per_pass(self, arch: Arch, batch: int, side: int | None = None) -> int:
        """Images of a forward pass of a batch; `side` is the network's own by default."""
        if self.micro_batch or self.device.type != "cpu":
            return min(self.micro_batch or batch, batch)
        return images_with_room(arch.graph, batch, side or arch.input[1])


@dataclass(frozen=True, slots=True)
class Epoch:
    """Figures of one epoch."""

    epoch: int
    """From 1."""
    side: int
    lr: float
    loss: float
    """Mean over the training images, with the recipe's targets."""
    val_loss: float
    val_top1: float
    """Top-1 accuracy on the validation split, in percent."""
    images_s: float
    """Training images per second, over all processes."""
    seconds: float


@dataclass(eq=False)
class Training:
    """A network in training; `run_epoch` until `done`."""

    arch: Arch
    """For the data's classes and the image side of evaluation (`nas.space.retarget`)."""
    data: DataSet
    train: Split
    validation: Split
    recipe: Recipe
    epochs: int
    seed: int
    setting: Setting
    order: Tensor | None = None
    """Indices of an epoch's images; None takes all of them in random order."""
    history: list[Epoch] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)
    """For each epoch of `history`, the length in epochs of the schedule it followed."""
    on_epoch_progress: OnEpochProgress = ignore

    def __post_init__(self) -> None:
        device = self.setting.device
        torch.manual_seed(self.seed)
        self.module: fx.GraphModule = build(self.arch)
        regularise(self.module, self.arch.graph, self.recipe.regularise)
        self.module.to(device).to(memory_format=torch.channels_last)
        self.restart()
        self.optimiser = make_optimiser(self.module, self.recipe.optimiser)
        self.scaler = torch.amp.GradScaler(
            device.type, enabled=self.setting.precision == "fp16" and device.type == "cuda"
        )
        self.teacher = load_teacher(self.recipe, self.data, device)
        self.train, self.validation = self.train.to(device), self.validation.to(device)
        self._runners: dict[int, nn.Module] = {}

    def start_from(self, state: Mapping[str, Tensor]) -> None:
        """Start from these tensors of a network of the same table."""
        self.module.load_state_dict(dict(state))
        self.restart()

    def restart(self) -> None:
        """Start from the current weights: the average begins with them."""
        decay = self.recipe.regularise.ema
        self.average = averaged(self.module, decay) if decay else None
        self._estimated = False

    @property
    def done(self) -> bool:
        """Whether all epochs are finished."""
        return len(self.history) >= self.epochs

    @property
    def follows_one_schedule(self) -> bool:
        """Whether every epoch so far had the learning rates of this schedule."""
        steps = len(self.train.labels) / self.recipe.batch
        return all(
            same_schedule_prefix(self.recipe, n, self.epochs, steps) for n in set(self.lengths)
        )

    @property
    def eval_model(self) -> nn.Module:
        """The module to evaluate and save: averaged weights if there are any, with statistics."""
        module: nn.Module = self.module if self.average is None else self.average.module
        if not self._estimated:
            self._estimate_statistics(module)
            self._estimated = True
        return module

    def run_epoch(self, *, evaluate: bool = True) -> Epoch:
        """Train one epoch and evaluate it; without `evaluate`, its accuracy is NaN.

        Raises:
            TrainingError: the loss became NaN or infinite.
        """
        number, start = len(self.history), perf_counter()
        torch.manual_seed(self.seed * 1_000_003 + number + 1)  # all processes draw one plan
        recipe = self.recipe.stage(number, self.epochs)
        order = torch.randperm(len(self.train.labels)) if self.order is None else self.order
        plan = epoch_plan(order, recipe, self.arch.input[1])
        own_seed = torch.randint(2**62, (world(),))[rank()]
        torch.manual_seed(int(own_seed))  # and each its own augmentation and dropout
        loss, lr = self._steps(recipe, plan, number)
        seconds = perf_counter() - start
        with together():
            val_loss, val_top1 = (
                self.evaluate(self.validation) if evaluate else (math.nan, math.nan)
            )
        images = sum(len(index) for index, _ in plan) * world()
        side = plan[-1][1]
        found = Epoch(
            number + 1, side, lr, loss, val_loss, val_top1, images / seconds, perf_counter() - start
        )
        self.history.append(found)
        self.lengths.append(self.epochs)
        return found

    def _steps(self, recipe: Recipe, plan: Plan, number: int) -> tuple[float, float]:
        """Mean loss over one epoch's steps, and the last learning rate."""
        images = 0
        start = reported = perf_counter()
        self.module.train()
        self._estimated = False
        total, lr = torch.zeros((), device=self.setting.device), 0.0
        crop = Crop(recipe.augment.crop, recipe.augment.least_area)
        batches = self.train.batches(plan, crop)
        for step, (index, side) in enumerate(plan, start=1):
            lr = learning_rate(recipe.schedule, number + step / len(plan), self.epochs, len(plan))
            with together():
                total += self._backward(*augmented(*next(batches), recipe, self.data), side, recipe)
                own = gradients(self.module.parameters())
            if own is not None:
                average(own, self.module.parameters())
            self._update(lr)
            images += len(index) * world()
            checked = step % CHECKED == 0 or step == len(plan)
            if checked:
                mean = float(mean_of_all(total)) / step
                if not math.isfinite(mean):
                    raise TrainingError(
                        f"{self.arch.name} diverged in epoch {number + 1} of {self.epochs}:"
                        f" the loss is {mean}; try a smaller learning rate or --precision fp32"
                    )
            if checked or perf_counter() - reported >= REPORTED_S:
                reported = perf_counter()
                self.on_epoch_progress(number + 1, step / len(plan), images / (reported - start))
        return mean, lr

    def _backward(self, x: Tensor, targets: Tensor, side: int, recipe: Recipe) -> Tensor:
        """Compute gradients on this process's images; returns the loss, still on the device."""
        if self.teacher:
            targets = self.teacher(x, targets)
        runner = self._runner(side, recipe)
        micro = self.setting.images_per_pass(self.arch, len(x), side)
        loss = torch.zeros((), device=x.device)
        for part, wanted in zip(torch.split(x, micro), torch.split(targets, micro), strict=True):
            with self.setting.autocast():
                own = F.cross_entropy(runner(part).float(), wanted) * (len(part) / len(x))
            torch.autograd.backward(self.scaler.scale(own))
            loss += own.detach()
        return loss

    def _update(self, lr: float) -> None:
        """Update the weights, and their average."""
        for group in self.optimiser.param_groups:
            group["lr"] = lr
        if self.recipe.optimiser.clip:
            self.scaler.unscale_(self.optimiser)
            nn.utils.clip_grad_norm_(self.module.parameters(), self.recipe.optimiser.clip)
        self.scaler.step(self.optimiser)
        self.scaler.update()
        self.optimiser.zero_grad(set_to_none=True)
        if self.average is not None:
            self.average.update_parameters(self.module)

    def _runner(self, side: int, recipe: Recipe) -> nn.Module:
        """The module that runs a step at this side: the own one, or its twin of another size."""
        if side not in self._runners:
            own = side == self.arch.input[1]
            runner: nn.Module = (
                self.module
                if own
                else at_side(self.arch, self.module, side, self.recipe.regularise)
            )
            if self.setting.compile:
                runner = torch.compile(runner)  # type: ignore[assignment]
            self._runners[side] = runner
        found = self._runners[side].train()
        for module in found.modules():
            set_dropout(module, recipe.regularise.dropout)
        return found

    def _estimate_statistics(self, module: nn.Module) -> None:
        """Estimate those of a module's batch norms, on training images without augmentation."""
        plan = estimation_plan(len(self.train.labels), self._at_once, self.arch.input[1])
        with torch.random.fork_rng(devices=[]), self.setting.autocast():  # loaders draw a number
            estimate_statistics(module, (x for x, _ in self._whole(self.train, plan)))

    @torch.no_grad()
    def evaluate(self, split: Split) -> tuple[float, float]:
        """Cross entropy and top-1 in percent on all images of a split."""
        module, side = self.eval_model.eval(), self.arch.input[1]
        right, loss = (torch.zeros((), device=self.setting.device) for _ in range(2))
        for x, labels in self._whole(split, in_order(len(split.labels), self._at_once, side)):
            with self.setting.autocast():
                logits = module(x).float()
            right += (logits.argmax(1) == labels).sum()
            loss += F.cross_entropy(logits, labels, reduction="sum")
        n = len(split.labels)
        return float(loss) / n, 100 * float(right) / n

    @property
    def _at_once(self) -> int:
        """Images per forward pass."""
        return self.setting.images_per_pass(self.arch, self.recipe.batch)

    def _whole(self, split: Split, plan: Plan) -> Iterator[tuple[Tensor, Tensor]]:
        for images, labels in split.to(self.setting.device).batches(plan):
            yield normalised(images, self.data), labels

    def save(self, path: Path) -> None:
        """Write everything that resuming needs, atomically."""
        write_checkpoint(path, self._state(), self.history, self.lengths)

    def load(self, path: Path) -> None:
        """Resume from a checkpoint of the same training.

        Raises:
            WeightsError: it is damaged, or of another training.
        """
        self.history, self.lengths = read_checkpoint(path, self._state(), Epoch)
        self._estimated = False

    def _state(self) -> dict[str, Any]:
        """The parts with a state, by name."""
        parts = {"module": self.module, "optimiser": self.optimiser, "scaler": self.scaler}
        return parts if self.average is None else parts | {"average": self.average}
