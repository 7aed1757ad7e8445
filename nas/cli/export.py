"""`nas export`: a network as files that runtimes take, with their numbers checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nas.cli import complete
from nas.cli.options import ArchName, Classes, Force, Json, WeightsOf, option, out_option
from nas.cli.progress import show_progress
from nas.errors import ExportError, check_names
from nas.files.resources import trained_in
from nas.report.tables.text import numbers, print_facts_below, print_json, print_line, print_table
from nas.system.extras import require_extras

if TYPE_CHECKING:
    from nas.deploy.export import Export, OutputCheck
    from nas.graph.lint import Finding


def export(
    arch: ArchName,
    formats: Annotated[
        str,
        option(
            "--format",
            f"Formats: {', '.join(complete.FORMATS)}.",
            "LIST",
            complete.some_of(complete.FORMATS),
        ),
    ] = "yaml,torch,onnx",
    weights: Annotated[
        Path | None,
        option("--weights", "Checkpoint; by default of the results folder, or random.", "FILE"),
    ] = None,
    weights_of: WeightsOf = "",
    classes: Classes = None,
    batch: Annotated[str, option("--batch", "Images per run, or dynamic.", "N")] = "1",
    normalisation: Annotated[
        str | None,
        option(
            "--normalisation",
            "imagenet, half, none or MEAN/STD such as 0.5/0.25.",
            "NAME",
            complete.NORMALISATIONS,
            show_default="as trained",
        ),
    ] = None,
    image_input: Annotated[
        bool, option("--image-input", "Core ML model takes RGB images and normalises them.")
    ] = False,
    photos: Annotated[
        Path | None, option("--photos", "Folder of images for checking outputs.", "DIR")
    ] = None,
    out: Annotated[Path, out_option("Folder for the folder ARCH.", "DIR")] = Path("exports"),
    force: Force = False,
    json: Json = False,
) -> None:
    """Convert a network to other formats, and check them.

    Examples:
        nas export repvit-m0.9 --format onnx,coreml,litert
        nas export results/mine --format coreml --photos photos
        nas export efficientnet-lite0 --weights lite0.pth --weights-of tensorflow
        nas export mobilenetv3-large --format onnx --batch dynamic --json
    """
    from nas import library
    from nas.api.export import export_network
    from nas.deploy.export import FORMATS
    from nas.graph.lint import RULES, lint

    chosen = list(dict.fromkeys(formats.split(",")))
    check_names("format", chosen, FORMATS, "--format")
    if batch != "dynamic" and not (batch.isdecimal() and int(batch)):
        raise typer.BadParameter(f"--batch {batch!r}: expected a number from 1, or `dynamic`")
    size = None if batch == "dynamic" else int(batch)
    if (weights_of or classes) and not (weights or trained_in(arch)):
        raise typer.BadParameter("--weights-of and --classes say what a file of --weights holds")
    require_extras("train", *(own for name in chosen if (own := FORMATS[name].extra)))
    graph = library.load_arch(arch).fused
    targets = sorted({FORMATS[name].target for name in chosen} & set(RULES))
    findings = {target: lint(graph, target, dynamic=size is None) for target in targets}
    if not json:
        _print_findings(findings)
    with show_progress() as progress:
        found = export_network(
            arch,
            chosen,
            out,
            weights=weights,
            weights_of=weights_of,
            classes=classes,
            batch=size,
            normalisation=normalisation,
            image_input=image_input,
            photos=photos,
            force=force,
            on_progress=progress,
        )
    if json:
        listed = {target: [asdict(one) for one in own] for target, own in findings.items()}
        taken = found.checkpoint.saved.key if found.checkpoint else ""
        extra = {"path": str(found.path), "lint": listed, "weights_taken_from": taken}
        print_json(found.manifest | extra)
    else:
        _print(found)
    if found.failures:
        raise ExportError("; ".join(found.failures))


def _print_findings(findings: Mapping[str, Sequence[Finding]]) -> None:
    """One line for each rule of each target."""
    lines: list[list[str | None]] = []
    for target, own in findings.items():
        for rule, some in groupby(sorted(own, key=lambda one: one.rule), lambda one: one.rule):
            same = list(some)
            rows = ", ".join(str(one.row + 1) if one.row >= 0 else "input" for one in same)
            lines.append([target, rule, rows, same[0].instead])
    if lines:
        columns = ["target", "may be slow", "in rows", "instead"]
        print_table(columns, lines)
        print_line("\nnas lint ARCH --target TARGET says why, and where that was read.\n")


def _print(found: Export) -> None:
    columns = [
        "format",
        *numbers("MB", "max. diff.\nphotos", "max. diff.\nnoise", "same\ntop-1 %"),
        "run by",
    ]
    rows = [
        [one.format, f"{sum(one.files.values()) / 1e6:.2f}", *_check(one.check)]
        for one in found.exported
        if one.files
    ]
    content = found.manifest
    network = content["network"]
    print_table(columns, rows, title=f"{network['name']} ({network['source']})")
    largest = max((one.check.max_logit for one in found.exported if one.check), default=None)
    filled = found.checkpoint
    facts = [("weights", filled.describe() if filled else "random: none were given")]
    facts += [("open", filled.doubt)] if filled and filled.doubt else []
    if "reference" in content["weights"]:
        facts.append(("logits as those of", content["weights"]["reference"]))
    facts += [("images", line) for line in _images(content)]
    if largest is not None:
        facts.append(("largest logit", f"{largest:.3g}; differences are of logits, to torch's"))
    facts += [("not run", f"{one.format}: {one.note}") for one in found.exported if one.note]
    facts += [("failed", error) for error in found.failures]
    print_facts_below([*facts, ("written to", str(found.path))])


def _images(content: Mapping[str, Any]) -> list[str]:
    """Whether what the network expects is known, where it has learnt something."""
    found, weights = content["input"]["normalisation"], content["weights"]
    if not weights["given"]:
        return []
    data = f" on {weights['data']}" if "data" in weights else ""
    if found["name"] == "unknown":
        told = "nothing says how they were normalised in training; see --normalisation"
    elif found["name"] == "trained":
        told = f"normalised as trained{data}"
    else:
        told = f"normalised as {found['name']}" + (f", not as trained{data}" if data else "")
    n = len(content["output"].get("classes", ()))
    return [told, f"{n} classes, by name in the manifest" if n else "names of classes unknown"]


def _check(check: OutputCheck | None) -> list[str | None]:
    if check is None:
        return [None] * 4
    differences = (check.max_diff_photos, check.max_diff_noise)
    shown = [f"{difference:.1e}" for difference in differences]
    return [*shown, f"{100 * check.same_top1:.0f}", f"{check.runtime} {check.version}"]
