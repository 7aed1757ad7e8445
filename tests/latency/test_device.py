"""What a device promises: additive, monotone, bounded, never free, and strict about its files."""

from __future__ import annotations

import math
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas.errors import BudgetError, DocumentError, MissingCostError, UnknownNameError
from nas.files.csv import read_csv
from nas.files.resources import data_dir
from nas.graph.graph import Graph, GraphBuilder
from nas.latency.device import Device, load_device
from nas.latency.kernels import CLASSES
from nas.library import load_arch
from nas.space.arch import Arch, lower, lower_alone, read_arch
from nas.space.columns import Column

COVERS = "left_out_in_interval_pct"
FOLDER = data_dir("predictors") / "iphone12-lut"
ERRORS = Path(__file__).parents[2] / "results" / "devices"


@pytest.fixture(scope="module")
def device() -> Device:
    return load_device("iphone12-lut")


def conv(device: Device, c: int, out: int, side: int, **options: int) -> float:
    """Milliseconds of one convolution."""
    g = GraphBuilder((c, side, side))
    g.conv(g.input, out, **options)
    return float(device.graph_ms(g.graph()))


def test_rows_and_fixed_part_add_up(device: Device, representative: Arch) -> None:
    prediction = device.predict(representative)
    assert len(prediction.rows) == len(representative.rows)
    assert sum(prediction.rows) + prediction.fixed_ms == pytest.approx(prediction.ms)
    assert min(prediction.rows) > 0


def test_a_row_costs_the_same_alone(device: Device, representative: Arch) -> None:
    total = device.fixed_ms
    for row, place in zip(representative.rows, representative.places, strict=False):
        total += device.graph_ms(lower_alone([row], place)[0])
    assert total == pytest.approx(device.predict(representative).ms)


