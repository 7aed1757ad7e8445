"""A search with the weights of a supernet: judged, trained on, tested, for any device."""

from __future__ import annotations

import csv
import shutil
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest
import torch

import nas
from nas.errors import InfeasibleError, ResultError, WeightsError
from nas.files import yaml
from nas.files.output import Output
from nas.files.resources import WEIGHTS
from nas.optimize import EvolutionSettings
from nas.report.folders.search import read_search
from nas.report.folders.trained import read_trained
from nas.study.plan import Plan
from nas.study.results import StudyResult
from nas.study.settings import StudySettings
from nas.train.augment import normalised
from nas.train.data import load_data
from nas.train.recipe import Augment, load_recipe
from nas.train.run import Task

from .conftest import NARROW

BUDGET_MS = 0.55
FEW = StudySettings(trials=6, strategy="random")
QUICK = EvolutionSettings(generations=2, children=100)


class Made(NamedTuple):
    folder: Path
    task: Task


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A supernet of two epochs on three hundred digits."""
    root = tmp_path_factory.mktemp("supernet")
    table = root / "narrow.yaml"
    table.write_text(NARROW, encoding="utf-8")
    data = load_data("digits")
    few = replace(data, train=data.train.take(torch.arange(300)))
    few = replace(few, test=data.test.take(torch.arange(60)))
    task = Task(few, replace(load_recipe("proxy"), batch=20, augment=Augment()))
    nas.train_supernet(table, task, Output(root, "all"), epochs=2)
    return Made(root / "all", task)


def found(
    made: Made,
    out: Path,
    study: StudySettings = FEW,
    device: str = "iphone12-lut",
    *,
    resume: bool = False,
) -> tuple[Path, StudyResult]:
    output = Output(out, device, resume=resume)
    result, judged = nas.search_supernet(
        made.folder,
        output,
        budget_ms=BUDGET_MS,
        device=device,
        task=made.task,
        study=study,
        settings=QUICK,
    )
    assert result.path is not None
    return result.path, judged


@pytest.fixture(scope="module")
def searched(made: Made) -> tuple[Path, StudyResult]:
    """A search without further training."""
    return found(made, made.folder.parent)


def test_candidates_are_judged_with_inherited_weights(
    made: Made, searched: tuple[Path, StudyResult]
) -> None:
    folder, judged = searched
    supernet = nas.Supernet.load(made.folder, made.task)
    assert len(judged.trials) == FEW.trials
    for trial in judged.trials:
        assert trial.top1s == {0: supernet.judge(trial.candidate.arch)}
        assert trial.candidate.ms <= BUDGET_MS
    top1s = [trial.top1s[0] for trial in judged.trials]
    assert top1s == sorted(top1s, reverse=True)
    with (folder / "trials.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [float(row["inherited_top1"]) for row in rows] == pytest.approx(top1s, abs=1e-4)
    assert not any("trained" in column or "final" in column for column in rows[0])


def test_the_best_is_a_trained_network_that_was_tested_on_other_images(
    made: Made, searched: tuple[Path, StudyResult]
) -> None:
    folder, judged = searched
    module = nas.build(nas.load_arch(folder / "trained.yaml"), weights=folder / WEIGHTS).eval()
    test, side = made.task.data.test, judged.trained.input[1]
    images, labels = next(test.batches([(torch.arange(len(test.labels)), side)]))
    with torch.no_grad():
        right = module(normalised(images, made.task.data)).argmax(1) == labels
    assert judged.accuracy.top1 == pytest.approx(100 * float(right.float().mean()))
    assert judged.accuracy.images == len(test.labels)
    facts = yaml.read(folder / "study.yaml")["training"]
    assert facts["top1"]["split"] == "test"
    assert facts["supernet"]["path"] == str(made.folder)
    assert facts["finals"]["epochs"] == 0


def test_what_is_read_back_says_inherited(made: Made, searched: tuple[Path, StudyResult]) -> None:
    folder, _ = searched
    trained = read_trained(str(folder))
    assert trained is not None
    assert f"weights of {made.folder}" in trained.of
    assert "60 test images" in trained.of
    assert [*read_search(folder).trials[0].trained] == [0]


def test_finalists_are_trained_on_from_their_weights(
    made: Made, searched: tuple[Path, StudyResult], tmp_path: Path
) -> None:
    first, judged = searched
    shutil.copytree(first, tmp_path / first.name)
    longer = replace(FEW, epochs=1)
    folder, trained = found(made, tmp_path, longer, resume=True)
    assert folder == tmp_path / first.name
    finalists = [trial for trial in trained.trials if trial.finals]
    assert len(finalists) == 2
    best = {t.candidate.arch.arch_id for t in judged.trials[:2]}
    assert {t.candidate.arch.arch_id for t in finalists} == best
    assert {t.candidate.arch.arch_id: t.top1s for t in trained.trials} == {
        t.candidate.arch.arch_id: t.top1s for t in judged.trials
    }
    fresh = made.task.training(trained.trained, epochs=1, seed=1)
    assert trained.trials[0].finals[0] > fresh.run_epoch().val_top1
    assert trained.weights_from == "trained on for 1 epochs"


def test_a_search_for_two_devices_uses_the_same_supernet(made: Made, tmp_path: Path) -> None:
    before = (made.folder / WEIGHTS).stat().st_mtime_ns
    output = Output(tmp_path, "several")
    devices = ("pixel6-cpu", "sd855-cpu-1t")
    result, judged = nas.search_supernet(
        made.folder,
        output,
        budget_ms=[2, 0.3],
        device=devices,
        task=made.task,
        study=FEW,
        settings=QUICK,
    )
    assert [own.budget_ms for own in result.latencies(judged.trials[0].candidate.arch)] == [2, 0.3]
    assert (made.folder / WEIGHTS).stat().st_mtime_ns == before


def test_what_does_not_fit_is_refused(
    made: Made, searched: tuple[Path, StudyResult], tmp_path: Path
) -> None:
    with pytest.raises(InfeasibleError, match="the fastest is predicted"):
        nas.search_supernet(
            made.folder,
            Output(tmp_path),
            budget_ms=0.001,
            task=made.task,
            study=FEW,
            settings=QUICK,
        )
    shutil.copytree(searched[0], tmp_path / searched[0].name)
    with pytest.raises(ResultError, match="another supernet"):
        found(_damaged(made, tmp_path, keep=None), tmp_path, resume=True)
    with pytest.raises(WeightsError, match="no weights that can be read"):
        found(_damaged(made, tmp_path, keep=3000), tmp_path / "out")
    more = replace(made.task.data, classes=(*made.task.data.classes, "ten"))
    with pytest.raises(WeightsError, match="other classes"):
        found(made._replace(task=replace(made.task, data=more)), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def _damaged(made: Made, folder: Path, keep: int | None) -> Made:
    """A copy of a supernet with other weights, or with the first bytes of its own."""
    copy = folder / f"copy{keep}"
    copy.mkdir()
    for path in made.folder.iterdir():
        if path.is_file():
            (copy / path.name).write_bytes(path.read_bytes())
    if keep is None:
        from safetensors.torch import load_file, save_file

        changed = {key: tensor + 1e-3 for key, tensor in load_file(copy / WEIGHTS).items()}
        save_file(changed, copy / WEIGHTS, metadata={"format": "pt"})
    else:
        (copy / WEIGHTS).write_bytes((copy / WEIGHTS).read_bytes()[:keep])
    return made._replace(folder=copy)


def test_budgets_beyond_the_training_are_named(made: Made, tmp_path: Path) -> None:
    said: list[str] = []
    copy = _damaged(made, tmp_path, keep=None).folder
    device = nas.load_device("iphone12-lut")
    text = (copy / "supernet.yaml").read_text("utf-8")
    limits = f"device: {{name: {device.name}, hash: {device.content_hash}}}\nbudget_ms: 0.5\n"
    (copy / "supernet.yaml").write_text(text + limits, encoding="utf-8")
    nas.search_supernet(
        copy,
        Output(tmp_path, "larger"),
        budget_ms=BUDGET_MS,
        task=made.task,
        study=FEW,
        settings=QUICK,
        on_message=said.append,
    )
    assert any("trained no network above 0.5 ms on iphone12-lut" in line for line in said)


@pytest.mark.parametrize(
    ("plan", "rungs", "work"),
    [
        (Plan.inherited(0, finalists=3, seeds=2), [(0, 9)], 1.0),
        (Plan.inherited(5, finalists=3, seeds=2), [(0, 9)], 30.9),
    ],
    ids=["kept", "trained on"],
)
def test_plans(plan: Plan, rungs: list[tuple[int, int]], work: float) -> None:
    assert plan.rungs(9) == rungs
    assert plan.work(9) == pytest.approx(work)
