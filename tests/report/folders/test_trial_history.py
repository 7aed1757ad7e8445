"""The store of a search is read whole, whoever else has it open, and is left alone."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from nas.report.folders.trial_history import read_history
from nas.study.database import FILE, Database
from nas.study.halving import rung_name
from nas.study.store import Store

READ = """
import sys
from pathlib import Path

from nas.report.folders.trial_history import read_history

try:
    (Path(sys.argv[1]) / "new").touch()
except PermissionError:
    print(len(read_history(Path(sys.argv[1]), 1, 1).trials))
"""


@pytest.fixture
def searched() -> Iterator[Path]:
    """A search that has ended while another program had its store open; anybody may look in."""
    place = Path(tempfile.mkdtemp())
    place.chmod(0o755)
    folder = place / "a search"
    folder.mkdir(mode=0o755)
    reader = None
    for number in range(3):
        database = Database(folder)
        store = Store(database, rung_name(1, 1))
        record = store.claim((f"net{number}", 0), name="net", predicted_ms=1.0)
        assert record is not None
        store.complete(record, (50.0 + number,))
        reader = reader or sqlite3.connect(folder / FILE)
        assert reader.execute("SELECT count(*) FROM trials").fetchone() == (number + 1,)
        database.close()
    shutil.rmtree(folder / "workers")
    assert reader is not None
    assert (folder / f"{FILE}-wal").stat().st_size > 0
    yield folder
    reader.close()
    shutil.rmtree(place)


def still_open(folder: Path) -> Path:
    """As the reader holds it."""
    return folder


def copied(folder: Path) -> Path:
    """What someone copied while it was open: the log is not merged, and nobody has it open."""
    return Path(shutil.copytree(folder, folder / "copy", ignore=shutil.ignore_patterns("*-shm")))


def left_by_a_crash(folder: Path) -> Path:
    """Every file of SQLite's, and nobody has them open."""
    return Path(shutil.copytree(folder, folder / "copy"))


@pytest.mark.parametrize("state", [still_open, copied, left_by_a_crash])
def test_every_trial_is_read_and_no_file_is_left(
    searched: Path, state: Callable[[Path], Path]
) -> None:
    folder = state(searched)
    before = {path.name for path in folder.iterdir()}
    content = (folder / FILE).read_bytes()
    history = read_history(folder, 1, 1)
    assert history is not None
    assert [trial.top1 for trial in history.trials] == [50.0, 51.0, 52.0]
    assert {path.name for path in folder.iterdir()} == before
    assert (folder / FILE).read_bytes() == content


@pytest.mark.slow
@pytest.mark.skipif(os.getuid() != 0, reason="only root can read as somebody else")
@pytest.mark.parametrize("state", [still_open, copied, left_by_a_crash])
def test_a_folder_that_may_not_be_written_is_read(
    searched: Path, state: Callable[[Path], Path]
) -> None:
    folder = state(searched)
    for path in (folder, *folder.iterdir()):
        os.chown(path, 65534, 65534)
    # root without the right to write the files of others; it still reads a closed checkout
    bound = ("setpriv", "--bounding-set=-dac_override", "--inh-caps=-dac_override")
    command = (*bound, sys.executable, "-c", READ, str(folder))
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.stdout == "3\n", done.stderr
