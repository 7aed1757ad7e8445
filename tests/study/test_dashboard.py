"""The Optuna dashboard reads a study, through its own web application."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest

from nas.study.database import FILE
from nas.study.halving import SuccessiveHalving, finals_name, rung_name
from nas.study.plan import Plan
from nas.study.spec import StudySpec
from nas.train.run import Task


def get(app: Any, path: str) -> Any:
    """The application's JSON answer."""
    path, _, query = path.partition("?")
    environ: dict[str, Any] = {"PATH_INFO": path, "QUERY_STRING": query, "wsgi.input": BytesIO()}
    setup_testing_defaults(environ)
    states: list[str] = []
    body = b"".join(app(environ, lambda state, headers, error=None: states.append(state)))
    assert states == ["200 OK"], body
    return json.loads(body)


@pytest.mark.needs("optuna_dashboard")
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_it_shows_every_rung_and_trials_by_row_and_column(
    task: Task, spec: StudySpec, tmp_path: Path
) -> None:
    import optuna_dashboard as dashboard

    plan = Plan(epochs=2, finalists=1, final_epochs=1, seeds=1)
    folder = tmp_path / "s"
    folder.mkdir()
    SuccessiveHalving(task, folder, plan, spec, trials=4).run()
    app = dashboard.wsgi(f"sqlite:///{folder / FILE}")
    studies = get(app, "/api/studies")["study_summaries"]
    named = {study["study_name"]: study["study_id"] for study in studies}
    assert list(named) == [rung_name(1, 2), rung_name(2, 2), finals_name(1)]
    shown = get(app, f"/api/studies/{named[rung_name(1, 2)]}?after=0")
    assert [trial["state"] for trial in shown["trials"]] == ["Complete"] * 4
    assert [trial["params"][0]["name"] for trial in shown["trials"]] == ["row 1 out"] * 4
    attrs = {attr["key"]: attr["value"] for attr in shown["trials"][0]["user_attrs"]}
    assert float(attrs["predicted_ms"]) > 0
    assert attrs["name"].strip('"').startswith("four-")
