"""Virtual workers with a real dispatcher: their figures add up."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from nas.optimize import EvolutionSettings

from .conftest import trials

if TYPE_CHECKING:
    from nas.study.ray.simulate import Usage

pytestmark = [pytest.mark.slow, pytest.mark.needs("ray")]

Run = Callable[..., "Usage"]


@pytest.fixture(scope="module")
def simulated() -> Iterator[Run]:
    """Runs simulations of two cells whose searches are done once."""
    from nas.study.ray import simulate

    search = simulate._found

    @cache
    def found(name: str) -> Any:
        return search(*asked[name])

    asked: dict[str, Any] = {}

    def once(sweep: Any, cell: Any) -> Any:
        asked[repr(cell)] = sweep, cell
        return found(repr(cell))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(simulate, "BUDGETS_MS", (95.0,))
        few = partial(EvolutionSettings, generations=5, children=300)
        patch.setattr("nas.optimize.run.EvolutionSettings", few)
        patch.setattr(simulate, "_found", once)
        yield lambda *settings: simulate.Simulation(*settings).run()


@pytest.mark.parametrize("scheduler", ["asha", "none"])
def test_every_trial_is_stored_and_time_adds_up(
    tmp_path: Path, scheduler: str, simulated: Run
) -> None:
    from nas.study.ray.simulate import EPOCHS

    usage = simulated(tmp_path, 4, 18, 60.0, "random", scheduler)
    found = [own for name, own in trials(tmp_path / "study.db").items()]
    assert usage.trials == sum(map(len, found)) == 2 * (18 + 1)
    states = [trial.state.name for own in found for trial in own]
    assert states.count("PRUNED") == usage.stopped
    assert (usage.stopped > 0) == (scheduler == "asha")
    assert usage.epochs == sum(len(t.intermediate_values) for own in found for t in own)
    # four workers whose trainings last a minute, and who wait for a few milliseconds only
    longest = usage.epochs * 60 / EPOCHS / 4
    assert 0.8 < usage.virtual_s / longest < 1.8
    assert 0.5 < usage.busy <= 1
    assert usage.busy_while_full >= 0.9


def test_a_slow_dispatcher_shows(tmp_path: Path, simulated: Run) -> None:
    """Workers idle if trainings are as short as the dispatcher's work."""
    usage = simulated(tmp_path, 20, 18, 0.01, "random", "none")
    assert usage.busy < 0.2
