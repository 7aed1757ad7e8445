"""CPU quotas of cgroups, from sample files and from this machine."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from nas.system.cgroups import cpu_quota
from nas.system.processes import cores

V1 = Path("/sys/fs/cgroup/cpu")
MOUNT_2 = "31 23 0:28 {top} /sys/fs/cgroup rw,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate\n"
MOUNT_1 = "32 31 0:29 {top} /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
OTHERS = "22 27 0:21 / /proc rw - proc proc rw\n35 31 0:32 / /cg/mem rw - cgroup cgroup rw,memory\n"


def tree(root: Path, groups: str, mounts: str, files: dict[str, str]) -> Path:
    """A root folder with files of /proc and of cgroups."""
    files = {"proc/self/cgroup": groups, "proc/self/mountinfo": OTHERS + mounts} | files
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_version_2_the_tightest_of_nested_groups_counts(tmp_path: Path) -> None:
    base = "sys/fs/cgroup"
    limits = {"": "max 100000\n", "/pod": "150000 100000\n", "/pod/box": "400000 100000\n"}
    files = {f"{base}{group}/cpu.max": text for group, text in limits.items()}
    root = tree(tmp_path, "0::/pod/box\n", MOUNT_2.format(top="/"), files)
    assert cpu_quota(root) == 1.5


def test_version_1_the_controller_of_cpus_counts(tmp_path: Path) -> None:
    base = "sys/fs/cgroup/cpu,cpuacct"
    files = {
        f"{base}/cpu.cfs_quota_us": "-1\n",
        f"{base}/cpu.cfs_period_us": "100000\n",
        f"{base}/box/cpu.cfs_quota_us": "50000\n",
        f"{base}/box/cpu.cfs_period_us": "100000\n",
    }
    groups = "4:memory:/elsewhere\n3:cpu,cpuacct:/box\n0::/\n"
    root = tree(tmp_path, groups, MOUNT_1.format(top="/"), files)
    assert cpu_quota(root) == 0.5
    assert cores(root) == 1


@pytest.mark.parametrize("path", ["/docker/abc", "/", "/../.."])
def test_a_container_that_sees_only_its_own_group_finds_its_quota(
    tmp_path: Path, path: str
) -> None:
    mount = MOUNT_2.format(top="/docker/abc" if path.startswith("/docker") else "/")
    root = tree(tmp_path, f"0::{path}\n", mount, {"sys/fs/cgroup/cpu.max": "100000 100000\n"})
    assert cpu_quota(root) == 1


@pytest.mark.parametrize("limit", ["max 100000\n", "99900000 100000\n"])
def test_without_a_quota_the_cores_that_a_process_may_run_on_count(
    tmp_path: Path, limit: str
) -> None:
    root = tree(tmp_path, "0::/\n", MOUNT_2.format(top="/"), {"sys/fs/cgroup/cpu.max": limit})
    assert cores(root) == cores(tmp_path / "no Linux")


def test_where_nothing_tells_there_is_no_quota(tmp_path: Path) -> None:
    assert cpu_quota(tmp_path) == math.inf


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity of processes")
def test_cores_are_those_that_the_process_may_run_on() -> None:
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(before)})
        assert cores() == 1
    finally:
        os.sched_setaffinity(0, before)


@pytest.fixture
def limited() -> Iterator[Path]:
    """A cgroup on this machine with a quota of half a core."""
    folder = V1 / f"test-{os.getpid()}"
    try:
        folder.mkdir()
        (folder / "cpu.cfs_quota_us").write_text("50000")
    except OSError as error:
        pytest.skip(f"no cgroup of version 1 can be made here: {error.strerror}")
    yield folder
    folder.rmdir()


def test_a_quota_of_this_machine_counts(limited: Path) -> None:
    code = (
        "import os, sys\n"
        "open(sys.argv[1] + '/cgroup.procs', 'w').write(str(os.getpid()))\n"
        "from nas.system.cgroups import cpu_quota\n"
        "from nas.system.processes import cores\n"
        "print(cpu_quota(), cores())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(limited)], capture_output=True, text=True, check=True
    )
    assert done.stdout == "0.5 1\n"
