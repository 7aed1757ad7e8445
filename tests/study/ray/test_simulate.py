"""Virtual workers at a real desk: what is said of them adds up."""

from __future__ import annotations

from pathlib import Path

import pytest

from nas.study.ray.simulate import EPOCHS, Simulation

from .conftest import trials

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("scheduler", ["asha", "none"])
def test_every_trial_is_stored_and_time_adds_up(tmp_path: Path, scheduler: str) -> None:
    simulation = Simulation(tmp_path, 8, 12, 60.0, "random", scheduler)
    usage = simulation.run()
    found = [own for name, own in trials(tmp_path / "study.db").items()]
    assert usage.trials == sum(map(len, found)) == 6 * (12 + 1)
    states = [trial.state.name for own in found for trial in own]
    assert states.count("PRUNED") == usage.stopped
    assert (usage.stopped > 0) == (scheduler == "asha")
    assert usage.epochs == sum(len(t.intermediate_values) for own in found for t in own)
    # eight workers whose trainings last a minute, and who wait for a few milliseconds only
    longest = usage.epochs * 60 / EPOCHS / 8
    assert 0.8 < usage.virtual_s / longest < 1.8
    assert 0.5 < usage.busy <= 1
    assert usage.busy_while_full >= 0.9


def test_a_slow_desk_shows(tmp_path: Path) -> None:
    """Trainings as short as a question leave nobody busy."""
    usage = Simulation(tmp_path, 50, 12, 0.01, "random", "none").run()
    assert usage.busy < 0.2
