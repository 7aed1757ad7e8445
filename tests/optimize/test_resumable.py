"""A search from Python leaves the folder that `nas search` leaves, and finds it again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

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
        search_into(
            replace(output, name=path.name),
            write=write_result,
            space="repvit",
            budget_ms=1.0,
            seed=1,
        )


def test_names_and_loaded_files_are_the_same_inputs() -> None:
    named = {"space": "repvit", "device": ["iphone12-lut"], "budget_ms": [1.0], "seed": 0}
    loaded = {"space": load_space("repvit"), "device": load_device("iphone12-lut"), "budget_ms": 1}
    assert inputs(named) == inputs(loaded)
    assert result_name(named, "digits") == result_name(loaded, "digits")


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ({}, "mobile-iphone12-lut-1ms"),
        ({"seed": 0, "caution": 1.0, "max_params": float("inf")}, "mobile-iphone12-lut-1ms"),
        ({"confidence": 0.9, "seed": 2}, "mobile-iphone12-lut-1ms-p0.9-seed2"),
        ({"max_params": 5e6, "max_peak": 1.5e6}, "mobile-iphone12-lut-1ms-5Mparams-1.5Mpeak"),
        ({"caution": 0.0, "space": Path("my/own.yaml")}, "own-iphone12-lut-1ms-caution0"),
        ({"device": ["iphone13", "my/phone"]}, "mobile-iphone13-phone-1ms"),
        ({"surrogate": "my/estimates"}, "mobile-iphone12-lut-1ms-estimates"),
    ],
)
def test_a_name_holds_every_setting_that_is_not_the_default(
    asked: dict[str, Any], name: str
) -> None:
    assert result_name({"budget_ms": 1.0} | asked) == name
    assert result_name({"budget_ms": 1.0} | asked, "digits") == f"{name}-digits"
