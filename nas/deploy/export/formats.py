"""Export formats by name. A new format is a module with `write` and an entry here."""

from __future__ import annotations

from nas.deploy.export import coreml, executorch, litert, onnx, torch, yaml
from nas.deploy.export.base import Format

FORMATS: dict[str, Format] = {
    form.name: form
    for form in (
        Format(
            "yaml",
            None,
            ".yaml",
            yaml.write,
            None,
            examine=lambda *_: "text; reads back the same",
            effort=0.1,
        ),
        Format("torch", "train", ".pt2", torch.write, "torch"),
        Format("onnx", "onnx", ".onnx", onnx.write, "onnxruntime", effort=2),
        Format(
            "coreml", "coreml", ".mlpackage", coreml.write, None, examine=coreml.check, effort=3
        ),
        Format("litert", "litert", ".tflite", litert.write, "litert", effort=4),
        Format(
            "litert-int8",
            "litert",
            "-int8.tflite",
            litert.write_int8,
            "litert",
            exact=False,
            lint="int8",
            effort=4,
        ),
        Format("executorch", "executorch", ".pte", executorch.write, "executorch", effort=4),
    )
}
