"""Trace every network of timm below 30 M parameters, and compare with timm's and PyTorch's counts.

Appends a row for each network to results/benchmarks/traces.csv: its parameters (ours, and the sum
over timm's re-parameterised module), its MACs (ours, and those of PyTorch's FlopCounterMode), calls
without a rule, and the reason for a difference. Takes some seconds per network. Networks already in
the file are skipped, so an interrupted run can continue. Exits with code 1 while networks remain. A
larger network has a row with its size only.

    python benchmarks/traces.py [--most 50] [--out FILE]
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any

import timm
import torch
from files import read_rows
from timm.utils.model import reparameterize_model

from nas.errors import NasError
from nas.files.csv import append_csv
from nas.modules.networks import TracedNetwork, load_network
from nas.system.capture import capture_output

OUT = Path(__file__).parents[1] / "results" / "benchmarks" / "traces.csv"
SMALL = 30_000_000
"""Largest number of parameters of a traced network, as trained."""
COLUMNS = (
    *("network", "timm", "torch", "input", "params", "timm_params", "macs", "torch_macs"),
    *("unmapped", "by_rule", "differences", "unread", "seconds", "error"),
)


def main() -> None:
    """Trace, and append to the file."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--most", type=int, default=50, help="networks to trace in this run")
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    done = {row["network"] for row in read_rows(options.out)}
    left = [name for name in timm.list_models() if name not in done]
    options.out.parent.mkdir(parents=True, exist_ok=True)
    for name in left[: options.most]:
        append_csv(options.out, COLUMNS, looked_at(name))
    sys.exit(len(left) > options.most)


def looked_at(name: str) -> dict[str, Any]:
    """Return the row of a network; a too large one has its parameters only."""
    row: dict[str, Any] = {"network": name, "timm": timm.__version__, "torch": torch.__version__}
    start = time.perf_counter()
    try:
        row["timm_params"] = parameters(made(name))
        if row["timm_params"] < SMALL:
            module = timm.create_model(name).eval()  # with memory, since merging branches needs it
            row["timm_params"] = parameters(reparameterize_model(module))
            row |= traced(name)
    except (NasError, RuntimeError, TypeError, ValueError) as error:
        row["error"] = " ".join(str(error).split())
    return row | {"seconds": round(time.perf_counter() - start, 2)}


def parameters(module: torch.nn.Module) -> int:
    """Return the number of parameters of a module."""
    return sum(parameter.numel() for parameter in module.parameters())


def made(name: str) -> torch.nn.Module:
    """Return timm's module, without memory if timm can build it so."""
    with capture_output():
        try:
            with torch.device("meta"):
                return timm.create_model(name).eval()
        except RuntimeError:
            return timm.create_model(name).eval()


def traced(name: str) -> dict[str, Any]:
    """Return the results of a trace and of the checks."""
    network = load_network(f"timm:{name}")
    assert isinstance(network, TracedNetwork)
    check = network.check
    return {
        "input": "x".join(map(str, network.input)),
        "params": network.params,
        "macs": network.macs,
        "torch_macs": check.torch_macs,
        "unmapped": "; ".join(network.unmapped),
        "by_rule": "; ".join(check.by_rule),
        "differences": "; ".join(check.differences),
        "unread": "; ".join(check.unread),
    }


if __name__ == "__main__":
    main()
