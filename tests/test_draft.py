from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from nas.draft import Draft, Work
from nas.errors import ResultError


def test_a_folder_appears_when_it_is_kept(tmp_path: Path) -> None:
    with Draft(tmp_path, "net") as draft:
        (draft.folder / "file").write_text("whole")
        assert not draft.path.exists()
        draft.keep()
    assert (tmp_path / "net" / "file").read_text() == "whole"
    assert [path.name for path in tmp_path.iterdir()] == ["net"]


def test_a_failure_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), Draft(tmp_path, "net") as draft:
        (draft.folder / "file").write_text("half")
        raise ZeroDivisionError
    assert not list(tmp_path.iterdir())


def test_a_kill_in_the_middle_leaves_nothing_under_the_final_name(tmp_path: Path) -> None:
    text = (
        "import sys, time; from pathlib import Path; from nas.draft import Draft\n"
        f"with Draft(Path({str(tmp_path)!r}), 'net') as draft:\n"
        "    (draft.folder / 'file').write_text('half')\n"
        "    print('written', flush=True); time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", text], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"written\n"
        os.kill(process.pid, signal.SIGKILL)
    assert not (tmp_path / "net").exists()


def test_a_full_disk_ends_with_one_message(tmp_path: Path) -> None:
    with pytest.raises(ResultError, match="net cannot be written: No space left"):  # noqa: SIM117
        with Draft(tmp_path, "net"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert not list(tmp_path.iterdir())


def test_what_stood_there_is_kept_unless_forced(tmp_path: Path) -> None:
    (tmp_path / "net").mkdir()
    with pytest.raises(ResultError, match="exists and is kept"):
        Draft(tmp_path, "net")
    with Draft(tmp_path, "net", force=True) as draft:
        (draft.folder / "new").touch()
        draft.keep()
    assert [path.name for path in (tmp_path / "net").iterdir()] == ["new"]
    assert [path.name for path in tmp_path.iterdir()] == ["net"]


def test_a_file_in_the_place_leaves_nothing_beside_the_folder(tmp_path: Path) -> None:
    (tmp_path / "net").touch()
    with Draft(tmp_path, "net", force=True) as draft:
        draft.keep()
    assert [path.name for path in tmp_path.iterdir()] == ["net"]
    assert (tmp_path / "net").is_dir()


def test_of_a_link_to_a_folder_only_the_link_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "net").symlink_to(tmp_path / "kept")
    with Draft(tmp_path, "net", force=True) as draft:
        draft.keep()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kept", "net"]
    assert not (tmp_path / "net").is_symlink()


def test_what_a_kill_left_of_the_last_move_is_no_obstacle(tmp_path: Path) -> None:
    for left in ("net", ".net.work.old"):
        (tmp_path / left).mkdir()
        (tmp_path / left / "file").touch()
    Work(tmp_path, "net", SETTINGS, force=True).keep()
    assert [path.name for path in tmp_path.iterdir()] == ["net"]
    assert not list((tmp_path / "net").iterdir())


@pytest.mark.parametrize("name", ["a/b", "..", "."])
def test_a_name_is_no_path(tmp_path: Path, name: str) -> None:
    with pytest.raises(ResultError, match="expected a plain name"):
        Draft(tmp_path, name)


SETTINGS = {"epochs": 3, "sides": [16, 32]}


def test_work_goes_on_only_when_asked_and_with_the_same_settings(tmp_path: Path) -> None:
    work = Work(tmp_path, "net", SETTINGS)
    (work.folder / "half").touch()
    with pytest.raises(ResultError, match="--resume goes on with it, --force starts anew"):
        Work(tmp_path, "net", SETTINGS)
    with pytest.raises(ResultError, match="was started with epochs 3, found 4"):
        Work(tmp_path, "net", SETTINGS | {"epochs": 4}, resume=True)
    again = Work(tmp_path, "net", SETTINGS, resume=True)
    assert (again.folder / "half").exists()
    assert Work.joined(tmp_path, "net").folder == again.folder
    fresh = Work(tmp_path, "net", SETTINGS | {"epochs": 4}, force=True)
    assert not (fresh.folder / "half").exists()


def test_work_appears_when_it_is_kept(tmp_path: Path) -> None:
    work = Work(tmp_path / "out", "net", SETTINGS, resume=True)
    (work.folder / "file").write_text("whole")
    work.keep()
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["net"]
    assert [path.name for path in work.path.iterdir()] == ["file"]
    with pytest.raises(ResultError, match="exists and is kept"):
        Work(tmp_path / "out", "net", SETTINGS)


def test_work_that_cannot_be_moved_is_not_lost(tmp_path: Path) -> None:
    work = Work(tmp_path, "net", SETTINGS)
    (work.folder / "file").touch()
    work.path = tmp_path / "gone" / "net"
    with pytest.raises(FileNotFoundError):
        work.keep()
    assert (Work(tmp_path, "net", SETTINGS, resume=True).folder / "file").exists()


def test_work_in_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ResultError, match="cannot be written: Not a directory"):
        Work(tmp_path / "file", "net", SETTINGS)
    with pytest.raises(ResultError, match="expected a plain name"):
        Work(tmp_path, "../net", SETTINGS)
    work = Work(tmp_path, "net", SETTINGS)
    (work.folder / "settings.json").write_text("{")
    with pytest.raises(ResultError, match="cannot be written"):
        Work(tmp_path, "net", SETTINGS, resume=True)
