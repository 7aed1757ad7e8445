from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from nas.errors import ResultError
from nas.files.settings import FILE, RunSettings
from nas.files.staging import ResumableDir, StagedDir
from nas.files.staging.ownership import LISTED

SETTINGS = RunSettings("train", "net", {}, {"side": 16}, {"epochs": 3})


def test_a_folder_appears_when_it_is_kept(tmp_path: Path) -> None:
    with StagedDir(tmp_path, "net") as draft:
        (draft.folder / "file").write_text("whole")
        assert not draft.path.exists()
        draft.commit()
    assert (tmp_path / "net" / "file").read_text() == "whole"
    assert [path.name for path in tmp_path.iterdir()] == ["net"]


def test_a_failure_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), StagedDir(tmp_path, "net") as draft:
        (draft.folder / "file").write_text("half")
        raise ZeroDivisionError
    assert not list(tmp_path.iterdir())


def test_a_kill_in_the_middle_keeps_the_former_result(tmp_path: Path) -> None:
    made(tmp_path, "net", "old")
    text = (
        "import sys, time; from pathlib import Path; from nas.files.staging import StagedDir\n"
        f"with StagedDir(Path({str(tmp_path)!r}), 'net', force=True) as draft:\n"
        "    (draft.folder / 'file').write_text('half')\n"
        "    print('written', flush=True); time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", text], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"written\n"
        os.kill(process.pid, signal.SIGKILL)
    assert names(tmp_path / "net") == ["old"]
    made(tmp_path, "net", "new", force=True)
    assert names(tmp_path / "net") == ["new"]


