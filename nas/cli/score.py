"""`nas score`: zero-cost proxies of networks, and their sizes."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import TYPE_CHECKING, Annotated

from nas.cli.options import ArchNames, Json, Seed, ZeroCost, gathered, option
from nas.cli.progress import show_progress
from nas.cli.training import AnyData, ImageOptions, On, listed
from nas.evaluate.proxy_names import check_proxies
from nas.report.tables.text import NameHeader, numbers, print_json, print_line, print_table
from nas.system.extras import require
from nas.train.device import check_device
from nas.train.sources import check_source

if TYPE_CHECKING:
    from nas.space.arch import Arch

CLASSES = 10
"""Number of classes of noise images."""
#: how many digits a table shows of each; the rest of a score says nothing
DIGITS = "{:.5g}"


@gathered
def score(
    names: ArchNames,
    *,
    zero_cost: ZeroCost = "naswot,synflow,zico,zen",
    side: Annotated[int, option("--side", "Image side in pixels.", "N", min=8)] = 64,
    seed: Seed = 0,
    data: AnyData = None,
    images: ImageOptions,
    on: On = "auto",
    json: Json = False,
) -> None:
    """Score networks without training them.

    Without --data, images are noise. No proxy ranks well everywhere: see nas
    fidelity.

    Examples:
        nas score mobilenetv3-small repvit-m0.9
        nas score mobilenetv3-small mobilenetv2 --data digits --zero-cost zico,zen
    """
    from nas import library

    archs = [library.load_arch(name) for name in names]
    judges, rows, what = _scores(archs, zero_cost, data, images, side, seed, on)
    if json:
        print_json(
            [
                {"name": arch.name, "arch_id": arch.arch_id, "images": what, "side": side}
                | {judge: _finite(score) for judge, score in zip(judges, row, strict=True)}
                for arch, row in zip(archs, rows, strict=True)
            ]
        )
        return
    cells = [
        [arch.name, *(DIGITS.format(score) for score in row)]
        for arch, row in zip(archs, rows, strict=True)
    ]
    title = f"untrained, on {what} of {side} x {side}; sizes as in their tables"
    print_table([NameHeader("network"), *numbers(*judges)], cells, title=title)
    print_line()
    print_line("A proxy's higher score is better; params and macs are sizes.")


def _scores(
    archs: Sequence[Arch],
    zero_cost: str,
    data: str | None,
    options: ImageOptions,
    side: int,
    seed: int,
    on: str,
) -> tuple[list[str], list[list[float]], str]:
    """Judges, a row of scores for each network, and what they saw."""
    proxies = listed(zero_cost)
    check_proxies(proxies, "--zero-cost")
    check_device(on)
    if data:
        check_source(data)
    require("train")
    from nas.evaluate.proxies import SIZES, noise, score
    from nas.space.retarget import for_task
    from nas.train.device import device_of
    from nas.train.loop import Setting
    from nas.train.recipe import Recipe
    from nas.train.run import Task

    device = device_of(on)
    if data:
        images = options.read(data)
        batches = Task(images, Recipe("score", "nas score"), Setting(device)).batches(side, seed)
        classes, what = len(images.classes), f"images of {images.name}"
    else:
        classes, what = CLASSES, "noise"
        batches = [(x.to(device), y.to(device)) for x, y in noise(side, classes, seed=seed)]
    judges, rows = [*SIZES, *(name for name in proxies if name not in SIZES)], []
    with show_progress() as progress:
        for number, arch in enumerate(archs):
            progress(arch.name, number / len(archs))
            fitted = for_task(arch, classes=classes, side=side)
            rows.append(
                [
                    score(arch if name in SIZES else fitted, name, batches, seed=seed)
                    for name in judges
                ]
            )
    return judges, rows, what


def _finite(score: float) -> float | None:
    return score if isfinite(score) else None
