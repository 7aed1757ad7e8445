"""Makes a device from measured networks, alone or by adapting a related device."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

import numpy as np

from nas.devices.calibration.networks import MeasuredNetwork, stated
from nas.devices.measurements import Measurement
from nas.errors import CalibrationError
from nas.graph.lint import leaving_ops
from nas.latency.device import Device, lint_target
from nas.latency.files import TRIVIAL_KEYS, ClassCost
from nas.latency.fit import assess
from nas.latency.fit.adapt import adapt, adapt_several, costs_of
from nas.latency.fit.assess import HeldOut
from nas.latency.fit.blend import FitRecipe, blend, left_out
from nas.latency.fit.calibrate import (
    ON_CHIP_MB,
    Costs,
    LatencySample,
    fit_trivial,
    harness_factors,
    on_reference,
    trivial_work,
    work_of,
)
from nas.latency.fit.write import class_costs
from nas.latency.kernels import BYTES, kernels
from nas.latency.residual import Residual
from nas.space.columns import Floats

LEAST = 5
"""Fewest networks of a calibration: with fewer, none can be held out to evaluate it."""
FUSES = ("relu", "relu6", "hswish", "gelu", "silu", "sigmoid", "hsigmoid", "scale", "add")
"""Ops that runtimes fuse into the convolution or linear layer before them, by default."""
DEFAULTS = {"precision": "fp32", "fuses": FUSES, "on_chip_mb": ON_CHIP_MB}
"""What a runtime does where neither measurements nor a known device say it."""
PLAIN = FitRecipe()
NO_SOURCE = "measurements without a stated source"


@dataclass(frozen=True, slots=True)
class DeviceFit:
    """A fitted or adapted device, evaluated on held-out networks."""

    costs: Costs
    trivial: Floats
    """Fixed ms, ms per mega-MAC, ms per MB of weights."""
    held_out: tuple[HeldOut, ...]
    factors: Mapping[str, float]
    """Harness -> its milliseconds over those of the reference harness."""
    left_out_ms: Floats
    """Of each figure, by a model that never saw its family."""
    freedoms: Mapping[str, float] = field(default_factory=dict)
    """How much an adaptation relies on each way to split the known device's costs, or on each known
    device."""
    before: tuple[HeldOut, ...] = ()
    """The same networks as predicted by the known device before its adaptation."""


def fit_device(
    figures: Sequence[LatencySample],
    recipe: FitRecipe = PLAIN,
    *,
    own: Callable[[LatencySample], bool] = lambda _: True,
    usual: Callable[[LatencySample], bool] = lambda _: True,
) -> DeviceFit:
    """Fit from the figures alone.

    `own` figures are of the device itself, others only of its relatives. The trivial model knows no
    image size: it is fitted to the `usual` ones, and to all of them only to predict the others.
    """
    prior = recipe.prior(figures)

    def usual_of(kept: Sequence[LatencySample]) -> list[LatencySample]:
        return [figure for figure in kept if usual(figure)]

    trivial = np.where(
        [usual(figure) for figure in figures],
        left_out(figures, lambda kept: recipe.fit_trivial(usual_of(kept))),
        left_out(figures, recipe.fit_trivial),
    )
    predicted = left_out(figures, lambda kept: blend(kept, recipe).predict)
    factors = harness_factors(figures, prior)
    mine = [index for index, figure in enumerate(figures) if own(figure)]
    few = usual_of(figures)
    held_out = assess.held_out_networks(
        [figures[index] for index in mine], predicted[mine], trivial[mine], factors
    )
    return DeviceFit(
        blend(figures, recipe),
        fit_trivial(few, on_reference(few, prior)),
        tuple(held_out),
        factors,
        predicted,
    )


def adapt_device(
    figures: Sequence[LatencySample], known: Costs, plain: Sequence[LatencySample] = ()
) -> DeviceFit:
    """Adapt a known device to the figures; `plain`: the same without factors of its residual."""
    fit = _adapted(figures, partial(adapt, known=known), plain or figures)
    names = (figure.network for figure in figures)
    ms = dict(zip(names, known.predict(figures).tolist(), strict=True))
    return replace(
        fit, before=tuple(replace(each, predicted_ms=ms[each.network]) for each in fit.held_out)
    )


def adapt_from_several(figures: Sequence[LatencySample], known: Mapping[str, Costs]) -> DeviceFit:
    """Adapt a blend of known devices to the figures."""
    return _adapted(figures, partial(adapt_several, known=known), figures)


def _adapted(
    figures: Sequence[LatencySample],
    adapt: Callable[[Sequence[LatencySample]], tuple[Costs, dict[str, float]]],
    plain: Sequence[LatencySample],
) -> DeviceFit:
    prior = PLAIN.prior(plain)
    trivial = left_out(plain, PLAIN.fit_trivial)
    costs, freedoms = adapt(figures)
    predicted = left_out(figures, lambda kept: adapt(kept)[0].predict)
    factors = harness_factors(figures, prior)
    return DeviceFit(
        costs,
        fit_trivial(plain, on_reference(plain, prior)),
        tuple(assess.held_out_networks(figures, predicted, trivial, factors)),
        factors,
        predicted,
        freedoms,
    )


def device_facts(fit: DeviceFit, held_out: Sequence[HeldOut]) -> dict[str, Any]:
    """The part of `device.yaml` that any fit writes, with errors on these networks."""
    trivial = dict(zip(TRIVIAL_KEYS, map(_short, fit.trivial), strict=True))
    return {
        "fixed_ms": _short(fit.costs.fixed_ms),
        **assess.intervals(held_out),
        "held_out": assess.score(held_out),
        "trivial": trivial,
    }


def _short(value: float) -> float:
    return float(f"{value:.5g}")


@dataclass(frozen=True, slots=True)
class Calibration:
    """A device and its evaluation."""

    fit: DeviceFit
    info: dict[str, Any]
    table: list[ClassCost]
    residual: Residual
    """Residual of the device that was adapted."""


def calibrate_device(
    found: Sequence[MeasuredNetwork],
    name: str,
    prior: Device | None = None,
    holdout: Sequence[MeasuredNetwork] = (),
) -> Calibration:
    """The device called `name`, from measurements.

    It is evaluated on the `holdout`, or else by cross-validation.

    Raises:
        CalibrationError: fewer than `LEAST` networks.
    """
    networks = {each.row.network for each in found}
    if len(networks) < LEAST:
        raise CalibrationError(
            f"{found[0].row.place.rpartition(' line ')[0]}: {len(networks)} networks,"
            f" expected at least {LEAST}"
        )
    rows = [each.row for each in found]
    runs = dict(prior.info if prior else DEFAULTS)
    runs["precision"] = stated(rows, "precision", runs["precision"])
    launched = {
        each.row.network: tuple(kernels(each.graph, BYTES[runs["precision"]], runs["fuses"]))
        for each in (*found, *holdout)
    }
    work = plain = {each: work_of(own, runs["on_chip_mb"]) for each, own in launched.items()}
    known = costs_of(prior) if prior else None
    if prior:
        sums_ms = {
            each: prior.fixed_ms + sum(map(prior.kernel_ms, own)) for each, own in launched.items()
        }
        work = {
            each: work_of(own, runs["on_chip_mb"], prior.residual.factor)
            * float(prior.correction.ratio(sums_ms[each]))
            for each, own in launched.items()
        }
    runtime = stated(rows, "runtime", prior.info["runtime"] if prior else "")
    target = lint_target(runtime, stated(rows, "device", ""))
    samples = partial(latency_samples, target=target)
    figures = samples(found, plain)
    fit = adapt_device(samples(found, work), known, figures) if known else fit_device(figures)
    if holdout:
        others = samples(holdout, work), samples(holdout, plain)
        fit = _evaluated_on(fit, *others, known)
    info = _info(name, rows, fit, prior, runs)
    info["fit"]["seen"] = sorted({each.figure for each in found})
    if prior and "whole" in prior.info:
        # its knot is where networks of a certain size are, whatever they take here
        slower = [each.ms / prior.correction.ms(sums_ms[each.row.network]) for each in found]
        info["whole"] = prior.correction.times(float(np.median(slower))).as_yaml()
    table = class_costs(fit.costs, [launched[network] for network in networks])
    return Calibration(fit, info, table, prior.residual if prior else Residual())


def latency_samples(
    found: Sequence[MeasuredNetwork], work: Mapping[str, Floats], target: str | None = None
) -> list[LatencySample]:
    """Figures for a fit; repeats of a network by one source share a weight.

    `target` is the runtime's in `nas.graph.lint`.
    """
    repeats = Counter((each.row.network, each.row.source) for each in found)
    return [
        LatencySample(
            each.row.network,
            each.family,
            work[each.row.network],
            each.ms,
            each.row.source,
            repeats[each.row.network, each.row.source] ** -0.5,
            leaves=bool(leaving_ops(each.graph, target)),
        )
        for each in found
    ]


def _evaluated_on(
    fit: DeviceFit,
    figures: Sequence[LatencySample],
    plain: Sequence[LatencySample],
    known: Costs | None,
) -> DeviceFit:
    """Evaluate the fit on networks that took no part in it."""
    trivial = trivial_work(plain) @ fit.trivial

    def held_out(costs: Costs) -> tuple[HeldOut, ...]:
        predicted = costs.predict(figures)
        return tuple(assess.held_out_networks(figures, predicted, trivial, fit.factors))

    return replace(fit, held_out=held_out(fit.costs), before=held_out(known) if known else ())


def _info(
    name: str,
    rows: Sequence[Measurement],
    fit: DeviceFit,
    prior: Device | None,
    runs: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the content of `device.yaml`."""
    was = prior.info if prior else {}
    batch = rows[0].batch
    threads = next((row.threads for row in rows if row.threads), was.get("threads"))
    sources = Counter(row.source or NO_SOURCE for row in rows)
    made: dict[str, Any] = {
        "figures": len(rows),
        "networks": len({row.network for row in rows}),
        "harness_factors": {
            harness or NO_SOURCE: round(factor, 4) for harness, factor in fit.factors.items()
        },
    }
    if prior:
        before = assess.score(fit.before)
        made |= {
            "prior": prior.name,
            "prior_hash": prior.content_hash,
            "freedoms": {k: round(v, 3) for k, v in fit.freedoms.items()},
        }
        made |= {f"before_{key}": before[key] for key in ("median_error_pct", "mean_error_pct")}
    per_image = "of one image" if batch == 1 else f"of one image in a batch of {batch}"
    return {
        "schema": 1,
        "name": name,
        "kind": f"adapted from {prior.name}" if prior else "calibrated",
        "hardware": stated(rows, "device", "not stated"),
        "runtime": stated(rows, "runtime", was.get("runtime", "not stated")),
        "version": stated(rows, "version", "not stated"),
        "precision": runs["precision"],
        "threads": threads,
        "batch": batch,
        "statistic": f"milliseconds {per_image}, as the sources give them; predicted from figures"
        " of whole networks",
        "date": datetime.now(UTC).date().isoformat(),
        "fuses": list(runs["fuses"]),
        "on_chip_mb": runs["on_chip_mb"],
        **device_facts(fit, fit.held_out),
        "fit": made,
        "sources": [{"citation": source, "figures": n} for source, n in sorted(sources.items())],
    }
