"""Core ML: an ML program that computes in fp16, for iOS 16 and later, as an `.mlpackage`.

An image input takes raw RGB and normalises it inside. Core ML's own image preprocessing has one
scale for all channels, and a mean cannot be folded into a padded convolution, whose zeros would no
longer be the mean; so two operations, which are exact, stand before the first layer. Where the
classes have names, such a model is a classifier as Apple's Vision takes it: in place of the logits
it gives a name and the probabilities by name (coremltools cannot write both).

Core ML runs on Apple's systems alone. Elsewhere the written file is read back and compared with the
network: ops, shapes, weights. On a Mac it is executed as well.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from nas.deploy.export.base import INPUT, OUTPUT, Deployed
from nas.deploy.export.ranks import within_rank
from nas.deploy.runtimes import Floats32
from nas.errors import ExportError
from nas.graph.graph import Graph
from nas.graph.ops import KINDS, MAX_RANK
from nas.system.extras import require
from nas.train.preprocessing import Normalisation

SPECIFICATION = 7
"""Version of the file format since iOS 16."""
MAX_BATCH = 64
"""Upper bound of a dynamic batch: Core ML needs a finite range for a default size."""
LABEL, PROBABILITIES = "classLabel", "classLabel_probs"
"""Outputs of a classifier, by coremltools' usual names."""
CLASSIFIER = f"a classifier: it gives {LABEL} and {PROBABILITIES}, no {OUTPUT}"
NOT_EXECUTED = (
    "execution was not checked: Core ML does not run on this system; ops, shapes and weights of the"
    " file are the network's"
)
WEIGHTED = ("conv", "linear")
"""Core ML's ops with most weights; the graph uses the same names."""


def write(deployed: Deployed, path: Path) -> None:
    """Write an `.mlpackage`.

    Raises:
        ExportError: the network does not fit Core ML.
    """
    if deployed.image_input and deployed.batch != 1:
        raise ExportError("coreml: an image input takes one image, so the batch must be 1")
    ct = require("coreml")
    image = ct.ImageType(name=INPUT, shape=(1, *deployed.arch.input))
    classifier = None
    if _classifies(deployed):
        classifier = ct.ClassifierConfig([*deployed.images.classes], predicted_feature_name=LABEL)
    model = ct.convert(
        _program(deployed),
        inputs=[image] if deployed.image_input else None,
        outputs=None if classifier else [ct.TensorType(name=OUTPUT, dtype=np.float32)],
        classifier_config=classifier,
        convert_to="mlprogram",
        minimum_deployment_target=ct.target.iOS16,
        compute_precision=ct.precision.FLOAT16,
        skip_model_load=True,
    )
    model.user_defined_metadata.update(deployed.images.metadata())
    model.save(str(path))


def _classifies(deployed: Deployed) -> bool:
    return deployed.image_input and bool(deployed.images.classes)


def _program(deployed: Deployed) -> Any:
    """The exported program within Core ML's rank limit, with normalisation if requested."""
    module = deployed.module_of(within_rank(deployed.graph))
    if deployed.image_input:
        assert deployed.images.normalisation is not None  # see `deploy`
        module = _normalising(module, deployed.images.normalisation, classify=_classifies(deployed))
    return deployed.exported(module, min=1, max=MAX_BATCH).run_decompositions({})


def _normalising(network: Any, normalisation: Normalisation, *, classify: bool = False) -> Any:
    """Wrap the network to take RGB in 0..255, and to return probabilities if `classify`."""
    import torch

    class Normalising(torch.nn.Module):
        mean: torch.Tensor
        scale: torch.Tensor

        def __init__(self) -> None:
            super().__init__()
            mean, std = (torch.tensor(v)[:, None, None] for v in normalisation)
            self.network = network
            self.register_buffer("mean", 255 * mean)
            self.register_buffer("scale", 1 / (255 * std))

        def forward(self, image: torch.Tensor) -> torch.Tensor:
            logits: torch.Tensor = self.network((image - self.mean) * self.scale)
            return logits.softmax(1) if classify else logits

    return Normalising().eval()


def verify(deployed: Deployed, spec: Any) -> Counter[str]:
    """Compare a file's content with the network; return how often each Core ML op occurs.

    Raises:
        ExportError: the file differs; expected and found are named.
    """
    ops = list(_ops(spec))
    counts = Counter(op.type for op in ops if op.type != "const")
    shapes = {
        output.name: tuple(side.constant.size for side in output.type.tensorType.dimensions)
        for op in ops
        for output in op.outputs
    }
    high = sorted({op.type for op in ops for o in op.outputs if len(shapes[o.name]) > MAX_RANK + 1})
    registry = require("coreml", "coremltools.converters.mil.mil.ops.registry")
    unknown = sorted(counts.keys() - registry.SSAOpRegistry.core_ops.keys())
    layers = {kind: _layers(deployed.graph, kind) for kind in WEIGHTED}
    for what, found, wanted in (
        ("specification version", spec.specificationVersion, SPECIFICATION),
        ("ops that Core ML does not know", unknown, []),
        (f"ops of more than {MAX_RANK + 1} dimensions", high, []),
        ("convolutions", counts["conv"], len(layers["conv"])),
        (
            "weights in layers",
            {kind: _weights(ops, shapes, kind) for kind in WEIGHTED},
            {kind: sum(sizes) for kind, sizes in layers.items()},
        ),
        ("inputs", _interface(spec.description.input), {INPUT: _input(deployed)}),
        ("outputs", _interface(spec.description.output), _outputs(deployed)),
        ("classes", _classes(ops), [*deployed.images.classes] if _classifies(deployed) else []),
    ):
        if found != wanted:
            raise ExportError(f"coreml: {what}: expected {wanted}, found {found} in the file")
    return counts


