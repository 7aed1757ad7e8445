"""The contract of every format: it is written, runs, and computes what torch does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import isnan, nan
from pathlib import Path
from typing import cast

import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from spaces_of_ops import space_of

import nas
from nas.blocks import BLOCKS
from nas.deploy.export import FORMATS, Deployed, deploy, export
from nas.deploy.export.base import Format
from nas.deploy.export.check import TOLERANCE, OutputCheck, check, load_photos
from nas.deploy.export.run import MANIFEST, steps, write
from nas.deploy.runtimes import RUNTIMES, Runtime, Session, run
from nas.errors import DataError, ExportError, UnknownNameError
from nas.files.staging.ownership import LISTED
from nas.library import load_arch
from nas.space.arch import Arch

from ...conftest import needing
from .conftest import short

SEEDS = (
    *("mobilenetv1", "mobilenetv2", "mobilenetv3-small", "efficientnet-b0"),
    *("repvit-m0.9", "mobilevit-xxs", "edgenext-xxs", "efficientformerv2-s0", "efficientvit-b0"),
    *("mobilevitv2-0.5", "swiftformer-xs"),
)
EXACT = [form.name for form in FORMATS.values() if form.runtime and form.exact]
OTHER_OPS = sorted(BLOCKS.keys() - {row.op for name in SEEDS for row in load_arch(name).rows})
"""Row ops of no network in `SEEDS`."""


@pytest.fixture(params=FORMATS.values(), ids=lambda form: form.name)
def form(request: pytest.FixtureRequest) -> Format:
    return request.param


@pytest.mark.slow
@pytest.mark.needs("executorch", "litert")
def test_every_format_is_written_and_computes_the_same(
    tiny: Arch, weights: Callable[[Arch], Path], tmp_path: Path
) -> None:
    found = export(tiny, list(FORMATS), tmp_path, weights=weights(tiny))
    assert not found.failures
    content = yaml.safe_load((found.path / MANIFEST).read_text())
    assert content == found.manifest
    for entry in content["formats"]:
        form = FORMATS[entry["format"]]
        for file in entry["files"]:
            assert (found.path / file["name"]).exists()
            assert file["bytes"] > 0
        if form.runtime is None:
            assert entry["note"]
        else:
            differences = (entry["check"]["max_diff_photos"], entry["check"]["max_diff_noise"])
            assert max(differences) < (1e-4 if form.exact else 0.2)
            assert entry["check"]["max_logit"] > 0.1
    listed = {file["name"] for entry in content["formats"] for file in entry["files"]}
    assert listed | {MANIFEST, LISTED} == {path.name for path in found.path.iterdir()}


def test_the_dynamic_axis_of_onnx_is_named_batch(tiny: Arch, tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    found = export(tiny, ["onnx"], tmp_path, batch=None)
    graph = onnx.load(found.path / f"{tiny.name}.onnx").graph
    values = [*graph.input, *graph.output, *graph.value_info]
    axes = {dim.dim_param for value in values for dim in value.type.tensor_type.shape.dim}
    assert axes - {""} == {"batch"}


@pytest.mark.slow
@pytest.mark.needs("executorch", "litert")
@pytest.mark.parametrize("name", SEEDS)
def test_seeds_agree_with_torch(name: str, weights: Callable[[Arch], Path], tmp_path: Path) -> None:
    arch = short(name)
    written = export(arch, EXACT, tmp_path, weights=weights(arch))
    assert not written.failures
    assert len(written.exported) == len(EXACT)
    for one in written.exported:
        assert one.check is not None
        assert one.check.worst < 1e-3
        assert one.check.max_logit > 0.1


@pytest.mark.slow
@pytest.mark.needs("onnx", "litert")
@pytest.mark.parametrize("op", OTHER_OPS)
def test_a_random_point_with_each_other_op_agrees_with_torch(
    op: str, weights: Callable[[Arch], Path], tmp_path: Path
) -> None:
    arch = replace(space_of(op).sample(np.random.default_rng(0)), input=(3, 64, 64))
    written = export(arch, ["onnx", "litert"], tmp_path, weights=weights(arch))
    assert not written.failures
    for one in written.exported:
        assert one.check is not None
        assert one.check.max_logit > 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("format", ["torch", "onnx", *map(needing, ("litert", "executorch"))])
def test_a_dynamic_batch_takes_several_images(
    format: str, tiny: Arch, weights: Callable[[Arch], Path], tmp_path: Path
) -> None:
    many = deploy(tiny, weights=weights(tiny), batch=None)
    path = tmp_path / f"net{FORMATS[format].suffix}"
    write(many, FORMATS[format], path)
    session = RUNTIMES[FORMATS[format].runtime or ""].load(path, 1)
    for batch in (1, 3):
        images = np.random.default_rng(batch).standard_normal((batch, *tiny.input))
        images = images.astype(np.float32)
        np.testing.assert_allclose(run(session, images), many.logits(images), atol=1e-4)


def test_onnx_agrees_with_torch(deployed: Deployed, tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    write(deployed, FORMATS["onnx"], path)
    found = check(deployed, FORMATS["onnx"], path, load_photos(deployed))
    assert found is not None
    assert found.worst < TOLERANCE
    assert found.same_top1 == 1


@pytest.mark.parametrize("size", [1e-8, 1e8])
def test_logits_of_fresh_weights_may_have_any_size(size: float, tiny: Arch, tmp_path: Path) -> None:
    path, fresh = tmp_path / "net.onnx", deploy(tiny)
    with torch.no_grad():
        for tensor in [*fresh.module.parameters()][-2:]:  # of the classifier
            tensor *= size
    write(fresh, FORMATS["onnx"], path)
    found = check(fresh, FORMATS["onnx"], path, load_photos(fresh))
    assert found is not None
    assert found.max_logit == pytest.approx(0.0131 * size, rel=0.01)


def test_a_file_that_computes_something_else_is_refused(
    deployed: Deployed, tiny: Arch, tmp_path: Path
) -> None:
    path = tmp_path / "net.onnx"
    write(deploy(tiny), FORMATS["onnx"], path)  # other weights
    with pytest.raises(ExportError, match="onnx: logits differ from torch's by up to"):
        check(deployed, FORMATS["onnx"], path, load_photos(deployed))


def test_an_unknown_format_is_named(tiny: Arch, tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="unknown format 'onx'; nearest: onnx"):
        export(tiny, ["onx"], tmp_path)
    assert not [*tmp_path.iterdir()]


def test_a_photograph_that_cannot_be_decoded_is_named(
    deployed: Deployed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.new("RGB", (9, 9)).save(tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 9)
    with pytest.raises(DataError, match=r"a\.png: no image that can be decoded"):
        load_photos(deployed, tmp_path)


@pytest.mark.parametrize("differences", [(nan, 0.0), (0.0, nan)], ids=["photos", "noise"])
def test_no_number_is_the_worst(differences: tuple[float, float]) -> None:
    assert isnan(OutputCheck("onnxruntime", "1", *differences, 1.0, 1.0).worst)


def test_what_cannot_be_converted_is_named_by_row_and_op(
    deployed: Deployed, tmp_path: Path
) -> None:
    def refuse_gelu(net: Deployed, path: Path) -> None:
        if any(
            node.target == "row4_repvit.act" or "gelu" in str(node.target)
            for node in net.program.graph.nodes
        ):
            raise TypeError("gelu is not supported\nsecond line")
        path.touch()

    form = Format("strict", None, ".strict", refuse_gelu, None)
    with pytest.raises(
        ExportError, match=r"strict: row 4, row4_repvit\..*act \(act\): gelu is not"
    ):
        write(deployed, form, tmp_path / "net.strict")


def test_what_a_runtime_refuses_is_named_by_row_and_op(
    deployed: Deployed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def list_ops(net: Deployed, path: Path) -> None:
        path.write_text("\n".join(op.name for op in net.graph.ops))

    def load(path: Path, threads: int) -> Session:
        if "repvit" in path.read_text():
            raise RuntimeError("no kernel\nsecond line")
        return cast("Session", None)

    form = Format("strict", None, ".strict", list_ops, "strict")
    monkeypatch.setitem(RUNTIMES, "strict", Runtime("strict", "strict", "", load, "torch"))
    write(deployed, form, path := tmp_path / "net.strict")
    with pytest.raises(ExportError, match=r"^strict: row 4, row4_repvit\..* \(conv\): no kernel$"):
        check(deployed, form, path, load_photos(deployed))


def test_a_failed_format_leaves_the_others(
    tiny: Arch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(net: Deployed, path: Path) -> None:
        path.write_text("half")
        raise ExportError("broken: row 1: no")

    monkeypatch.setitem(FORMATS, "broken", Format("broken", None, ".broken", fail, None))
    found = export(tiny, ["broken", "yaml"], tmp_path)
    assert found.failures == ("broken: row 1: no",)
    assert {path.name for path in found.path.iterdir()} == {"tiny.yaml", MANIFEST, LISTED}
    with pytest.raises(ExportError, match="broken: row 1: no"):
        export(tiny, ["broken"], tmp_path / "other")
    assert not list((tmp_path / "other").iterdir())


def test_progress_names_what_is_done(tiny: Arch, tmp_path: Path) -> None:
    heard: list[tuple[str, float]] = []
    export(tiny, ["yaml"], tmp_path, on_progress=lambda *report: heard.append(report))
    named, shares = zip(*heard, strict=True)
    assert named == ("building the network", "converting to yaml", "checking yaml")
    assert 0 == shares[0] < shares[1] < shares[2] < 1


def test_a_slow_format_is_more_of_the_work() -> None:
    heard: list[float] = []
    for _, report in steps(["yaml", "litert", "torch"], lambda _, share: heard.append(share)):
        report("", 0.0)
        report("", 1.0)
    built, yaml_done, litert, litert_done, torch_begins, done = heard
    assert (yaml_done, litert_done, done) == pytest.approx((litert, torch_begins, 1))
    assert 0 < built < yaml_done < litert_done < done
    assert litert_done - litert > 3 * (done - torch_begins)


def test_yaml_reads_back_and_says_what_rows_cost(tmp_path: Path) -> None:
    for name in ("mobilenetv3-large", "repvit-m0.9", "mobilevit-xxs"):
        arch = nas.load_arch(name)
        path = tmp_path / f"{name}.yaml"
        write(deploy(arch), FORMATS["yaml"], path)
        assert nas.load_arch(path) == arch
        rows = [line for line in path.read_text().splitlines() if line.startswith("  -")]
        params = [int(row.split("#")[1].split()[0].replace(",", "")) for row in rows]
        assert sum(params) == arch.params