def test_a_column_of_widths_costs_what_each_width_does(device: Device) -> None:
    widths = np.array([16, 24, 160])
    g = GraphBuilder((widths.view(Column), 14, 14))
    h = g.squeeze_excite(g.depthwise(g.input, k=5), g.input.c // 4)
    g.residual(g.input, g.conv(h, g.input.c))
    together = device.graph_ms(g.graph())
    for width, ms in zip(widths.tolist(), together, strict=True):
        g = GraphBuilder((width, 14, 14))
        h = g.squeeze_excite(g.depthwise(g.input, k=5), width // 4)
        g.residual(g.input, g.conv(h, width))
        assert device.graph_ms(g.graph()) == pytest.approx(ms)


def test_an_interval_has_the_ratios_of_the_device(device: Device) -> None:
    prediction, interval = device.predict(load_arch("mobilenetv2")), device.info["interval"]
    assert prediction.low_ms == pytest.approx(interval["low_ratio"] * prediction.ms)
    assert prediction.high_ms == pytest.approx(interval["high_ratio"] * prediction.ms)
    low, high = device.bounds(np.array([prediction.ms]))
    assert (low[0], high[0]) == (prediction.low_ms, prediction.high_ms)


def test_the_ends_of_an_interval_are_quantiles(device: Device) -> None:
    low, high = device.bounds(1.0)
    level = device.info["interval"]["level"]
    assert device.at_confidence((1 - level) / 2) == pytest.approx(low)
    assert device.at_confidence((1 + level) / 2) == pytest.approx(high)
    assert device.at_confidence(0.5) == device.probability_within(2.0, 2.0) * 2 == 1


@given(st.floats(0.001, 0.999), st.floats(0.1, 100))
def test_a_latency_is_within_its_bound_with_the_confidence_asked_for(
    confidence: float, ms: float
) -> None:
    device = load_device("iphone12-lut")
    bound_ms = ms * device.at_confidence(confidence)
    assert device.probability_within(ms, bound_ms) == pytest.approx(confidence)


def test_an_interval_without_a_side_leaves_no_doubt_on_it(device: Device) -> None:
    interval = device.info["interval"] | {"high_ratio": 1.0}
    exact = replace(device, info=dict(device.info) | {"interval": interval})
    assert exact.at_confidence(0.99) == pytest.approx(1)
    assert exact.probability_within(1.0, 1.01) == 1
    assert exact.probability_within(1.0, 0.9) == device.probability_within(1.0, 0.9) > 0


@pytest.mark.parametrize("confidence", [0.0, 1.0, -0.5, 90.0, math.nan])
def test_a_confidence_that_is_no_probability_is_refused(device: Device, confidence: float) -> None:
    with pytest.raises(BudgetError, match="between 0 and 1"):
        device.at_confidence(confidence)


def test_every_class_costs(device: Device) -> None:
    assert set(device.table) == set(CLASSES)
    for cost in device.table.values():
        assert min(cost.overhead_us, cost.us_per_mmac, cost.us_per_weight_mb) > 0
        assert min(cost.us_per_activation_mb, cost.us_per_spilled_mb) > 0


@given(
    c=st.integers(1, 64).map(lambda n: 8 * n),
    out=st.integers(1, 64).map(lambda n: 8 * n),
    side=st.sampled_from([1, 7, 14, 56, 112, 256]),
    k=st.sampled_from([1, 3, 5]),
)
def test_wider_or_larger_is_never_cheaper(c: int, out: int, side: int, k: int) -> None:
    device = load_device("iphone12-lut")
    ms = conv(device, c, out, side, k=k)
    assert conv(device, c + 8, out, side, k=k) > ms
    assert conv(device, c, out + 8, side, k=k) > ms
    assert conv(device, c, out, side + 1, k=k) > ms
    assert conv(device, c, out, side, k=k + 2) > ms
    depthwise = conv(device, c, c, side, k=k, groups=c)
    assert conv(device, c, c, side, k=k + 2, groups=c) > depthwise > 0


def test_more_layers_are_dearer(device: Device, representative: Arch) -> None:
    rows, shapes = representative.rows, representative.shapes
    ms = device.predict(representative).ms
    for index, row in enumerate(rows):
        if shapes[index] == shapes[index + 1] and row.op != "keep":  # a shortcut has one place
            twice, _ = lower((*rows[: index + 1], *rows[index:]), representative.input)
            assert device.predict(twice).ms > ms


def test_published_anchors(device: Device) -> None:
    """RepViT's table 1 and RepNeXt's re-measurements (ms on iPhone 12), in the fit."""
    anchors = {"repvit-m0.9": 0.87, "repvit-m1.1": 1.1, "mobilenetv2": 0.9}
    for name, ms in anchors.items():
        arch = read_arch(data_dir("search_spaces") / "archs" / f"{name}.yaml")
        assert device.predict(arch).ms == pytest.approx(ms, rel=0.08)


def test_it_beats_parameters_and_macs_on_families_left_out(device: Device) -> None:
    for key in ("held_out", "held_out_conv"):
        found = device.info[key]
        assert found["median_error_pct"] < found["trivial_median_error_pct"]
        assert found["mean_error_pct"] < found["trivial_mean_error_pct"]
    assert 85 <= device.info["interval"]["coverage_across_families_pct"] <= 95


def test_ops_that_may_leave_the_accelerator_widen_the_interval_upwards(device: Device) -> None:
    stays, leaves = (device.predict(load_arch(n)) for n in ("mobilenetv2", "mobilenetv3-large"))
    assert (stays.leaves, leaves.leaves) == (False, True)
    ratio = device.info["interval_leaving"]["high_ratio"]
    assert leaves.high_ms == pytest.approx(ratio * leaves.ms)
    assert ratio > 1.5 * device.info["interval"]["high_ratio"]
    assert leaves.low_ms / leaves.ms == pytest.approx(stays.low_ms / stays.ms)
    assert device.at_confidence(0.9, leaves=True) > 1.5 * device.at_confidence(0.9)
    within = [device.probability_within(1.0, 1.2, leaves=each) for each in (False, True)]
    assert within[0] > within[1] > 0.5


def test_a_device_without_figures_of_ops_that_leave_has_one_interval() -> None:
    device = load_device("pixel6-cpu")
    assert device.bounds(1.0, leaves=True) == device.bounds(1.0)


def test_an_iphone13_bounds_a_network_that_stays_on_the_accelerator() -> None:
    low_ms, high_ms = load_device("iphone13").bounds(1.1)
    assert 0.7 < low_ms < high_ms < 1.6
    assert high_ms / low_ms < 2.0


def test_intervals_hold_families_that_they_never_saw() -> None:
    for name in ("iphone12-lut", "iphone13"):
        rows = read_csv(ERRORS / f"{name}.csv", ("family", "left_out_in_interval_pct"))
        covers = {row.cells["family"]: float(row.cells[COVERS]) for row in rows}
        stays = covers["all without ops that may leave the accelerator"]
        assert 85 <= covers["all"] <= 95, name
        assert 85 <= stays <= 97, name


def unknown_op() -> Graph:
    g = GraphBuilder((8, 14, 14))
    g.row = 0
    g.add("opaque", (g.input,), "mystery", shape=(8, 14, 14))
    return g.graph()


def test_an_unknown_op_is_flagged_and_never_free(device: Device) -> None:
    prediction = device.predict(unknown_op())
    assert prediction.rows[0] >= max(c.overhead_us for c in device.table.values()) / 1000
    assert any("mystery" in flag and "row 1" in flag for flag in prediction.flags)


def test_strict_names_the_unknown_op(device: Device) -> None:
    with pytest.raises(MissingCostError, match=r"row 1, op mystery: .*opaque.*nearest known"):
        device.predict(unknown_op(), strict=True)


def test_risks_are_flagged(device: Device) -> None:
    archs = data_dir("search_spaces") / "archs"
    hswish = device.predict(read_arch(archs / "mobilenetv3-large.yaml")).flags
    assert any("hard-swish" in flag and flag.startswith("row 1,") for flag in hswish)
    shuffles = device.predict(read_arch(archs / "mobilevit-xxs.yaml")).flags
    assert any("more than 4 dimensions" in flag for flag in shuffles)
    assert device.predict(read_arch(archs / "repvit-m1.0.yaml")).flags == ()


def test_a_device_knows_what_its_own_accelerator_leaves_to_the_cpu() -> None:
    targets = {"iphone13": "coreml", "pixel4-hexagon": "hexagon", "galaxy-s24-npu": None}
    assert {name: load_device(name).lint_target for name in targets} == targets
    dsp = load_device("pixel4-hexagon")
    assert dsp.predict(load_arch("mobilenetv4-hybrid-m")).leaves
    assert dsp.predict(load_arch("mobilenetv4-conv-m")).flags == ()


def test_a_kernel_beyond_the_fit_is_flagged(device: Device) -> None:
    g = GraphBuilder((512, 256, 256))
    g.row = 0
    g.conv(g.input, 2048)
    assert any("larger than any pointwise" in flag for flag in device.predict(g.graph()).flags)


def test_unknown_device_names_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="iphone12-lut"):
        load_device("iphone12")


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("device.yaml", "schema: 1", "schema: 2", "schema"),
        ("device.yaml", "batch: 1", "batch: 1\ncolour: red", "colour"),
        ("device.yaml", "fixed_ms: 0.", "fixed_ms: -0.", "fixed_ms"),
        ("device.yaml", "precision: fp16", "precision: fp12", "precision"),
        ("device.yaml", "- relu6", "- relu7", "relu7.*relu6"),
        ("device.yaml", "level: 0.9", "level: high", "interval.level"),
        ("device.yaml", "level: 0.9", "level: 90", r"interval.level.*from 0.01 to 0.999"),
        ("device.yaml", "  level: 0.9\n", "", "level"),
        ("kernels.csv", "overhead_us,", "overhead_ms,", "overhead_ms"),
        ("kernels.csv", "\npointwise,", "\npointwise,-", r"line 4 \(overhead_us\)"),
        ("kernels.csv", "\npointwise,", "\npointwise,nan", r"line 4 \(overhead_us\)"),
        ("kernels.csv", "\npointwise,", "\npointwise,0,", "line 4"),
        ("kernels.csv", "\nconv,", "\npointwise,", "each class once"),
        ("kernels.csv", "\nconv,", "\nconvolution,", "convolution"),
    ],
)
def test_a_broken_folder_is_named(
    tmp_path: Path, file: str, old: str, new: str, message: str
) -> None:
    folder = tmp_path / "mine"
    shutil.copytree(FOLDER, folder)
    text = (folder / file).read_text()
    assert old in text
    (folder / file).write_text(text.replace(old, new, 1))
    with pytest.raises(DocumentError, match=message) as error:
        load_device(folder)
    assert file in str(error.value)


