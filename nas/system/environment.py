"""The machine that a measurement runs on: CPU, governors, load, operating system."""

from __future__ import annotations

import os
import platform
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from nas.system.processes import cores

GOVERNORS = "devices/system/cpu/cpu*/cpufreq/scaling_governor"
VECTOR_BITS = {"avx512f": 512, "avx2": 256, "avx": 256, "sse2": 128, "asimd": 128, "neon": 128}
"""Flag of a CPU -> bits of its vector registers, widest first."""


@dataclass(frozen=True, slots=True)
class Environment:
    """A description of this machine; unknown values are empty or None."""

    cpu: str
    cores: int
    """Cores that this process may run on."""
    governor: str | None
    """Frequency governors of the cores, with commas between different ones."""
    load: float | None
    """Load average of the last minute: processes that ran or waited."""
    virtual: bool | None
    """Whether this is a virtual machine."""
    system: str
    python: str

    def comments(self) -> list[str]:
        """The known values, one line each."""
        return [f"{key}: {value}" for key, value in self.as_json().items() if value is not None]

    def as_json(self) -> dict[str, object]:
        """JSON values; null for unknown ones."""
        return asdict(self) | {"cpu": self.cpu or None}


def environment(proc: Path = Path("/proc"), sys: Path = Path("/sys")) -> Environment:
    """Describe this machine as it is now."""
    cpuinfo = _text(proc / "cpuinfo")
    model = re.search(r"^(?:model name|Hardware|Processor)\s*:\s*(.+)$", cpuinfo, re.MULTILINE)
    flags = re.search(r"^flags\s*:.*$", cpuinfo, re.MULTILINE)
    return Environment(
        cpu=model[1] if model else platform.processor(),
        cores=cores(),
        governor=", ".join(sorted({_text(file).strip() for file in sys.glob(GOVERNORS)})) or None,
        load=round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        virtual="hypervisor" in flags[0].split() if flags else None,
        system=platform.platform(),
        python=platform.python_version(),
    )


def vector_bits(proc: Path = Path("/proc")) -> int | None:
    """Bits of this CPU's widest vector registers; None if they are unknown."""
    listed = re.search(r"^(?:flags|Features)\s*:(.*)$", _text(proc / "cpuinfo"), re.MULTILINE)
    flags = listed[1].split() if listed else ()
    return next((bits for flag, bits in VECTOR_BITS.items() if flag in flags), None)


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
