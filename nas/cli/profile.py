"""`nas profile`: a device made by measuring this machine."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated

from nas.cli.options import Force, Json, Runtime, Seed, Space, Threads, option, out_option
from nas.cli.progress import show_progress
from nas.cli.streams import say
from nas.errors import check_names
from nas.files.resources import SPACE
from nas.files.staging import check_not_shipped, check_replaceable
from nas.report.tables.errors import interval_fact, print_errors, trivial_errors
from nas.report.tables.text import print_facts_below, print_json
from nas.system.capture import capture_output
from nas.system.extras import require, require_extras

if TYPE_CHECKING:
    from nas.devices.profile.result import Profile

AGAIN = "measurements are kept: run the same command to continue"


def profile(
    out: Annotated[Path, out_option("Folder of the device.", "NAME")],
    runtime: Runtime = "onnxruntime",
    threads: Threads = 1,
    space: Space = SPACE,
    minutes: Annotated[
        float,
        option("--minutes", "Measuring time in minutes; more is more exact.", "X", min=0.1),
    ] = 10.0,
    seed: Seed = 0,
    force: Force = False,
    json: Json = False,
) -> None:
    """Make a device by measuring this machine.

    It measures networks like those of the space. An interrupted run continues.

    Examples:
        nas profile --out here
        nas profile --runtime litert --threads 4 --minutes 30 --out here-4t
    """
    from nas import library
    from nas.deploy.runtimes import RUNTIMES
    from nas.devices.measure.run import extras_of

    check_names("runtime", [runtime], RUNTIMES, "--runtime")
    check_not_shipped("device", out)
    check_replaceable(out, force=force)
    where = library.load_space(space)
    require_extras(*extras_of(runtime))
    with capture_output():  # some announce themselves
        for extra in extras_of(runtime):
            require(extra)
    from nas.devices.profile.result import ProfileSettings
    from nas.devices.profile.run import profile as run

    settings = ProfileSettings(runtime, threads, where, minutes, seed)
    with show_progress(on_interrupt=AGAIN) as progress:
        found = run(settings, out, force=force, on_progress=progress, on_message=say)
    if json:
        print_json(found.info | {"name": out.name})
    else:
        _print(found, out)


def _print(found: Profile, out: Path) -> None:
    from nas.devices.profile.journal import busy_machine

    info = found.info
    score, made = info["held_out"], info["fit"]
    errors = {"this device": score, "parameters and MACs alone": trivial_errors(score)}
    print_errors(errors, f"errors on {score['networks']} networks left out of the fit")
    facts = [
        ("of", f"{info['hardware']}; {info['runtime']} {info['version']}; {info['precision']}"),
        ("measured", f"{made['parts']} parts, {made['whole_networks']} networks"),
        ("fused", ", ".join(info["fuses"]) or "nothing"),
        interval_fact(info["interval"], "networks"),
    ]
    if note := busy_machine(found.entries):
        facts.append(("caution", note))
    print_facts_below([*facts, ("written to", f"{out}; use it with --device {quote(str(out))}")])