def test_a_missing_table_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    shutil.copytree(FOLDER, folder)
    (folder / "kernels.csv").unlink()
    with pytest.raises(DocumentError, match=r"kernels\.csv"):
        load_device(folder)


def test_a_prediction_in_a_notebook_is_the_table_with_ms_per_row(device: Device) -> None:
    arch = load_arch("mobilenetv3-large")
    prediction = device.predict(arch)
    frame = prediction.to_frame()
    assert [*frame["predicted_ms"]] == pytest.approx(prediction.rows)
    assert [*frame["op"]] == [row.op for row in arch.rows]
    shown = prediction._repr_html_()
    assert f"{arch.name} on {device.name}: {prediction.ms:.3f} ms [" in shown
    assert shown.count("caution") == len(prediction.flags)


def test_a_traced_network_has_rows_without_a_table(device: Device) -> None:
    arch = load_arch("mobilenetv3-large")
    prediction = device.predict(arch.graph)
    assert [*prediction.to_frame().columns] == ["row", "predicted_ms"]
    assert f">{prediction.rows[0]:.3f}</td>" in prediction._repr_html_()
    assert repr(prediction).startswith(f"<Prediction {prediction.ms:.3f} ms [")


def test_a_device_in_a_notebook_says_what_it_is_and_how_far_off(device: Device) -> None:
    shown = device._repr_html_()
    assert "Apple iPhone 12" in shown
    assert f"{device.held_out['median_error_pct']:.1f} % on" in shown
    assert len(repr(device)) < 200
