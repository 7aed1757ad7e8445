"""NetAdapt on digits: its steps, interruptions and failures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from nas.adapt.methods import adapt, by_importance, check
from nas.adapt.netadapt import NetAdapt
from nas.adapt.plan import AdaptPlan
from nas.adapt.proposals import smallest
from nas.adapt.settings import AdaptSettings
from nas.adapt.steps import Step
from nas.adapt.tune import Tuner
from nas.errors import BudgetError, InfeasibleError, TrainingError, UnknownNameError, WeightsError
from nas.latency.device import Device
from nas.library import load_arch, load_device
from nas.modules import build, save_weights
from nas.modules.checkpoints.weights import read_state
from nas.space.arch import Arch
from nas.study.workers import run_with
from nas.train.augment import normalised
from nas.train.data import load_data
from nas.train.data.base import in_order
from nas.train.recipe import load_recipe
from nas.train.run import Task, TrainingRun

DEVICE = "sd855-cpu-1t"
TABLE = (Path(__file__).parent / "tiny.yaml").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def task() -> Task:
    data = load_data("digits")
    data = replace(data, train=data.train.take(torch.arange(400)))
    return Task(data, replace(load_recipe("proxy"), batch=64))


@pytest.fixture(scope="module")
def start(task: Task, tmp_path_factory: pytest.TempPathFactory) -> tuple[Arch, Path]:
    folder = tmp_path_factory.mktemp("start")
    arch = task.fit(Arch.from_yaml(TABLE))
    training = TrainingRun(task, arch, folder, epochs=6).train()
    save_weights(training.eval_model, folder / "weights.safetensors")
    return arch, folder / "weights.safetensors"


@pytest.fixture(scope="module")
def device() -> Device:
    return load_device(DEVICE)


@pytest.fixture
def job(task: Task, start: tuple[Arch, Path], device: Device, tmp_path: Path) -> NetAdapt:
    return job_in(tmp_path, task, start, device)


def job_in(folder: Path, task: Task, start: tuple[Arch, Path], device: Device) -> NetAdapt:
    budget = 0.9 * device.predict(start[0]).ms
    plan = AdaptPlan(budget, 0.06, tune_batches=2, judging_images=40)
    return NetAdapt(task, folder, plan, device, *start)


@pytest.fixture(scope="module")
def heard() -> list[float]:
    """The progress reports of a whole run."""
    return []


@pytest.fixture(scope="module")
def done(
    task: Task,
    start: tuple[Arch, Path],
    device: Device,
    heard: list[float],
    tmp_path_factory: pytest.TempPathFactory,
) -> NetAdapt:
    """A job that has run to its end."""
    folder = tmp_path_factory.mktemp("done")
    whole = replace(
        job_in(folder, task, start, device), on_progress=lambda _, share: heard.append(share)
    )
    whole.run()
    return whole


def way(steps: list[Step]) -> list[tuple[str, str, float]]:
    return [(step.group, step.arch.arch_id, step.top1) for step in steps]


def test_steps_save_what_they_are_asked_to_and_end_within_the_budget(
    done: NetAdapt, device: Device
) -> None:
    steps = done.steps()
    first = steps[0].ms
    assert steps[-1].ms <= done.plan.budget_ms < steps[-2].ms
    for before, after in zip(steps, steps[1:], strict=False):
        whole = before.ms - after.ms >= 0.06 * first - 1e-9
        assert whole or after is steps[-1]  # the last step saves what is left to save
        assert after.ms == pytest.approx(device.predict(after.arch).ms)
        module = build(after.arch, weights=after.weights)
        assert sum(p.numel() for p in module.parameters()) == after.arch.params
        assert done.tuner.evaluate(after.arch, module.state_dict()) == pytest.approx(after.top1)


def test_history_has_every_proposal_and_which_was_taken(done: NetAdapt) -> None:
    rows = done.tried()
    assert [row["step"] for row in rows if row.get("taken")] == [s.number for s in done.steps()[1:]]
    for step in done.steps()[1:]:
        tried = [row for row in rows if row["step"] == step.number]
        assert len(tried) == len({row["knob"] for row in tried}) > 1
        assert step.top1 == max(row["top1"] for row in tried)


class Stopped(Exception):
    """Stands for a kill."""


@pytest.mark.parametrize("after", [1, 7])
def test_a_stopped_run_goes_on_to_the_same_network(
    job: NetAdapt, done: NetAdapt, after: int
) -> None:
    steps = []

    def stop(step: str, share: float) -> None:
        steps.append(step)
        if len(steps) == after:
            raise Stopped

    with pytest.raises(Stopped):
        replace(job, on_progress=stop).run()
    job.run()
    assert way(job.steps()) == way(done.steps())


def test_progress_runs_to_the_end(done: NetAdapt, heard: list[float]) -> None:
    assert heard == sorted(heard)
    assert heard[0] == 0
    assert 0.6 < heard[-1] <= 1


def test_a_proposal_that_diverges_costs_only_itself(
    job: NetAdapt, monkeypatch: pytest.MonkeyPatch
) -> None:
    tuned, broken = Tuner.tuned, []

    def sometimes(self: Tuner, arch: Arch, *rest: object) -> object:
        if not broken:
            broken.append(arch.arch_id)
            raise TrainingError("diverged")
        return tuned(self, arch, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(Tuner, "tuned", sometimes)
    job.run()
    (row,) = (row for row in job.tried() if row.get("error"))
    assert (row["error"], row["top1"], row["taken"]) == ("diverged", None, 0)
    assert broken[0] not in [step.arch.arch_id for step in job.steps()]


def test_none_that_can_be_trained_is_an_error(
    job: NetAdapt, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(self: Tuner, *rest: object) -> object:
        raise TrainingError("diverged")

    monkeypatch.setattr(Tuner, "tuned", never)
    with pytest.raises(TrainingError, match="step 1: no proposal of"):
        job.run()


@pytest.mark.parametrize(
    "change",
    [{"choose": "ratio"}, {"criterion": "taylor"}, {"criterion": "scale"}, {"decay": 0.8}],
    ids=str,
)
def test_other_rules_end_within_the_budget_too(job: NetAdapt, change: dict[str, str]) -> None:
    other = replace(job, plan=replace(job.plan, proposals=3, **change))  # type: ignore[arg-type]
    assert other.run().ms <= job.plan.budget_ms
    counts = [row["step"] for row in other.tried()]
    assert max(counts.count(number) for number in range(1, max(counts) + 1)) <= 3


def test_growing_spends_a_looser_budget(job: NetAdapt, device: Device) -> None:
    ms = device.predict(job.start).ms
    plan = replace(job.plan, budget_ms=1.2 * ms, direction="grow")
    grown = replace(job, plan=plan).run()
    assert 1.05 * ms < grown.ms <= 1.2 * ms
    assert grown.arch.params > job.start.params


@pytest.mark.slow
def test_two_processes_take_the_same_steps(job: NetAdapt, done: NetAdapt) -> None:
    run_with(job, 2)
    assert [step.arch for step in job.steps()] == [step.arch for step in done.steps()]


# what cannot end well -------------------------------------------------------------------------


def test_budgets_that_are_no_task_are_refused(device: Device) -> None:
    arch = load_arch("mobilenetv3-small")
    ms = device.predict(arch).ms
    with pytest.raises(BudgetError, match="is within .* already"):
        check(arch, device, AdaptPlan(1.01 * ms))
    with pytest.raises(BudgetError, match="expected a budget above that to grow"):
        check(arch, device, AdaptPlan(0.9 * ms, direction="grow"))
    with pytest.raises(InfeasibleError, match="the smallest found reach") as found:
        check(arch, device, AdaptPlan(0.01 * ms))
    assert device.predict(found.value.arch).ms == pytest.approx(found.value.smallest)


def test_smallest_widths_are_the_least_ones(device: Device) -> None:
    arch = Arch.from_yaml(TABLE)
    ms, made = smallest(arch, device, 8)
    assert ms == pytest.approx(device.predict(made).ms)
    named = [row.canonical() for row in made.rows]
    assert {row["out"] for row in named[:-2]} | {row["exp"] for row in named[1:3]} <= {8, 16, 24}


@pytest.mark.parametrize(
    ("field", "value", "kind"),
    [
        ("budget_ms", -1.0, BudgetError),
        ("delta", 0.0, BudgetError),
        ("delta", 1.5, BudgetError),
        ("decay", 0.0, BudgetError),
        ("criterion", "l3", UnknownNameError),
        ("choose", "ration", UnknownNameError),
        ("direction", "shrnk", UnknownNameError),
    ],
)
def test_a_plan_checks_itself(field: str, value: object, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        AdaptPlan(**{"budget_ms": 1.0, field: value})  # type: ignore[arg-type]


def test_weights_of_another_network_are_named(
    task: Task, start: tuple[Arch, Path], device: Device, tmp_path: Path
) -> None:
    other = load_arch("mobilenetv1-0.25")
    ms = device.predict(task.fit(other)).ms
    with pytest.raises(WeightsError, match="expected weights of mobilenetv1"):
        adapt(AdaptSettings(other, device, AdaptPlan(0.8 * ms), weights=start[1]), task, tmp_path)


def test_what_a_proposal_is_judged_with_is_what_it_leaves(
    task: Task, start: tuple[Arch, Path]
) -> None:
    arch, weights = start
    tuner = Tuner(task, AdaptPlan(1.0, tune_batches=2, judging_images=40), seed=0)
    state, top1 = tuner.tuned(arch, read_state(weights), 1)
    images, labels = next(tuner._validation.batches(in_order(40, 40, arch.input[1])))
    module = build(arch).eval()
    module.load_state_dict(state)
    with torch.no_grad():
        right = module(normalised(images, task.data)).argmax(1) == labels
    assert 100 * float(right.float().mean()) == pytest.approx(top1)
    assert tuner.evaluate(arch, state) == pytest.approx(top1)


def test_cut_weights_have_statistics_of_the_cut_network(
    task: Task, start: tuple[Arch, Path], device: Device
) -> None:
    arch, weights = start
    plan = AdaptPlan(0.8 * device.predict(arch).ms)
    settings = AdaptSettings(arch, device, plan, "knapsack", weights)
    made, own, _ = by_importance(settings, task)
    _, wide, _ = by_importance(settings)
    tuner = Tuner(task, plan, seed=0)
    assert all(torch.equal(own[name], tensor) for name, tensor in wide.items() if "weight" in name)
    expected = tuner.with_statistics(made, wide)
    assert all(torch.equal(own[name], tensor) for name, tensor in expected.items())
    assert not all(torch.equal(own[name], tensor) for name, tensor in wide.items())
