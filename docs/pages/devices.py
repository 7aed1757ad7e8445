"""The sources and errors of each shipped device, from its files and `results/devices/`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from nas.files.csv import read_csv
from nas.files.resources import data_dir, named
from nas.latency.device import Device, load_device
from pages.markdown import table

INTRODUCTION = """\
# Devices and their errors

This page lists the errors of each shipped device on networks that it was not fitted on, and its
sources. Each family of networks is left out of the fit in turn. Errors are in percent of the
published milliseconds. *Of size alone* is a model of parameters and MACs, fitted in the same way.
*Covers* is the share of those networks inside an interval that never saw their family; it is meant
to contain 90 %. *If leaving* is its upper end for networks with an op that may leave the
accelerator. [](yaml.md) explains each key.
"""
FAMILY = ("networks", "median_error_pct", "trivial_median_error_pct", "spearman")
LEFT = ("left_out_in_interval_pct", "worst_network", "worst_error_pct")


def devices() -> Iterator[str]:
    """Yield one line for each device, then a section for each, then the rejected devices."""
    found = [load_device(name) for name in named("device")]
    folder = data_dir("results") / "devices"
    yield INTRODUCTION
    header = (
        "device",
        "networks",
        "median %",
        "of size alone",
        "p90 %",
        "Spearman",
        "interval, times",
        "if leaving",
        "covers %",
    )
    yield from table(header, map(_line, found))
    for device in found:
        yield from _section(device, folder / f"{device.name}.csv")
    names = {device.name for device in found}
    others = [path for path in sorted(folder.glob("*.csv")) if path.stem not in names]
    if others:
        yield "## Devices that are not shipped\n"
        yield "These devices are no better than parameters and MACs alone on families left out.\n"
        yield from table(
            ("device", "networks", "median %", "of size alone", "Spearman"), map(_tried, others)
        )


def _line(device: Device) -> tuple[object, ...]:
    held, interval = device.held_out, device.info["interval"]
    leaving = device.info.get("interval_leaving")
    return (
        f"[{device.name}](#{device.name})",
        held["networks"],
        held["median_error_pct"],
        held["trivial_median_error_pct"],
        held.get("p90_error_pct"),
        held.get("spearman"),
        f"{interval['low_ratio']:.2f} to {interval['high_ratio']:.2f}",
        f"{leaving['high_ratio']:.2f}" if leaving else "",
        interval["coverage_across_families_pct"],
    )


def _section(device: Device, families: Path) -> Iterator[str]:
    info = device.info
    yield f"## {device.name}\n"
    threads = f", {info['threads']} threads" if info["threads"] else ""
    yield f"{info['hardware']}; {info['runtime']}, {info['version']}; {info['precision']}{threads}."
    yield f"Predicts {device.unit}: {info['statistic']}. Made {info['date']}, {info['kind']}"
    yield f"by `{info['fit']['script']}`." if "script" in info.get("fit", {}) else "."
    if "notes" in info:
        yield f"\nNote: {info['notes']}."
    if families.exists():
        header = (
            "family",
            "networks",
            "median %",
            "of size alone",
            "Spearman",
            "covers %",
            "worst",
            "by %",
        )
        yield from table(header, map(_family, _rows(families)))
    sources = ((source["citation"], source["figures"]) for source in info["sources"])
    yield from table(("source", "figures"), sources)


def _rows(path: Path) -> list[dict[str, str]]:
    return [dict(row.cells) for row in read_csv(path, ())]


def _family(row: Mapping[str, str]) -> list[str]:
    return [row["family"], *(row[key] for key in (*FAMILY, *LEFT))]


def _tried(path: Path) -> list[str]:
    (row,) = (row for row in _rows(path) if row["family"] == "all")
    return [path.stem, *(row[key] for key in FAMILY)]
