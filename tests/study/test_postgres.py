"""Several machines with one PostgreSQL server, which is real; machines are folders."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from nas.study.database import Database
from nas.study.store import ATTEMPTS, Store

LOOP_PROCESS = Path(__file__).with_name("loop_process.py")
PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
pytestmark = [
    pytest.mark.slow,
    pytest.mark.needs("postgres"),
    pytest.mark.skipif(
        not (PROGRAMS or shutil.which("pg_ctl")), reason="PostgreSQL is not installed"
    ),
]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """URL of an empty database on a server that ends with the tests."""
    programs = PROGRAMS[-1] if PROGRAMS else Path(str(shutil.which("pg_ctl"))).parent
    # the server refuses to run as root, and its socket's path must be short
    user = "postgres" if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name
    place = Path(subprocess.check_output(["mktemp", "-d", "/tmp/nas-pg-XXXXXX"], text=True).strip())
    shutil.chown(place, user)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    def run(*command: str) -> None:
        done = subprocess.run(
            command,
            user=user if os.getuid() == 0 else None,
            cwd=place,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr

    data = str(place / "data")
    run(str(programs / "initdb"), "-D", data, "-A", "trust", "-U", "nas", "--no-sync")
    options = f"-p {port} -k {place} -c listen_addresses=127.0.0.1"
    start = (str(programs / "pg_ctl"), "-D", data, "-o", options, "-l", str(place / "log"))
    run(*start, "-w", "start")
    try:
        run(str(programs / "createdb"), "-h", "127.0.0.1", "-p", str(port), "-U", "nas", "studies")
        yield f"postgresql+psycopg://nas@127.0.0.1:{port}/studies"
    finally:
        run(str(programs / "pg_ctl"), "-D", data, "-m", "immediate", "stop")
        shutil.rmtree(place)


KILLER = """
import os, sys
from pathlib import Path

from nas.study import database, store

database.BEAT_S, database.SILENT_S = 1, 2
own = store.Store(database.Database(Path(sys.argv[1]), sys.argv[2]), "killer")
own.fail_stale()
found = own.claim(("a", 0))
if found is not None and found.attrs["attempts"] == 1:
    os._exit(9)  # before its first heartbeat
if found is not None:
    own.work(found, lambda: os._exit(9))
sys.exit(3 if any(r.state == "running" for r in own.records()) else 0)
"""
"""A process that dies with the trial that it has claimed."""


def start_loop(
    folder: Path, url: str, study: str, trials: int, seconds: float
) -> subprocess.Popen[str]:
    """Start a trial loop as on another machine: with a folder of its own."""
    folder.mkdir()
    command = [
        sys.executable,
        str(LOOP_PROCESS),
        str(folder),
        str(trials),
        "evolution",
        str(seconds),
    ]
    return subprocess.Popen([*command, url, study], text=True)


def test_four_machines_run_each_trial_once(url: str, tmp_path: Path) -> None:
    machines = [start_loop(tmp_path / str(n), url, "many", 60, 0.05) for n in range(4)]
    assert [machine.wait() for machine in machines] == [0] * 4
    lines = [
        line.split()[1:]
        for path in tmp_path.glob("*/evaluated.txt")
        for line in path.read_text().splitlines()
    ]
    database = Database(tmp_path, url)
    records = Store(database, "many").records()
    database.close()
    done = [r for r in records if r.state == "complete"]
    assert len(lines) == len(done) == len({r.arch_id for r in done}) >= 60
    assert {int(number) for number, _ in lines} == {record.number for record in done}


def test_the_trial_of_a_dead_machine_is_begun_again_elsewhere(url: str, tmp_path: Path) -> None:
    """Finished trials stay; the running one is retried after its process has been silent."""
    dead = start_loop(tmp_path / "dead", url, "dies", 30, 0.3)
    database = Database(tmp_path, url)
    store = Store(database, "dies")
    states: list[str] = []
    while states.count("complete") < 3 or "running" not in states:  # not between two trials
        assert dead.poll() is None
        time.sleep(0.05)
        states = [record.state for record in store.records()]
    dead.kill()
    dead.wait()
    before = {r.arch_id: r.values for r in store.records() if r.state == "complete"}
    running = {r.arch_id for r in store.records() if r.state == "running"}
    assert len(running) == 1
    assert start_loop(tmp_path / "alive", url, "dies", 30, 0.0).wait() == 0
    after = {r.arch_id: r.values for r in store.records() if r.state == "complete"}
    assert len(after) == 30
    assert after.items() >= before.items()
    assert running <= set(after)
    database.close()


def test_a_trial_that_kills_every_machine_is_given_up_after_three(url: str, tmp_path: Path) -> None:
    ends: list[int] = []
    while not ends or ends[-1]:
        place = tmp_path / str(len(ends))
        place.mkdir()
        ends.append(subprocess.run([sys.executable, "-c", KILLER, str(place), url]).returncode)
        assert ends[-1] in (9, 3, 0)  # 3: it waited for one that might have lived
    assert ends.count(9) == ATTEMPTS
    database = Database(tmp_path, url)
    (record,) = Store(database, "killer").records()
    database.close()
    assert (record.state, record.error) == ("fail", f"its process died {ATTEMPTS} times")
