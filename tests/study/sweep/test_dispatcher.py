"""The dispatcher assigns trials, records their reports, and loses nothing when it is killed."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nas.files import yaml
from nas.study.sweep.cell_status import read_statuses
from nas.study.sweep.dispatcher import MAX_REQUEUES, Dispatcher
from nas.study.sweep.files import SWEEP_FILE
from nas.study.sweep.plan import Sweep, read_sweep
from nas.study.sweep.runner import cell_records
from nas.study.sweep.status import current_statuses
from nas.study.trainer import TrialAssignment, save_final_weights
from nas.train.run import TrainingRun

Opened = Callable[[Sweep], Dispatcher]


def trained(
    dispatcher: Dispatcher, assignment: TrialAssignment, trial_id: str, until: int | None = None
) -> None:
    """A worker that reports accuracies computed from the network, and may be stopped early."""
    epochs = min(until or assignment.epochs, assignment.epochs)
    for epoch in range(1, epochs + 1):
        dispatcher.report(trial_id, epoch, 50 + assignment.arch.params % 97 / 10 + epoch)
    if assignment.final:
        task = dispatcher.runners[0].task
        place = dispatcher.folder_of(assignment)
        save_final_weights(
            TrainingRun(task, task.fit(assignment.arch), place, epochs=1).train(), place
        )
    dispatcher.finish(trial_id)


def work(dispatcher: Dispatcher, until: int | None = None) -> int:
    """Run all trials one after another; return their number."""
    count = 0
    while (assignment := dispatcher.next_trial(str(count))) is not None:
        trained(dispatcher, assignment, str(count), None if assignment.final else until)
        count += 1
    return count


def test_all_cells_are_worked_off(sweep: Sweep, opened: Opened) -> None:
    dispatcher = opened(sweep)
    assert work(dispatcher) == 2 * (5 + 2)
    assert dispatcher.all_ended
    first, second = dispatcher.statuses()
    assert (first.state, first.trials, first.failed, first.wanted) == ("done", 7, 0, 7)
    assert first.predicted_ms is not None and first.predicted_ms <= 2.5
    assert second.trained_top1 is not None and second.best_top1 is not None
    for status in (first, second):
        folder = dispatcher.folder / status.cell
        assert (folder / "best.yaml").exists()
        assert (folder / "weights.safetensors").exists()
    assert read_statuses(dispatcher.folder).keys() == {first.cell, second.cell}


def test_the_cell_with_fewest_at_work_is_next(sweep: Sweep, opened: Opened) -> None:
    dispatcher = opened(sweep)
    assignments = [dispatcher.next_trial(str(number)) for number in range(4)]
    names = [assignment.store.name.partition(":")[0] for assignment in assignments if assignment]
    assert names == [runner.cell.name for runner in dispatcher.runners] * 2
    assert dispatcher.n_running == 4


def test_what_was_stopped_early_is_marked_so(sweep: Sweep, opened: Opened) -> None:
    dispatcher = opened(sweep)
    trial_id = "0"
    assignment = dispatcher.next_trial(trial_id)
    assert assignment is not None
    trained(dispatcher, assignment, trial_id, until=2)
    own, _ = cell_records(dispatcher.runners[0].cell, sweep, dispatcher.runners[0].database)
    assert (own[0].state, own[0].top1s.keys()) == ("pruned", {1, 2})
    assert dispatcher.statuses()[0].stopped == 1


def test_nothing_runs_in_a_sweep_that_was_interrupted(
    content: dict[str, Any], sweep: Sweep, opened: Opened, tmp_path: Path, tmp_path_factory: Any
) -> None:
    assert opened(sweep).next_trial("0") is not None
    yaml.write(tmp_path / SWEEP_FILE, content)
    found, _ = current_statuses(tmp_path)
    assert (found.state, found.running) == ("running", 1)
    left = shutil.copytree(tmp_path, tmp_path_factory.mktemp("out") / ".small.work")
    found, other = current_statuses(left)
    assert (found.state, found.running) == ("interrupted", 0)
    assert other.state == "waiting"


def test_a_network_is_not_trained_twice_at_once(content: dict[str, Any], opened: Opened) -> None:
    """Two cells with the same budget on devices that agree begin with the same network."""
    sweep = read_sweep(content | {"strategies": ["random", "local"], "budgets_ms": [4.0]}, "s")
    dispatcher = opened(sweep)
    first, second = dispatcher.next_trial("a"), dispatcher.next_trial("b")
    assert first is not None and second is not None
    assert first.record.key != second.record.key
    keys = {first.record.key, second.record.key}
    for number in range(6):
        assignment = dispatcher.next_trial(str(number))
        assert assignment is None or assignment.record.key not in keys
        keys |= {assignment.record.key} if assignment else set()


def test_a_broken_candidate_costs_only_itself(sweep: Sweep, opened: Opened) -> None:
    dispatcher = opened(sweep)
    assert dispatcher.next_trial("a") is not None
    dispatcher.finish("a", error="it diverged")
    work(dispatcher)
    assert dispatcher.statuses()[0].failed == 1
    assert dispatcher.statuses()[0].state == "done"
    own, _ = cell_records(dispatcher.runners[0].cell, sweep, dispatcher.runners[0].database)
    assert [record.error for record in own if record.state == "fail"] == ["it diverged"]


def test_what_cannot_be_begun_is_given_out_again_but_not_for_ever(
    sweep: Sweep, opened: Opened
) -> None:
    dispatcher = opened(sweep)
    first = dispatcher.next_trial("0")
    for number in range(MAX_REQUEUES):
        dispatcher.requeue(str(number))
        assert dispatcher.next_trial(str(number + 1)) is first
    dispatcher.requeue(str(MAX_REQUEUES))
    again = dispatcher.next_trial("new")
    assert again is not None and again.record.key != (first and first.record.key)
    assert sum(status.failed for status in dispatcher.statuses()) == 1


def test_an_infeasible_cell_is_reported_and_the_others_run(
    content: dict[str, Any], opened: Opened
) -> None:
    dispatcher = opened(read_sweep(content | {"budgets_ms": [0.001, 4.0]}, "sweep"))
    work(dispatcher)
    first, second = dispatcher.statuses()
    assert (first.state, second.state) == ("infeasible", "done")
    assert "the fastest is predicted at" in first.error


def test_where_nothing_can_be_trained_the_cell_has_failed(sweep: Sweep, opened: Opened) -> None:
    dispatcher, number = opened(sweep), 0
    while dispatcher.next_trial(str(number)) is not None:
        dispatcher.finish(str(number), error="broken")
        number += 1
    assert dispatcher.all_ended
    assert [s.state for s in dispatcher.statuses()] == ["failed", "failed"]
    assert "none of 5 candidates could be trained" in dispatcher.statuses()[0].error


@pytest.mark.parametrize("after", [1, 6, 9])
def test_a_killed_dispatcher_is_followed_by_one_that_continues(
    sweep: Sweep, opened: Opened, after: int
) -> None:
    """Finished trials are not assigned again; running ones are, with their reports."""
    dispatcher = opened(sweep)
    for number in range(after):
        assignment = dispatcher.next_trial(str(number))
        assert assignment is not None
        trained(dispatcher, assignment, str(number))
    left = dispatcher.next_trial("left")
    assert left is not None
    dispatcher.report("left", 1, 12.5)
    done = {(o.store.name, o.record.key) for o in [left]}

    new = opened(sweep)
    again = new.next_trial("again")
    assert again is not None
    assert (again.store.name, again.record.key) in done
    assert again.record.top1s == {1: 12.5}
    trained(new, again, "again")
    assert after + 1 + work(new) == 2 * (5 + 2)
    assert [s.state for s in new.statuses()] == ["done", "done"]
    own, _ = cell_records(new.runners[0].cell, sweep, new.runners[0].database)
    assert again.record.top1s[1] == 12.5
    assert len({record.key for record in own}) == len(own) == 5


def test_cells_that_ended_are_not_searched_again(sweep: Sweep, opened: Opened) -> None:
    work(opened(sweep))
    dispatcher = opened(sweep)
    assert dispatcher.all_ended
    assert dispatcher.next_trial("a") is None
    assert all(runner._halving is None for runner in dispatcher.runners)
