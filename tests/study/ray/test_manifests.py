"""The files in docs/cluster/ are valid for the programs that read them."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from nas.cli.main import app
from nas.study.sweep.plan import load_sweep

FILES = Path(__file__).parents[3] / "docs" / "cluster"


def check_command(line: str) -> None:
    """Check that `nas` accepts a command."""
    tool: Any = get_command(app)
    context, name, words = None, "nas", shlex.split(line)[1:]
    while hasattr(tool, "resolve_command"):
        context = tool.make_context(name, words, parent=context, resilient_parsing=True)
        name, tool, words = tool.resolve_command(context, words)
    tool.make_context(name, list(words), parent=context)


def test_the_shown_sweep_is_the_file() -> None:
    page = (FILES.parent / "cluster.md").read_text(encoding="utf-8")
    shown = re.search(r"^```yaml\n(.*?)^```", page, re.S | re.M)
    assert shown is not None
    assert yaml.safe_load(shown[1]) == yaml.safe_load((FILES / "sweep.yaml").read_text())
    assert len(load_sweep(FILES / "sweep.yaml").cells()) == 3


@pytest.mark.needs("ray")
def test_ray_takes_the_machines() -> None:
    from ray.autoscaler._private.util import prepare_config, validate_config

    content = yaml.safe_load((FILES / "ray-up.yaml").read_text())
    prepared = prepare_config(content)
    validate_config(prepared)
    assert prepared["available_node_types"]["head"]["resources"] == {"CPU": 0}
    assert prepared["available_node_types"]["gpu"]["max_workers"] == prepared["max_workers"] == 16


@pytest.mark.needs("ray")
def test_kuberays_autoscaler_takes_the_cluster() -> None:
    from ray.autoscaler._private.kuberay.autoscaling_config import (
        _derive_autoscaling_config_from_ray_cr as derived,
    )

    job = yaml.safe_load((FILES / "kuberay.yaml").read_text())
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    check_command(job["spec"]["entrypoint"])
    spec = job["spec"]["rayClusterSpec"]
    cluster = {"metadata": {"name": "nas-sweep", "namespace": "default"}, "spec": spec}
    types = derived(cluster)["available_node_types"]
    (head,) = (kind for name, kind in types.items() if "head" in name)
    (workers,) = (kind for name, kind in types.items() if "head" not in name)
    assert head["resources"]["CPU"] == 0
    assert {"CPU": 8, "GPU": 1}.items() <= workers["resources"].items()
    assert (workers["min_workers"], workers["max_workers"]) == (1, 16)


def test_the_slurm_script_is_one() -> None:
    script = FILES / "slurm.sh"
    subprocess.run(["bash", "-n", script], check=True)
    text = script.read_text()
    options = re.findall(r"^#SBATCH --([a-z-]+)(?:=\S+)?$", text, re.M)
    assert len(options) == text.count("#SBATCH") == len(set(options))
    lines = text.replace("\\\n", " ").splitlines()
    (sweep,) = (line[line.index("nas sweep") :] for line in lines if "nas sweep" in line)
    check_command(sweep)