def _ops(spec: Any) -> Iterator[Any]:
    for function in spec.mlProgram.functions.values():
        for block in function.block_specializations.values():
            yield from block.operations


def _weights(ops: list[Any], shapes: dict[str, tuple[int, ...]], kind: str) -> int:
    """Number of weights, counted once for each layer, since equal tensors are stored once."""
    names = [op.inputs["weight"].arguments[0].name for op in ops if op.type == kind]
    return sum(prod(shapes[name]) for name in names)


def _layers(graph: Graph, kind: str) -> list[int]:
    """Weights of each layer that depends on the image; others are computed once.

    The converter implements unfold as a dense convolution that picks neighbours.
    """
    fed, found = {0}, []
    for index, op in enumerate(graph.ops):
        if fed.intersection(op.inputs):
            fed.add(index)
            if op.kind == kind:
                found.append(prod(KINDS[kind].weights(op)["weight"]))
            elif op.kind == "unfold" and kind == "conv":
                found.append(op.shape[0] * op.in_shapes[0][0] * op.attrs["k"] ** 2)
    return found


def _interface(features: Any) -> dict[str, tuple[Any, ...]]:
    """Type and shape of each feature; bounds if the batch is a range."""
    found: dict[str, tuple[Any, ...]] = {}
    for feature in features:
        kind = feature.type.WhichOneof("Type")
        if kind == "imageType":
            image = feature.type.imageType
            space = image.ColorSpace.Name(image.colorSpace)
            found[feature.name] = (space, image.height, image.width)
        elif kind != "multiArrayType":
            found[feature.name] = (kind,)
        else:
            array = feature.type.multiArrayType
            shape: list[Any] = list(array.shape)
            for side, bounds in enumerate(array.shapeRange.sizeRanges):
                if bounds.lowerBound != bounds.upperBound:
                    shape[side] = (bounds.lowerBound, bounds.upperBound)
            found[feature.name] = (array.ArrayDataType.Name(array.dataType), *shape)
    return found


def _input(deployed: Deployed) -> tuple[Any, ...]:
    c, h, w = deployed.arch.input
    if deployed.image_input:
        return ("RGB", h, w)
    return ("FLOAT32", deployed.batch or (1, MAX_BATCH), c, h, w)


def _outputs(deployed: Deployed) -> dict[str, tuple[Any, ...]]:
    """A shape that depends on the batch is not written."""
    shape = (deployed.batch, *deployed.graph.shape) if deployed.batch else ()
    if _classifies(deployed):
        return {LABEL: ("stringType",), PROBABILITIES: ("dictionaryType",)}
    return {OUTPUT: ("FLOAT32", *shape)}


def _classes(ops: list[Any]) -> list[str]:
    """Class names in the file, in the order of the logits."""
    held = [op.inputs["classes"].arguments[0].value for op in ops if op.type == "classify"]
    values = [value for one in held for value in one.immediateValue.list.values]
    return [name for value in values for name in value.immediateValue.tensor.strings.values]


def check(deployed: Deployed, path: Path, photos: Floats32) -> str:
    """Compare the file with the network and, on a Mac, run it; describe what was done.

    Shapes: photos (B, 3, H, W), normalised.

    Raises:
        ExportError: the file differs from the network.
    """
    verify(deployed, require("coreml").utils.load_spec(str(path)))
    if sys.platform != "darwin":
        return f"{CLASSIFIER}; {NOT_EXECUTED}" if _classifies(deployed) else NOT_EXECUTED
    images = np.resize(photos, (deployed.batch or 1, *deployed.arch.input))
    feed: Any = images
    if deployed.image_input:
        from PIL import Image

        assert deployed.images.normalisation is not None  # see `deploy`
        mean, std = deployed.images.normalisation
        pixels = np.rint(255 * (images[0].transpose(1, 2, 0) * std + mean)).clip(0, 255)
        feed = Image.fromarray(pixels.astype(np.uint8))
        images = deployed.normalise(pixels.transpose(2, 0, 1)[None] / 255)
    found = require("coreml").models.MLModel(str(path)).predict({INPUT: feed})
    expected, what = deployed.logits(images), "logits"
    if _classifies(deployed):
        expected, what = np.exp(expected - expected.max()), "probabilities"
        expected /= expected.sum()
        values = np.array([[found[PROBABILITIES][name] for name in deployed.images.classes]])
    else:
        values = found[OUTPUT]
    worst = np.abs(values - expected).max()
    return (
        f"executed by Core ML: {what} differ by up to {worst:.3g} of {np.abs(expected).max():.3g}"
    )
