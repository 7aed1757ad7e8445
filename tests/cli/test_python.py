"""Functions of `import nas` write what commands write: one continues what the other has made."""

from __future__ import annotations

import json
from inspect import signature
from pathlib import Path

import pytest
import yaml

import nas as package
from nas.api.search import SearchOptions
from nas.cli.training import TrainingOptions
from nas.errors import BudgetError, DataError, InfeasibleError, NasError, WeightsError
from nas.optimize import search as search_only

from .conftest import Nas

TABLE = Path(__file__).parents[1] / "adapt" / "tiny.yaml"
DEVICE = "sd855-cpu-1t"
SPACE = ("mobilenetv3", "iphone12-lut")


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.mark.usefixtures("few_generations")
def test_a_search_is_written_where_asked(nas: Nas, here: Path) -> None:
    steps: list[tuple[str, float]] = []
    result = package.search(*SPACE, budget_ms=0.8, on_progress=lambda *told: steps.append(told))
    assert result.path is None
    assert not list(here.iterdir())
    assert [share for _, share in steps] == sorted(share for _, share in steps)
    assert 0 == steps[0][1] < steps[-1][1] <= 1

    saved = package.search(*SPACE, budget_ms=0.8, output=package.Output("results", "mine"))
    assert saved.path == Path("results/mine")
    assert saved.best.arch == result.best.arch == package.load_arch("results/mine")
    asked = ("--space", SPACE[0], "--device", SPACE[1], "--budget-ms", "0.8")
    done = nas("search", *asked, "--name", "mine", "--resume")
    assert (done.code, done.err) == (0, "nas: results/mine is complete already\n")
    assert nas("search", *asked, "--name", "typed").code == 0
    assert files(saved.path) == files(here / "results" / "typed")


@pytest.mark.usefixtures("few_generations")
def test_options_of_a_search_are_those_of_the_package(here: Path) -> None:
    shown = {*signature(package.search).parameters} - {"output", "on_message", "options"}
    assert {*SearchOptions.__annotations__} | shown == {*signature(search_only).parameters}
    output = package.Output(name="few")
    result = package.search(*SPACE, budget_ms=0.8, max_params=4e6, seed=3, output=output)
    assert result.best.arch.params <= 4e6
    assert yaml.safe_load((here / "results" / "few" / "study.yaml").read_text())["seed"] == 3


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a network that was trained from Python."""
    out = tmp_path_factory.mktemp("trained")
    task = package.load_task("digits", batch=64)
    output = package.Output(out, "small")
    final = package.train_network(TABLE, task, output, epochs=1)
    assert final.path == out / "small"
    assert final.test.top1 > 15  # chance is 10
    return final.path


def test_a_command_reads_and_continues_a_training(nas: Nas, trained: Path) -> None:
    asked = ("--data", "digits", "--batch", "64", "--out", str(trained.parent), "--name", "small")
    before = yaml.safe_load((trained / "train.yaml").read_text(encoding="utf-8"))
    done = nas("train", str(TABLE), *asked, "--epochs", "1", "--resume", "--json")
    assert done.code == 0, done.err
    assert "is complete already" in done.err
    assert json.loads(done.out)["test"] == before["test"]


def test_a_network_is_narrowed_and_exported(trained: Path, here: Path) -> None:
    device = package.load_device(DEVICE)
    budget_ms = 0.8 * device.predict(package.load_arch(trained)).ms
    made = package.adapt_network(
        trained, device, budget_ms=budget_ms, method="knapsack", output=package.Output(name="less")
    )
    assert device.predict(made.after).ms <= budget_ms < device.predict(made.before).ms
    assert {"best.yaml", "adapt.yaml", "weights.safetensors", "widths.png"} <= files(made.path)

    exported = package.export_network(made.path, ["yaml", "torch"])
    assert exported.path.parent == Path("exports")
    assert not exported.failures
    assert exported.manifest["weights"]["given"]
    assert exported.manifest["input"]["normalisation"]["name"] == "trained"
    steps: list[str] = []
    package.export_network(
        "mobilenetv3-small-0.5", "yaml", on_progress=lambda step, _: steps.append(step)
    )
    assert steps


def test_netadapt_trains_its_result(trained: Path, here: Path) -> None:
    device = package.load_device(DEVICE)
    made = package.adapt_network(
        trained,
        device,
        package.load_task("digits", batch=64),
        package.Output(name="net"),
        budget_ms=0.9 * device.predict(package.load_arch(trained)).ms,
        epochs=1,
        delta=0.1,
        tune_batches=1,
        proposals=2,
    )
    assert made.final is not None
    assert made.facts["steps"] >= 1
    assert {"train.yaml", "history.csv", "accuracy.png"} <= files(made.path)


@pytest.mark.parametrize("budget_ms", ["1", None, True, [1.0, "2"], "one"])
def test_a_budget_that_is_no_number(budget_ms: object, here: Path) -> None:
    asked: dict[str, object] = {"device": "iphone12-lut", "budget_ms": budget_ms}
    for more in ({}, {"output": package.Output()}):
        with pytest.raises(BudgetError, match="expected a budget above 0 ms, found "):
            package.search("mobilenetv3", **asked, **more)  # type: ignore[arg-type]
    with pytest.raises(BudgetError, match="expected a budget above 0 ms, found "):
        package.adapt_network(TABLE, method="surrogate", **asked)  # type: ignore[arg-type]
    assert not list(here.iterdir())


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: package.adapt_network(TABLE, budget_ms=1), DataError, "give a task, or another"),
        (
            lambda: package.adapt_network(TABLE, task="digits", budget_ms=1, method="surrogate"),
            DataError,
            "surrogate uses no images",
        ),
        (
            lambda: package.adapt_network(TABLE, budget_ms=1, method="knapsack"),
            WeightsError,
            "tiny: give its trained weights",
        ),
        (
            lambda: package.adapt_network(TABLE, budget_ms=1, method="knapsak"),
            NasError,
            "unknown method 'knapsak'; nearest: knapsack",
        ),
        (
            lambda: package.search(*SPACE, budget_ms=0.1, output=package.Output()),
            InfeasibleError,
            "no network of mobilenetv3 runs within 0.1 ms",
        ),
        (lambda: package.load_task("digts"), NasError, "unknown data set 'digts'; nearest: digits"),
        (lambda: package.train_network("mobilenetv9"), NasError, "unknown architecture"),
        (
            lambda: package.export_network("mobilenetv2", weights_of="timm"),
            WeightsError,
            "give weights too",
        ),
        (lambda: package.export_network("mobilenetv2", ["onx"]), NasError, "nearest: onnx"),
    ],
)
def test_errors_are_one_message(call: object, error: type, message: str, here: Path) -> None:
    assert callable(call)
    with pytest.raises(error, match=message):
        call()
    assert not list(here.rglob("*.yaml"))


def test_a_task_has_the_options_of_a_training() -> None:
    options = {*signature(TrainingOptions).parameters}
    taken = {*signature(package.load_task).parameters}
    assert taken - options == {"data", "images", "threads", "on_progress", "on_message"}
    assert options <= taken
