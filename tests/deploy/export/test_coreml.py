"""Core ML: what is in the file is the network; it cannot be executed here."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from nas.deploy.export import FORMATS, NORMALISATIONS, Deployed, InputImages, deploy, write
from nas.deploy.export.coreml import NOT_EXECUTED, _normalising, check, verify
from nas.errors import ExportError
from nas.library import load_arch, load_space
from nas.space.arch import Arch
from nas.system.capture import capture_output
from nas.train.preprocessing import Preprocessing, Trained

from .conftest import short

COREML = FORMATS["coreml"]


def spec_of(path: Path) -> Any:
    with capture_output():
        import coremltools

        return coremltools.utils.load_spec(str(path))


def written(deployed: Deployed, folder: Path) -> Any:
    path = folder / f"{deployed.arch.name}.mlpackage"
    write(deployed, COREML, path)
    return spec_of(path)


@pytest.fixture(scope="module")
def path(deployed: Deployed, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("coreml") / "tiny.mlpackage"
    write(deployed, COREML, path)
    return path


@pytest.fixture(scope="module")
def spec(path: Path) -> Any:
    return spec_of(path)


def test_mobilenetv3_small_is_written_op_by_op(tmp_path: Path) -> None:
    deployed = deploy(load_arch("mobilenetv3-small"))
    counts = verify(deployed, written(deployed, tmp_path))
    acts = [op.attrs["fn"] for op in deployed.graph.ops if op.kind == "act"]
    assert counts["conv"] == sum(op.kind == "conv" for op in deployed.graph.ops) == 52
    assert counts["linear"] == 2
    assert counts["relu"] == acts.count("relu")
    assert counts["sigmoid_hard"] == acts.count("hswish") + acts.count("hsigmoid")
    assert "batch_norm" not in counts
    assert counts["cast"] == 2  # to fp16 and back


def test_weights_are_fp16(spec: Any) -> None:
    (block,) = spec.mlProgram.functions["main"].block_specializations.values()
    types = {out.name: out.type.tensorType for op in block.operations for out in op.outputs}
    convs = [op for op in block.operations if op.type == "conv"]
    names = {types[op.inputs["weight"].arguments[0].name].dataType for op in convs}
    field = types[convs[0].outputs[0].name].DESCRIPTOR.fields_by_name["dataType"]
    assert names == {field.enum_type.values_by_name["FLOAT16"].number}


def test_a_file_of_another_network_is_refused(deployed: Deployed, spec: Any, tiny: Arch) -> None:
    wider = replace(tiny.rows[-1], out=11)  # type: ignore[call-arg]
    for other, message in (
        (deploy(load_arch("mobilenetv2")), "convolutions: expected 52, found 17"),
        (deploy(replace(tiny, rows=(*tiny.rows[:-1], wider))), "weights in layers"),
        (replace(deployed, batch=2), "inputs: expected .*2, 3, 32, 32"),
        (replace(deployed, image_input=True), "inputs: expected .*RGB"),
    ):
        with pytest.raises(ExportError, match=message):
            verify(other, spec)


def test_a_dynamic_batch_is_a_range_and_nothing_reaches_the_terminal(
    deployed: Deployed, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    spec = written(replace(deployed, batch=None), tmp_path)
    assert capfd.readouterr() == ("", "")
    array = spec.description.input[0].type.multiArrayType
    batch = array.shapeRange.sizeRanges[0]
    assert (list(array.shape), batch.lowerBound, batch.upperBound) == ([1, 3, 32, 32], 1, 64)


def test_an_image_input_takes_rgb_and_normalises_inside(
    deployed: Deployed, spec: Any, tmp_path: Path
) -> None:
    image = replace(deployed, images=InputImages(), image_input=True)
    added = verify(image, written(image, tmp_path)) - verify(deployed, spec)
    assert added == {"sub": 1, "mul": 1}


def test_an_image_input_with_named_classes_is_a_classifier(
    deployed: Deployed, spec: Any, tmp_path: Path
) -> None:
    names = tuple(f"kind {number}" for number in range(10))
    how = Preprocessing("mine", "a test", (0.1,), (0.05,), 32, classes=names)
    images = InputImages(how.normalisation, Trained(how))
    classifier = replace(deployed, images=images, image_input=True)
    found = written(classifier, tmp_path)
    added = verify(classifier, found) - verify(deployed, spec)
    assert added == {"sub": 1, "mul": 1, "softmax": 1, "classify": 1}
    assert found.description.predictedFeatureName == "classLabel"
    metadata = found.description.metadata.userDefined
    assert json.loads(metadata["classes"]) == [*names]
    assert json.loads(metadata["normalisation"])["mean"] == [0.1] * 3
    swapped = Preprocessing("mine", "a test", (0.1,), (0.05,), 32, classes=names[::-1])
    other = replace(classifier, images=InputImages(how.normalisation, Trained(swapped)))
    with pytest.raises(ExportError, match="classes: expected .*kind 9.* found .*kind 0"):
        verify(other, found)


@pytest.mark.parametrize("normalisation", ["imagenet", "half", "none"])
def test_normalising_inside_is_normalising_outside(deployed: Deployed, normalisation: str) -> None:
    wanted = NORMALISATIONS[normalisation]
    pixels = np.random.default_rng(0).integers(0, 256, (2, 3, 32, 32)).astype(np.float32)
    with torch.no_grad():
        inside = _normalising(deployed.module, wanted)(torch.from_numpy(pixels)).numpy()
    outside = replace(deployed, images=InputImages(wanted))
    expected = outside.logits(outside.normalise(pixels / 255))
    np.testing.assert_allclose(inside, expected, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("batch", [None, 4])
def test_an_image_input_takes_one_image(
    deployed: Deployed, tmp_path: Path, batch: int | None
) -> None:
    images = replace(deployed, batch=batch, image_input=True)
    with pytest.raises(ExportError, match="batch must be 1"):
        write(images, COREML, tmp_path / "tiny.mlpackage")


@pytest.mark.skipif(sys.platform == "darwin", reason="Core ML runs here")
def test_what_was_not_executed_is_said(deployed: Deployed, path: Path) -> None:
    images = np.zeros((1, 3, 32, 32), np.float32)
    assert check(deployed, path, images) == NOT_EXECUTED
    assert NOT_EXECUTED.startswith("execution was not checked")
    with pytest.raises(ExportError, match="inputs"):
        check(replace(deployed, batch=2), path, images)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        *("mobilenetv2", "efficientnet-b0", "repvit-m0.9", "mobilevit-xxs", "swin-t"),
        *("edgenext-xxs", "efficientformerv2-s0", "efficientvit-b0", "mobilevitv2-0.5"),
        "swiftformer-xs",
    ],
)
def test_a_family_is_written(tmp_path: Path, name: str) -> None:
    deployed = deploy(short(name))
    counts = verify(deployed, written(deployed, tmp_path))
    assert counts["conv"] == sum(op.kind == "conv" for op in deployed.graph.ops)


@pytest.mark.slow
def test_a_random_point_is_written(tmp_path: Path) -> None:
    deployed = deploy(load_space("mobile").sample(np.random.default_rng(0)))
    assert verify(deployed, written(deployed, tmp_path))
