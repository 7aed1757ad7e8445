"""The desk gives out trials, hears what becomes of them, and forgets nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from nas.study.sweep.desk import RETURNS, Desk
from nas.study.sweep.line import studies
from nas.study.sweep.plan import Sweep, read_sweep
from nas.study.sweep.standing import read_standings
from nas.study.trainer import Order, save_judged
from nas.train.run import train

Opened = Callable[[Sweep], Desk]


def trained(desk: Desk, order: Order, ticket: str, until: int | None = None) -> None:
    """A worker that tells accuracies which follow from the network, and may be cut."""
    epochs = min(until or order.epochs, order.epochs)
    for epoch in range(1, epochs + 1):
        desk.heard(ticket, epoch, 50 + order.arch.params % 97 / 10 + epoch)
    if order.final:
        task = desk.lines[0].task
        place = desk.place(order)
        save_judged(train(task, task.fit(order.arch), place, epochs=1), place)
    desk.ended(ticket)


def work(desk: Desk, until: int | None = None) -> int:
    """All there is, one after another; how many trials."""
    count = 0
    while (order := desk.order(str(count))) is not None:
        trained(desk, order, str(count), None if order.final else until)
        count += 1
    return count


def test_all_cells_are_worked_off(sweep: Sweep, opened: Opened) -> None:
    desk = opened(sweep)
    assert work(desk) == 2 * (5 + 2)
    assert desk.done
    first, second = desk.standings()
    assert (first.state, first.trials, first.failed, first.wanted) == ("done", 7, 0, 7)
    assert first.predicted_ms is not None and first.predicted_ms <= 2.5
    assert second.trained_top1 is not None and second.best_top1 is not None
    for standing in (first, second):
        folder = desk.folder / standing.cell
        assert (folder / "best.yaml").exists()
        assert (folder / "weights.safetensors").exists()
    assert read_standings(desk.folder).keys() == {first.cell, second.cell}


def test_the_cell_with_fewest_at_work_is_next(sweep: Sweep, opened: Opened) -> None:
    desk = opened(sweep)
    orders = [desk.order(str(number)) for number in range(4)]
    names = [order.store.name.partition(":")[0] for order in orders if order]
    assert names == [line.cell.name for line in desk.lines] * 2
    assert desk.working == 4


def test_what_was_stopped_early_is_marked_so(sweep: Sweep, opened: Opened) -> None:
    desk = opened(sweep)
    ticket = "0"
    order = desk.order(ticket)
    assert order is not None
    trained(desk, order, ticket, until=2)
    own, _ = studies(desk.lines[0].cell, sweep, desk.lines[0].database)
    assert (own[0].state, own[0].top1s.keys()) == ("pruned", {1, 2})
    assert desk.standings()[0].stopped == 1


def test_a_network_is_not_trained_twice_at_once(content: dict[str, Any], opened: Opened) -> None:
    """Two cells with the same budget on devices that agree begin with the same network."""
    sweep = read_sweep(content | {"strategies": ["random", "local"], "budgets_ms": [4.0]}, "s")
    desk = opened(sweep)
    first, second = desk.order("a"), desk.order("b")
    assert first is not None and second is not None
    assert first.record.key != second.record.key
    keys = {first.record.key, second.record.key}
    for number in range(6):
        order = desk.order(str(number))
        assert order is None or order.record.key not in keys
        keys |= {order.record.key} if order else set()


def test_a_broken_candidate_costs_only_itself(sweep: Sweep, opened: Opened) -> None:
    desk = opened(sweep)
    assert desk.order("a") is not None
    desk.ended("a", error="it diverged")
    work(desk)
    assert desk.standings()[0].failed == 1
    assert desk.standings()[0].state == "done"
    own, _ = studies(desk.lines[0].cell, sweep, desk.lines[0].database)
    assert [record.error for record in own if record.state == "fail"] == ["it diverged"]


def test_what_cannot_be_begun_is_given_out_again_but_not_for_ever(
    sweep: Sweep, opened: Opened
) -> None:
    desk = opened(sweep)
    first = desk.order("0")
    for number in range(RETURNS):
        desk.returned(str(number))
        assert desk.order(str(number + 1)) is first
    desk.returned(str(RETURNS))
    again = desk.order("new")
    assert again is not None and again.record.key != (first and first.record.key)
    assert sum(standing.failed for standing in desk.standings()) == 1


def test_an_infeasible_cell_is_reported_and_the_others_run(
    content: dict[str, Any], opened: Opened
) -> None:
    desk = opened(read_sweep(content | {"budgets_ms": [0.001, 4.0]}, "sweep"))
    work(desk)
    first, second = desk.standings()
    assert (first.state, second.state) == ("infeasible", "done")
    assert "the fastest is predicted at" in first.error


def test_where_nothing_can_be_trained_the_cell_has_failed(sweep: Sweep, opened: Opened) -> None:
    desk, number = opened(sweep), 0
    while desk.order(str(number)) is not None:
        desk.ended(str(number), error="broken")
        number += 1
    assert desk.done
    assert [s.state for s in desk.standings()] == ["failed", "failed"]
    assert "none of 5 candidates could be trained" in desk.standings()[0].error


@pytest.mark.parametrize("after", [1, 6, 9])
def test_a_desk_that_was_killed_is_followed_by_one_that_goes_on(
    sweep: Sweep, opened: Opened, after: int
) -> None:
    """Nothing finished is given out again; what was at work is, with what it had told."""
    desk = opened(sweep)
    for number in range(after):
        order = desk.order(str(number))
        assert order is not None
        trained(desk, order, str(number))
    left = desk.order("left")
    assert left is not None
    desk.heard("left", 1, 12.5)
    done = {(o.store.name, o.record.key) for o in [left]}

    new = opened(sweep)
    again = new.order("again")
    assert again is not None
    assert (again.store.name, again.record.key) in done
    assert again.record.top1s == {1: 12.5}
    trained(new, again, "again")
    assert after + 1 + work(new) == 2 * (5 + 2)
    assert [s.state for s in new.standings()] == ["done", "done"]
    own, _ = studies(new.lines[0].cell, sweep, new.lines[0].database)
    assert again.record.top1s[1] == 12.5
    assert len({record.key for record in own}) == len(own) == 5


def test_cells_that_ended_are_not_searched_again(sweep: Sweep, opened: Opened) -> None:
    work(opened(sweep))
    desk = opened(sweep)
    assert desk.done
    assert desk.order("a") is None
    assert all(line._cascade is None for line in desk.lines)
