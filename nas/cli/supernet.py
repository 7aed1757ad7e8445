"""`nas supernet`: train one network that contains all networks of a space."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from nas.cli import complete
from nas.cli.options import Device, Json, OutputOptions, Seed, argument, gathered, option
from nas.cli.progress import RESUME, show_progress
from nas.cli.streams import say
from nas.cli.training import FIRST_PROCESS, Data, Epochs, TrainingOptions
from nas.errors import check_names
from nas.report.tables.text import count, print_facts, print_json
from nas.system.progress import ignore

if TYPE_CHECKING:
    from nas.api.supernet import Supernet

DIVERGENCES = ("kl", "alpha")
"""Names in `nas.supernet.distillation`, which imports torch."""
SpaceName = Annotated[str, argument("Search space; see nas list spaces.", "SPACE", complete.spaces)]
Budget = Annotated[
    float | None,
    option("--budget-ms", "Train no network above it.", "MS", show_default=False),
]
Divergence = Annotated[
    str,
    option("--divergence", "kl or alpha.", "NAME", DIVERGENCES),
]


@gathered
def supernet(
    space: SpaceName,
    *,
    data: Data = "digits",
    device: Device = None,
    budget_ms: Budget = None,
    epochs: Epochs = None,
    divergence: Divergence = "kl",
    seed: Seed = 0,
    training: TrainingOptions,
    output: OutputOptions,
    json: Json = False,
) -> None:
    """Train one network that contains all networks of a space.

    Examples:
        nas supernet mobile32 --data fashion-mnist --epochs 30 --name all
        nas supernet mobile32 --data digits --device iphone12-lut --budget-ms 0.6
        nas supernet mobile32 --data fashion-mnist --epochs 30 --name all --resume
    """
    from nas import library

    training.check(data)
    check_names("divergence", [divergence], DIVERGENCES)
    if budget_ms is not None and device is None:
        raise typer.BadParameter("--budget-ms needs --device")
    loaded, on = library.load_space(space), device and library.load_device(device)
    if output.name is not None:
        training.check_output(output)
    task = training.task(data)
    from nas.api.supernet import train_supernet

    with show_progress(shown=FIRST_PROCESS, on_interrupt=RESUME) as progress:
        found = train_supernet(
            loaded,
            task,
            output,
            device=on or None,
            budget_ms=budget_ms,
            epochs=epochs,
            divergence=divergence,
            seed=seed,
            on_progress=progress,
            on_message=say if FIRST_PROCESS else ignore,
        )
    if FIRST_PROCESS:
        _print(found, json=json)


def _print(found: Supernet, *, json: bool) -> None:
    facts = found.facts
    if json:
        print_json(asdict(facts) | {"path": str(found.path)})
        return
    print_facts(
        [
            ("supernet", f"{facts.space}, trained {count(facts.epochs, 'epoch')} on {facts.data}"),
            ("top-1 %, smallest", f"{facts.smallest_top1:.1f} (held-out training images)"),
            ("top-1 %, largest", f"{facts.largest_top1:.1f} (held-out training images)"),
            ("time", f"{facts.seconds:,.0f} s"),
            ("written to", str(found.path)),
        ]
    )
