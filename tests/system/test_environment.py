from __future__ import annotations

from pathlib import Path

import pytest

from nas.system.environment import environment, vector_bits

CPUINFO = """processor\t: 0
model name\t: A Core @ 2 GHz
flags\t\t: fpu sse hypervisor
processor\t: 1
model name\t: A Core @ 2 GHz
"""


def test_the_machine_is_described(tmp_path: Path) -> None:
    (tmp_path / "cpuinfo").write_text(CPUINFO)
    for core in range(2):
        folder = tmp_path / f"devices/system/cpu/cpu{core}/cpufreq"
        folder.mkdir(parents=True)
        (folder / "scaling_governor").write_text("powersave\n")
    found = environment(proc=tmp_path, sys=tmp_path)
    assert (found.cpu, found.virtual, found.governor) == ("A Core @ 2 GHz", True, "powersave")
    assert found.cores
    assert "cpu: A Core @ 2 GHz" in found.comments()


def test_what_the_machine_does_not_tell_is_not_known(tmp_path: Path) -> None:
    found = environment(proc=tmp_path, sys=tmp_path).as_json()
    assert found["governor"] is found["virtual"] is None


@pytest.mark.parametrize(
    ("line", "bits"),
    [
        ("flags\t\t: sse2 avx avx2 avx512f", 512),
        ("flags\t\t: sse2 avx avx2", 256),
        ("Features\t: fp asimd", 128),
        ("flags\t\t: fpu", None),
    ],
)
def test_vectors_are_as_wide_as_the_flags_say(tmp_path: Path, line: str, bits: int | None) -> None:
    (tmp_path / "cpuinfo").write_text(f"processor\t: 0\n{line}\n")
    assert vector_bits(tmp_path) == bits
