"""A search from Python leaves the folder that `nas search` leaves, and finds it again."""

from __future__ import annotations

from pathlib import Path

import pytest

from nas.errors import ResultError
from nas.files.output import Output
from nas.library import load_arch, load_device, load_space
from nas.optimize.resumable import search_into
from nas.optimize.settings import inputs, result_name
from nas.report.folders.write_search import write_result


def test_a_finished_search_is_found_again_and_others_are_refused(tmp_path: Path) -> None:
    output, said = Output(tmp_path, resume=True, command=("script.py",)), list[str]()
    for _ in range(2):
        result, path = search_into(
            output,
            write=write_result,
            on_message=said.append,
            space=load_space("repvit"),
            budget_ms=1.0,
        )
        assert path == tmp_path / "repvit-iphone12-lut-1ms"
        assert load_arch(path).arch_id == result.best.arch.arch_id
    assert said == [f"{path} is complete already"]
    assert "command: script.py" in (path / "study.yaml").read_text(encoding="utf-8")
    with pytest.raises(ResultError, match="was started with seed 0, found 1"):
        search_into(output, write=write_result, space="repvit", budget_ms=1.0, seed=1)


def test_names_and_loaded_files_are_the_same_inputs() -> None:
    named = {"space": "repvit", "device": ["iphone12-lut"], "budget_ms": [1.0], "seed": 0}
    loaded = {"space": load_space("repvit"), "device": load_device("iphone12-lut"), "budget_ms": 1}
    assert inputs(named) == inputs(loaded)
    assert result_name(named, "digits") == result_name(loaded, "digits")
