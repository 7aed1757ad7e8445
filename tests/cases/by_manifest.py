"""Classifies images by an exported ONNX file and its manifest alone, as a stranger would.

    python by_manifest.py EXPORT IMAGES

EXPORT is the folder of the export; IMAGES has a folder for each class. Prints top-1 in percent.
"""

import sys
from pathlib import Path

import numpy as np
import onnxruntime
import yaml
from PIL import Image, ImageOps


def tensor(path, wanted):
    image = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
    for step in wanted["steps"]:
        size = step["size"]
        if step["step"] == "shorter_side":
            scale = size[0] / min(image.size)
            sides = [max(size[0], round(side * scale)) for side in image.size]
            image = image.resize(sides, Image.Resampling.BILINEAR)
        elif step["step"] == "centre_crop":
            left, top = ((side - size[0]) // 2 for side in image.size)
            image = image.crop((left, top, left + size[0], top + size[0]))
        else:
            image = image.resize((size[1], size[0]), Image.Resampling.BILINEAR)
    pixels = np.asarray(image, np.float32).transpose(2, 0, 1) / 255
    mean, std = (
        np.array(wanted["normalisation"][key], np.float32)[:, None, None] for key in ("mean", "std")
    )
    return ((pixels - mean) / std)[None]


def main(export, images):
    manifest = yaml.safe_load((export / "manifest.yaml").read_text())
    (file,) = export.glob("*.onnx")
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    wanted, classes = manifest["input"], manifest["output"]["classes"]
    right = []
    for path in sorted(images.rglob("*.png")):
        (logits,) = session.run(None, {wanted["name"]: tensor(path, wanted)})
        right.append(classes[int(logits[0].argmax())] == path.parent.name)
    sys.stdout.write(f"{100 * sum(right) / len(right)}\n")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
