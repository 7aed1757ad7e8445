"""Training recipes: YAML files beside this one, or the user's, read strictly.

Every key has a default, so a recipe says what it changes; the keys are the fields below. What a
paper's recipe has and this one lacks stands in its `notes`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from nas.errors import DocumentError, RecipeError, UnknownNameError
from nas.files import yaml
from nas.files.records import between, one_of, read_record

FOLDER = Path(__file__).parent / "recipes"
LEAST_STEPS = 8
"""Steps of an epoch, below which a smaller batch is better."""
LEAST_BATCH = 8
"""Smallest batch that is chosen for few images: batch norms need several."""


@dataclass(frozen=True, slots=True)
class Optimiser:
    """The step. Norms, biases and other vectors are never decayed."""

    name: str = one_of("adamw", "sgd", "rmsprop")
    weight_decay: float = between(0.01)
    momentum: float = between(0.9, high=0.9999)
    """Of SGD (Nesterov's) and RMSProp."""
    beta2: float = between(0.999, high=0.99999)
    """Of AdamW; of RMSProp the decay of the squares."""
    eps: float = between(1e-8, low=1e-12)
    clip: float = between(0.0)
    """Largest norm of the gradient; 0 does not clip."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """The learning rate over the steps: a linear warm-up, then `name`."""

    name: str = one_of("cosine", "step", "constant")
    lr: float = between(0.001, low=1e-9)
    first_lr: float = between(0.0)
    last_lr: float = between(0.0)
    warmup_steps: int = between(0)
    warmup_epochs: float = between(0.0)
    """In place of `warmup_steps`."""
    every_epochs: float = between(1.0, low=1e-3)
    factor: float = between(0.97, low=1e-3)
    """`step` multiplies the rate by `factor` every so many epochs."""


@dataclass(frozen=True, slots=True)
class Augment:
    """What is done to a batch of images, on the device."""

    crop: str = one_of("none", "shift", "resized")
    least_area: float = between(0.08, low=0.01, high=1.0)
    """Of a `resized` crop."""
    flip: bool = False
    """Every other image, unless the data say that a mirror image is another class."""
    randaugment: float = between(0.0, high=30.0)
    """Magnitude of two ops of arXiv:1909.13719, as in TensorFlow from 0 to 30; 0 is off."""
    mixup: float = between(0.0, high=10.0)
    """Alpha of arXiv:1710.09412; 0 is off."""


@dataclass(frozen=True, slots=True)
class Regularise:
    """What keeps a network from learning its images by heart."""

    label_smoothing: float = between(0.0, high=0.9)
    dropout: float = between(0.0, high=0.95)
    """Before the classifier."""
    stochastic_depth: float = between(0.0, high=0.95)
    """Of the last residual branch; it grows linearly from 0 with the depth (arXiv:1603.09382)."""
    ema: float = between(0.0, high=0.999999)
    """Decay per step of the averaged weights, which are then evaluated and kept; 0 is off."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A quarter (say) of a progressive training (EfficientNetV2, arXiv:2104.00298, section 4)."""

    side: int = between(32, low=8, high=2048)
    randaugment: float = between(0.0, high=30.0)
    mixup: float = between(0.0, high=10.0)
    dropout: float = between(0.0, high=0.95)


@dataclass(frozen=True, slots=True)
class Teacher:
    """Distillation: the classes that a trained network sees are targets, too (DeiT, hard)."""

    name: str = ""
    """`timm:NAME`; empty is none."""
    weights: str = ""
    """A file of its weights; empty is timm's own, which are downloaded."""
    share: float = between(0.5, high=1.0)
    """Of the loss."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a network is trained."""

    name: str
    source: str
    notes: str = ""
    epochs: int = between(10, low=1, high=10_000)
    batch: int = between(128, low=2, high=65_536)
    """Images per step; learning rates are for this many."""
    side: str = one_of("network", "data")
    """Of the images: the network's own, or the smallest multiple of 32 that holds the data's."""
    sides: tuple[int, ...] = between((), low=8, high=2048)
    """A batch's side is drawn from these, its size follows (arXiv:2110.02178, appendix B)."""
    optimiser: Optimiser = Optimiser()
    schedule: Schedule = Schedule()
    augment: Augment = Augment()
    regularise: Regularise = Regularise()
    stages: tuple[Stage, ...] = ()
    """Equal parts of the epochs."""
    teacher: Teacher = Teacher()

    def stage(self, epoch: int, epochs: int) -> Recipe:
        """The recipe with what its stage says in place, for epoch 0 to `epochs` - 1."""
        if not self.stages:
            return self
        stage = self.stages[epoch * len(self.stages) // epochs]
        augment = replace(self.augment, randaugment=stage.randaugment, mixup=stage.mixup)
        regularise = replace(self.regularise, dropout=stage.dropout)
        return replace(self, augment=augment, regularise=regularise, sides=(stage.side,))

    def with_batch(self, batch: int) -> Recipe:
        """The recipe with another batch size, and a learning rate in proportion to it."""
        if batch == self.batch:
            return self  # the same learning rate to the last digit
        lr = self.schedule.lr * batch / self.batch
        return replace(self, batch=batch, schedule=replace(self.schedule, lr=lr))

    def for_few(self, images: int) -> Recipe:
        """The recipe with its batch halved until an epoch of so many images has `LEAST_STEPS`.

        A batch of less than `LEAST_BATCH` is chosen only for less than two of it.
        """
        batch = self.batch
        while images // batch < LEAST_STEPS and batch // 2 >= min(LEAST_BATCH, max(2, images // 2)):
            batch //= 2
        return self.with_batch(batch)

    def for_images(self, network_side: int, data_side: int) -> int:
        """The image side of evaluation."""
        fitting = -(-data_side // 32) * 32
        return network_side if self.side == "network" else min(fitting, network_side)


def recipes() -> dict[str, Path]:
    """Every shipped recipe."""
    return {path.stem: path for path in sorted(FOLDER.glob("*.yaml"))}


def load_recipe(name: str | Path) -> Recipe:
    """A shipped recipe, or one in a file.

    Raises:
        UnknownNameError: with the nearest names.
        DocumentError: naming file, key and what was expected.
    """
    known = recipes()
    path = known.get(str(name)) or Path(name)
    if not path.exists() and path.suffix != ".yaml":
        raise UnknownNameError("recipe", str(name), known)
    recipe = read_record(Recipe, yaml.read(path), str(path))
    if recipe.stages and recipe.sides:
        raise DocumentError(f"{path}: expected stages or sides, found both")
    if recipe.teacher.name and not recipe.teacher.name.startswith("timm:"):
        raise DocumentError(f"{path} (teacher.name): expected timm:NAME")
    return recipe


def note_of_batch(images: int, before: Recipe, after: Recipe) -> str:
    """One line that says why and how the batch follows the number of images."""
    steps = images // before.batch
    found = f"{steps} step{'s' * (steps != 1)}" if steps else "less than one step"
    return (
        f"{images:,} training images are {found} of batch {before.batch:,}, so the batch is"
        f" {after.batch} ({images // after.batch} steps an epoch) and the learning rate"
        f" {after.schedule.lr:.2g}"
    )


def check_fits(recipe: Recipe, images: int) -> None:
    """Refuse a recipe whose batch is larger than the data.

    Raises:
        RecipeError: with what to say instead.
    """
    if recipe.batch > images:
        raise RecipeError(
            f"recipe {recipe.name}: a batch is {recipe.batch} images, there are {images} to train"
            " on; choose a smaller --batch"
        )
