"""CPU quotas of this process's cgroups (versions 1 and 2), as containers set them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

ROOT = Path("/")


def cpu_quota(root: Path = ROOT) -> float:
    """CPU seconds per second that the tightest quota allows; infinity without a quota.

    The quotas of all cgroups above count too.
    """
    try:
        groups = (root / "proc/self/cgroup").read_text(encoding="utf-8")
        mounts = (root / "proc/self/mountinfo").read_text(encoding="utf-8")
    except OSError:  # not Linux
        return math.inf
    folders = _folders(_paths(groups), mounts)
    return min((_quota(root / folder) for folder in folders), default=math.inf)


def _paths(groups: str) -> dict[str, str]:
    """Controller -> path of this process's cgroup; the controller of version 2 is empty."""
    paths: dict[str, str] = {}
    for line in groups.splitlines():
        _, controllers, path = line.split(":", 2)
        paths |= dict.fromkeys(controllers.split(","), path)
    return paths


def _folders(paths: dict[str, str], mounts: str) -> Iterator[str]:
    """Folders of this process's cgroups and of all above them, relative to the root folder."""
    for line in mounts.splitlines():
        place, _, kind = line.partition(" - ")
        top, mount = place.split()[3:5]
        name, _, options = kind.split(maxsplit=2)
        if name == "cgroup2":
            path = paths.get("")
        elif name == "cgroup" and "cpu" in options.split(","):
            path = paths.get("cpu")
        else:
            continue
        if path is not None:
            own = PurePosixPath(path)
            # a container may see the path on its host, but only its own cgroup is mounted
            inside = own.relative_to(top) if own.is_relative_to(top) else PurePosixPath()
            for folder in (inside, *inside.parents):
                yield f"{mount.lstrip('/')}/{folder}"


def _quota(folder: Path) -> float:
    for names in (("cpu.max",), ("cpu.cfs_quota_us", "cpu.cfs_period_us")):
        try:
            limit, period = " ".join((folder / name).read_text() for name in names).split()
        except OSError:
            continue
        if limit not in ("max", "-1"):
            return int(limit) / int(period)
    return math.inf
