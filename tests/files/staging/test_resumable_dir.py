"""Resumable folders: locked, resumed, and extended when finished."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from nas.errors import ResultError, WriteError
from nas.files.settings import FILE, RunSettings
from nas.files.staging import ResumableDir, is_interrupted
from nas.files.staging.ownership import LISTED


def asked(**values: object) -> RunSettings:
    return RunSettings("train", "net", {}, {"side": 16, **values}, {"epochs": 3})


SETTINGS = asked()
LONGER = replace(SETTINGS, sizes={"epochs": 4})


def names(folder: Path) -> list[str]:
    """Names in a folder, without nas's own notes."""
    return sorted(path.name for path in folder.iterdir() if path.name not in (LISTED, FILE))


def test_work_goes_on_only_when_asked_and_with_the_same_settings(tmp_path: Path) -> None:
    with ResumableDir(tmp_path, "net", SETTINGS) as work:
        (work.folder / "half").touch()
    assert is_interrupted(work.folder)
    assert not is_interrupted(work.path)
    with pytest.raises(ResultError, match="use --resume to continue it, or --force to start over"):
        ResumableDir(tmp_path, "net", SETTINGS)
    with pytest.raises(ResultError, match="was started with side 16, found 32"):
        ResumableDir(tmp_path, "net", asked(side=32), resume=True)
    with ResumableDir(tmp_path, "net", SETTINGS, resume=True) as again:
        assert (again.folder / "half").exists()
        assert not is_interrupted(again.folder)
        joined = ResumableDir.attach(tmp_path, "net")
        assert (joined.folder, joined.complete) == (again.folder, False)
        assert joined.settings.sizes == {"epochs": 3}
    fresh = ResumableDir(tmp_path, "net", asked(side=32), force=True)
    assert not (fresh.folder / "half").exists()


def test_what_cannot_start_is_known_before_the_settings_are(tmp_path: Path) -> None:
    ResumableDir.check(tmp_path / "no folder", "net")
    assert not [*tmp_path.iterdir()]
    with ResumableDir(tmp_path, "net", SETTINGS) as work:
        with pytest.raises(ResultError, match="net is being written by process"):
            ResumableDir.check(tmp_path, "net", force=True)
        (work.folder / "half").touch()
    with pytest.raises(ResultError, match="use --resume to continue it, or --force to start over"):
        ResumableDir.check(tmp_path, "net")
    ResumableDir.check(tmp_path, "net", resume=True)
    ResumableDir.check(tmp_path, "net", force=True)
    with ResumableDir(tmp_path, "net", SETTINGS, resume=True) as work:
        work.commit()
    with pytest.raises(ResultError, match="net exists and is kept"):
        ResumableDir.check(tmp_path, "net")
    ResumableDir.check(tmp_path, "net", resume=True)
    assert [path.name for path in tmp_path.iterdir()] == ["net"]  # no lock is left


def test_work_that_was_stopped_grows_and_never_shrinks(tmp_path: Path) -> None:
    with ResumableDir(tmp_path, "net", SETTINGS) as work:
        for name in ("half", "cells.csv"):
            (work.folder / name).touch()
    outdated = replace(LONGER, outdated=("cells.csv",))
    with ResumableDir(tmp_path, "net", outdated, resume=True) as grown:
        assert grown.settings.sizes == {"epochs": 4}
        assert names(work.folder) == ["half"]
    with pytest.raises(ResultError, match="has epochs 4, found 3: a run only grows; give at least"):
        ResumableDir(tmp_path, "net", SETTINGS, resume=True)


def finished_work(tmp_path: Path, settings: RunSettings = SETTINGS) -> None:
    with ResumableDir(tmp_path, "net", settings) as work:
        (work.folder / "file").write_text("old")
        work.commit()


def test_a_finished_result_is_complete_for_what_it_holds(tmp_path: Path) -> None:
    finished_work(tmp_path)
    (tmp_path / "net" / "mine.txt").touch()  # nothing is written, so it may be there
    fewer = replace(SETTINGS, sizes={"epochs": 2})
    for settings in (SETTINGS, fewer):
        with ResumableDir(tmp_path, "net", settings, resume=True) as again:
            assert (again.complete, again.settings.sizes) == (True, {"epochs": 3})
            assert ResumableDir.attach(tmp_path, "net").complete
            with again.open_folder() as copy:
                (copy / "file").write_text("scratch")
            again.discard()
    assert names(tmp_path) == ["net"]
    assert (tmp_path / "net" / "file").read_text() == "old"
    with pytest.raises(ResultError, match="was started with side 16, found 32"):
        ResumableDir(tmp_path, "net", asked(side=32), resume=True)
    with pytest.raises(ResultError, match=r"nas did not write mine\.txt in it"):
        ResumableDir(tmp_path, "net", LONGER, resume=True)


def test_a_finished_result_grows_in_a_copy_that_replaces_it_at_the_end(tmp_path: Path) -> None:
    finished_work(tmp_path)
    for _ in range(2):  # stopped once
        with ResumableDir(tmp_path, "net", LONGER, resume=True) as work:
            assert (work.path / "file").read_text() == "old"
    with ResumableDir(tmp_path, "net", SETTINGS, resume=True) as old:
        assert old.complete  # it is there still, and what is begun stays
    with ResumableDir(tmp_path, "net", LONGER, resume=True) as work:
        (work.folder / "file").write_text("new")
        work.commit()
    assert (work.path / "file").read_text() == "new"
    assert names(tmp_path) == ["net"]


def test_what_is_larger_in_one_size_and_smaller_in_another_is_refused(tmp_path: Path) -> None:
    finished_work(tmp_path, replace(SETTINGS, sizes={"epochs": 3, "seeds": 1}))
    odd = replace(SETTINGS, sizes={"epochs": 2, "seeds": 5})
    with pytest.raises(ResultError, match="net has epochs 3, found 2: a run only grows"):
        ResumableDir(tmp_path, "net", odd, resume=True)


def test_work_started_anew_has_studies_of_its_own(tmp_path: Path) -> None:
    studies = set()
    for _ in range(2):
        with ResumableDir(tmp_path, "net", SETTINGS, force=True) as work:
            studies.add(work.settings.study)
    assert len(studies) == 2


def test_work_appears_when_it_is_kept(tmp_path: Path) -> None:
    work = ResumableDir(tmp_path / "out", "net", SETTINGS, resume=True)
    (work.folder / "file").write_text("whole")
    work.commit()
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["net"]
    assert names(work.path) == ["file"]
    with pytest.raises(ResultError, match="exists and is kept"):
        ResumableDir(tmp_path / "out", "net", SETTINGS)


def test_work_that_cannot_be_moved_is_not_lost(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with (
        pytest.raises(WriteError, match="add --resume to the same command"),
        ResumableDir(tmp_path, "net", SETTINGS) as work,
    ):
        (work.folder / "file").touch()
        work.path = tmp_path / "gone" / "net"
        work.commit()
    assert (ResumableDir(tmp_path, "net", SETTINGS, resume=True).folder / "file").exists()


def test_work_in_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ResultError, match="file is not a folder"):
        ResumableDir(tmp_path / "file", "net", SETTINGS)
    with pytest.raises(ResultError, match="expected a plain name"):
        ResumableDir(tmp_path, "../net", SETTINGS)
    with ResumableDir(tmp_path, "net", SETTINGS) as work:
        (work.folder / "settings.json").write_text("{")
    with pytest.raises(ResultError, match=r"settings\.json is damaged"):
        ResumableDir(tmp_path, "net", SETTINGS, resume=True)