def test_a_full_disk_ends_with_one_message(tmp_path: Path) -> None:
    with pytest.raises(ResultError, match="net cannot be written: No space left"):  # noqa: SIM117
        with StagedDir(tmp_path, "net"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert not list(tmp_path.iterdir())


def made(out: Path, name: str, *files: str, force: bool = False) -> Path:
    """A result with these files."""
    with StagedDir(out, name, force=force) as draft:
        for file in files:
            (draft.folder / file).parent.mkdir(parents=True, exist_ok=True)
            (draft.folder / file).write_text(file)
        draft.commit()
    return draft.path


def names(folder: Path) -> list[str]:
    """Names in a folder, without nas's own notes."""
    return sorted(path.name for path in folder.iterdir() if path.name not in (LISTED, FILE))


def test_what_stood_there_is_kept_unless_forced(tmp_path: Path) -> None:
    made(tmp_path, "net", "old", "below/old")
    with pytest.raises(ResultError, match="exists and is kept"):
        StagedDir(tmp_path, "net")
    assert names(made(tmp_path, "net", "new", force=True)) == ["new"]
    assert names(tmp_path) == ["net"]


@pytest.mark.parametrize("foreign", ["photo.jpg", "below/photo.jpg", "album/photo.jpg", "link"])
def test_what_nas_did_not_make_is_kept_also_when_forced(tmp_path: Path, foreign: str) -> None:
    path = made(tmp_path, "net", "old", "below/old")
    (path / "album").mkdir()
    if foreign == "link":
        (path / foreign).symlink_to(tmp_path)
    else:
        (path / foreign).write_text("mine")
    with pytest.raises(ResultError, match=f"did not write {foreign} in it; move it away"):
        made(tmp_path, "net", "new", force=True)
    assert (path / "old").exists() and os.path.lexists(path / foreign)
    assert names(tmp_path) == ["net"]


def test_a_folder_that_nas_did_not_make_is_kept_also_when_forced(tmp_path: Path) -> None:
    (tmp_path / "user").mkdir()
    (tmp_path / "user" / "train.yaml").write_text("mine: true")  # no key `schema`
    with pytest.raises(ResultError, match=r"did not write train\.yaml in it"):
        StagedDir(tmp_path, "user", force=True)
    with pytest.raises(ResultError, match=r"did not write train\.yaml in it"):
        ResumableDir(tmp_path, "user", SETTINGS, force=True)
    (tmp_path / "file").touch()
    with pytest.raises(ResultError, match="nas did not write it"):
        StagedDir(tmp_path, "file", force=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "user"]


def test_an_empty_folder_is_replaced_when_forced(tmp_path: Path) -> None:
    (tmp_path / "net" / "below").mkdir(parents=True)
    assert names(made(tmp_path, "net", "new", force=True)) == ["new"]


@pytest.mark.parametrize("there", [True, False])
def test_nothing_is_written_through_a_link(tmp_path: Path, there: bool) -> None:
    if there:
        made(tmp_path, "kept", "file")
    (tmp_path / "net").symlink_to(tmp_path / "kept")
    for force in (True, False):
        with pytest.raises(ResultError, match="is a link"):
            StagedDir(tmp_path, "net", force=force)
    assert (tmp_path / "net").is_symlink() and (tmp_path / "kept").exists() == there
    (tmp_path / ".other.work").symlink_to(tmp_path)
    with pytest.raises(ResultError, match="is a link"):
        ResumableDir(tmp_path, "other", SETTINGS, force=True)


def test_what_a_kill_left_of_the_last_move_is_no_obstacle(tmp_path: Path) -> None:
    made(tmp_path, "net", "old").rename(tmp_path / ".net.old")
    made(tmp_path, "net", "older")
    work = ResumableDir(tmp_path, "net", SETTINGS, force=True)
    work.commit()
    assert [path.name for path in tmp_path.iterdir()] == ["net"]
    assert names(tmp_path / "net") == []


@pytest.mark.parametrize(
    "kind", [StagedDir, partial(ResumableDir, settings=SETTINGS)], ids=["draft", "work"]
)
def test_what_appeared_meanwhile_is_kept(
    tmp_path: Path, kind: Callable[..., StagedDir | ResumableDir]
) -> None:
    with kind(tmp_path, "net") as draft:
        (draft.folder / "mine").touch()
        (tmp_path / "net").mkdir()
        (tmp_path / "net" / "photo.jpg").touch()
        with pytest.raises(ResultError, match="appeared meanwhile: the result is .*net-2"):
            draft.commit()
    assert names(tmp_path / "net") == ["photo.jpg"]
    assert "mine" in names(tmp_path / "net-2")


def test_a_result_has_one_owner(tmp_path: Path) -> None:
    said = rf"net is being written by process {os.getpid()} \(since \d\d:\d\d\)"
    with StagedDir(tmp_path, "net"):
        for kind in (StagedDir, partial(ResumableDir, settings=SETTINGS, force=True)):
            with pytest.raises(ResultError, match=said):
                kind(tmp_path, "net")
    with ResumableDir(tmp_path, "net", SETTINGS):
        with pytest.raises(ResultError, match=said):
            ResumableDir(tmp_path, "net", SETTINGS, resume=True)
        with pytest.raises(ResultError, match=said):
            StagedDir(tmp_path, "net")
    ResumableDir(tmp_path, "net", SETTINGS, resume=True).commit()


def test_hidden_work_that_is_not_ours_is_kept(tmp_path: Path) -> None:
    (tmp_path / ".net.work").mkdir()
    (tmp_path / ".net.work" / "photo.jpg").touch()
    for force in (False, True):
        with pytest.raises(ResultError, match=r"holds no settings\.json, so nas did not make it"):
            ResumableDir(tmp_path, "net", SETTINGS, force=force)
    assert (tmp_path / ".net.work" / "photo.jpg").exists()


@pytest.mark.parametrize("name", ["a/b", "..", ".", "", "/a", "~", "~/a", ".a", "a/", "a\nb"])
def test_a_name_is_no_path(tmp_path: Path, name: str) -> None:
    with pytest.raises(ResultError, match="expected a plain name"):
        StagedDir(tmp_path, name)
