"""Times every model of this folder on the connected iPhone, with coremltools' own benchmarker.

python benchmark.py TEAM [ITERATIONS]
"""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import asdict
from datetime import date
from pathlib import Path

import coremltools as ct
from coremltools.models.ml_program.experimental.perf_utils import MLModelBenchmarker
from coremltools.models.ml_program.experimental.remote_device import (
    AppSigningCredentials,
    Device,
    DeviceType,
)

HERE = Path(__file__).parent
RESULTS = HERE / "results"


async def main(team: str, iterations: int = 200) -> None:
    """Write one JSON per model into `results/`."""
    phones = Device.get_connected_devices(device_type=DeviceType.IPHONE)
    if not phones:
        sys.exit("no iPhone is connected")
    phone = await phones[0].prepare_for_model_debugging(
        credentials=AppSigningCredentials(development_team=team)
    )
    RESULTS.mkdir(exist_ok=True)
    for path in sorted(HERE.glob("*.mlpackage")):
        model = ct.models.MLModel(str(path), compute_units=ct.ComputeUnit.ALL)
        benchmarker = MLModelBenchmarker(model, device=phone)
        measurement = await benchmarker.benchmark_predict(iterations=iterations, warmup=True)
        found = {
            "model": path.name,
            "device": phone.name,
            "os_version": f"iOS {phone.os_version}",
            "compute_units": model.compute_unit.name,
            "coremltools": ct.__version__,
            "date": date.today().isoformat(),
            "measurement": asdict(measurement),
        }
        (RESULTS / f"{path.stem}.json").write_text(json.dumps(found, indent=2), "utf-8")
        sys.stdout.write(f"{path.stem}: median {measurement.statistics.median:.3f} ms\n")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], *map(int, sys.argv[2:3])))
