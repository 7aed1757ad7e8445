"""The loop: it learns, goes on exactly, and ends with one message."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import timm
import torch

from nas.errors import RecipeError, TrainingError, WeightsError
from nas.library import load_arch
from nas.modules import build, save_weights
from nas.space.arch import Arch
from nas.train.data.base import DataSet
from nas.train.epoch_plan import epoch_plan
from nas.train.figures import accuracy
from nas.train.image_sizes import at_side
from nas.train.loop import Setting, Training
from nas.train.recipe import Recipe, Regularise, Schedule, Stage, Teacher
from nas.train.run import CHECKPOINT, Task, TrainingRun


def weights(training: Training) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in training.eval_model.state_dict().items()}


def same(a: Training, b: Training) -> bool:
    mine, other = weights(a), weights(b)
    return mine.keys() == other.keys() and all(torch.equal(mine[k], other[k]) for k in mine)


def test_it_learns(quick: Task, tiny: Arch, tmp_path: Path) -> None:
    heard: list[float] = []
    seen: list[tuple[int, float]] = []
    training = TrainingRun(
        quick,
        quick.fit(tiny),
        tmp_path,
        epochs=6,
        on_epoch=lambda epoch: heard.append(epoch.val_top1),
        on_epoch_progress=lambda number, share, images_s: seen.append((number, share)),
    ).train()
    assert len(heard) == len(training.history) == 6
    assert seen == sorted(seen)
    assert [number for number, share in seen if share == 1] == [*range(1, 7)]
    assert heard[-1] > 50  # of ten classes
    assert training.history[-1].loss < training.history[0].loss
    assert training.evaluate(quick.data.test)[1] > 45
    log = (tmp_path / "log.csv").read_text().splitlines()
    assert log[0].startswith("epoch,side,lr,loss,val_loss,val_top1,images_s")
    assert len(log) == 7


def test_going_on_computes_what_an_uninterrupted_training_does(
    task: Task, tiny: Arch, tmp_path: Path
) -> None:
    recipe = replace(task.recipe, regularise=Regularise(dropout=0.2, stochastic_depth=0.2, ema=0.9))
    task = replace(task, recipe=recipe)
    whole = TrainingRun(task, task.fit(tiny), tmp_path / "whole", epochs=3).train()
    TrainingRun(task, task.fit(tiny), tmp_path / "parts", epochs=3).train(until=1)
    parts = TrainingRun(task, task.fit(tiny), tmp_path / "parts", epochs=3).train()
    assert [e.loss for e in parts.history] == [e.loss for e in whole.history]
    assert [e.val_top1 for e in parts.history] == [e.val_top1 for e in whole.history]
    assert same(whole, parts)


def test_another_seed_is_another_training(task: Task, tiny: Arch, tmp_path: Path) -> None:
    losses = {
        TrainingRun(task, task.fit(tiny), tmp_path / str(seed), epochs=1, seed=seed)
        .train()
        .history[0]
        .loss
        for seed in (0, 0, 1)
    }
    assert len(losses) == 2


def test_gradients_accumulate_to_those_of_the_batch(few: DataSet, recipe: Recipe) -> None:
    """Of a network without batch norm, which sees the images of a batch together."""
    arch = Arch.from_yaml(
        "name: t\nsource: s\ninput: [3, 32, 32]\ncolumns: [op, out]\nrows:\n"
        "  - [pool, ~]\n  - [linear, 10]\n"
    )
    task = Task(few, recipe)
    whole = task.training(arch, epochs=2, seed=0)
    task = replace(task, setting=Setting(micro_batch=12))
    parts = task.training(arch, epochs=2, seed=0)
    assert parts.run_epoch().loss == pytest.approx(whole.run_epoch().loss, rel=1e-5)
    for name, tensor in weights(whole).items():
        assert torch.allclose(tensor, weights(parts)[name], atol=1e-5)


def test_a_loss_that_is_no_number_ends_this_training(
    task: Task, tiny: Arch, tmp_path: Path
) -> None:
    wild = replace(
        task.recipe, schedule=Schedule(lr=1e6), optimiser=replace(task.recipe.optimiser, name="sgd")
    )
    task = replace(task, recipe=wild)
    with pytest.raises(TrainingError, match=r"tiny.* diverged in epoch \d of 5: the loss is"):
        TrainingRun(task, task.fit(tiny), tmp_path, epochs=5).train()


def test_out_of_memory_halves_the_images_once(
    task: Task, tiny: Arch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, sizes, said = Training.run_epoch, [], []

    def limited(limit: int, self: Training) -> object:
        size = self.setting.micro_batch or self.recipe.batch
        sizes.append(size)
        if size > limit:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return real(self)

    monkeypatch.setattr(Training, "run_epoch", lambda self: limited(16, self))
    training = TrainingRun(
        task, task.fit(tiny), tmp_path / "a", epochs=1, on_message=said.append
    ).train()
    assert sizes == [32, 16]
    assert len(training.history) == 1
    assert "continuing with 16 images at a time" in said[0]
    monkeypatch.setattr(Training, "run_epoch", lambda self: limited(8, self))
    with pytest.raises(TrainingError, match="out of memory with 16 images at a time"):
        TrainingRun(task, task.fit(tiny), tmp_path / "b", epochs=1).train()


def test_memory_that_the_system_refuses_is_recognised(
    task: Task, tiny: Arch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hungry(self: Training) -> object:
        return torch.empty(2**46, dtype=torch.uint8)

    monkeypatch.setattr(Training, "run_epoch", hungry)
    with pytest.raises(TrainingError, match="out of memory"):
        TrainingRun(task, task.fit(tiny), tmp_path, epochs=1).train()


def test_damaged_checkpoints_and_those_of_others_are_refused(
    task: Task, tiny: Arch, tmp_path: Path
) -> None:
    TrainingRun(task, task.fit(tiny), tmp_path, epochs=1).train()
    path = tmp_path / CHECKPOINT
    with pytest.raises(WeightsError, match="no checkpoint of this training"):
        task.training(load_arch("mobilenetv3-small-0.5"), epochs=1, seed=0).load(path)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(WeightsError, match="no checkpoint of this training"):
        TrainingRun(task, task.fit(tiny), tmp_path, epochs=1).train()


def test_sizes_share_one_set_of_tensors(tiny: Arch) -> None:
    module = build(tiny)
    other = at_side(tiny, module, 32, Regularise())
    x = torch.randn(4, 3, 32, 32)
    before = other.train()(x)
    before.sum().backward()
    assert all(p.grad is not None for p in module.parameters())
    assert {id(p) for p in module.parameters()} == {id(p) for p in other.parameters()}
    norm = next(m for m in module.modules() if isinstance(m, torch.nn.BatchNorm2d))
    assert int(norm.num_batches_tracked) == 1
    vit = load_arch("vit-b16")
    with torch.device("meta"), pytest.raises(RecipeError, match="cannot be trained at several"):
        at_side(vit, build(vit), 128, Regularise())


def test_stages_and_sides_change_the_images(few: DataSet, recipe: Recipe, tiny: Arch) -> None:
    stages = (Stage(16, dropout=0.1), Stage(32, randaugment=5.0, mixup=0.2, dropout=0.3))
    task = Task(few, replace(recipe, stages=stages))
    training = task.training(task.fit(tiny), epochs=2, seed=0)
    assert [training.run_epoch().side for _ in range(2)] == [16, 32]
    assert training.done
    task = Task(few, replace(recipe, sides=(16, 32, 48)))
    training = task.training(task.fit(tiny), epochs=1, seed=0)
    order = torch.arange(len(training.train.labels))
    plan = [batch for _ in range(5) for batch in epoch_plan(order, task.recipe, 32)]
    assert {side for _, side in plan} == {16, 32, 48}
    sizes = {side: len(index) for index, side in plan}
    assert sizes == {16: 128, 32: 32, 48: 14}
    assert training.run_epoch().loss > 0


def test_a_teacher_is_followed(few: DataSet, recipe: Recipe, tiny: Arch, tmp_path: Path) -> None:
    teacher = timm.create_model("test_resnet", num_classes=10)
    torch.save(teacher.state_dict(), tmp_path / "teacher.pt")
    with_teacher = replace(
        recipe, teacher=Teacher("timm:test_resnet", str(tmp_path / "teacher.pt"), 1.0)
    )
    task = Task(few, with_teacher)
    training = task.training(task.fit(tiny), epochs=1, seed=0)
    assert training.teacher is not None
    x = torch.randn(4, 3, 32, 32)
    own = training.teacher.module
    mean, sd = (torch.tensor(own.pretrained_cfg[k])[:, None, None] for k in ("mean", "std"))
    raw = x * torch.tensor(few.sd) + torch.tensor(few.mean)
    seen = own((raw - mean) / sd).argmax(1)
    targets = training.teacher(x, torch.full((4, 10), 0.1))
    assert torch.equal(targets, torch.eye(10)[seen])
    assert training.run_epoch().loss > 0
    for name, message in (
        ("timm:no_such_net", r"\(teacher\): timm:no_such_net"),
        ("timm:test_resnet", "its weights have 1000 classes, expected 10"),
    ):
        broken = replace(task, recipe=replace(recipe, teacher=Teacher(name)))
        with pytest.raises(RecipeError, match=message):
            broken.training(task.fit(tiny), epochs=1, seed=0)


@pytest.mark.parametrize("optimiser", ["sgd", "rmsprop", "adamw"])
def test_every_optimiser_steps(task: Task, tiny: Arch, optimiser: str) -> None:
    own = replace(task.recipe.optimiser, name=optimiser, clip=1.0)
    task = replace(task, recipe=replace(task.recipe, optimiser=own))
    training = task.training(task.fit(tiny), epochs=1, seed=0)
    before = weights(training)
    training.run_epoch()
    changed = [
        name for name, tensor in weights(training).items() if not torch.equal(tensor, before[name])
    ]
    changing = [name for name in before if not name.endswith("num_batches_tracked")]
    assert len(changed) > 0.95 * len(changing)  # a key's bias has no gradient


def test_bf16_trains_on_a_cpu(task: Task, tiny: Arch) -> None:
    task = replace(task, setting=Setting(precision="bf16"))
    training = task.training(task.fit(tiny), epochs=2, seed=0)
    assert training.run_epoch().loss > training.run_epoch().loss > 0


def test_what_is_kept_is_the_plain_network(task: Task, tiny: Arch, tmp_path: Path) -> None:
    recipe = replace(task.recipe, regularise=Regularise(dropout=0.2, ema=0.9))
    task = replace(task, recipe=recipe)
    fitted = task.fit(tiny)
    training = TrainingRun(task, fitted, tmp_path, epochs=1).train()
    save_weights(training.eval_model, tmp_path / "w.safetensors")
    module = build(fitted, weights=tmp_path / "w.safetensors").eval()
    x = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        assert torch.allclose(module(x), training.eval_model.eval()(x), atol=1e-6)


def test_intervals() -> None:
    one = accuracy([90.0], images=1000)
    assert (one.low, one.high) == pytest.approx((87.99, 91.71), abs=0.01)  # Wilson, by hand
    three = accuracy([90.0, 91.0, 92.0], images=1000)
    assert three.top1 == 91
    images, seeds = accuracy([91.0], images=1000).high - 91, 4.303 / 3**0.5
    assert three.high - three.top1 == pytest.approx((images**2 + seeds**2) ** 0.5, abs=1e-3)
    same = accuracy([91.0, 91.0], images=1000)
    assert (same.low, same.high) == pytest.approx((89.06, 92.62), abs=0.01)  # not sure of itself
    assert same.sd == 0
    assert accuracy([100.0, 100.0], images=10).high == 100
