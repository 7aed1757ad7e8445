"""Metadata of an export about input images and classes."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from textwrap import wrap
from typing import Any

from nas.train.preprocessing import (
    NORMALISATIONS,
    Normalisation,
    Preprocessing,
    Trained,
    normalisation_of,
    trained_with,
)

INTERPOLATION = "bilinear, antialiased"
GIVEN, AS_TRAINED, UNKNOWN = "given", "trained", "unknown"
"""Name of a normalisation that is not one of `NORMALISATIONS`."""


@dataclass(frozen=True, slots=True)
class InputImages:
    """Images and classes of one network; its normalisation is None if not known."""

    normalisation: Normalisation | None = NORMALISATIONS["imagenet"]
    trained: Trained = Trained()

    @classmethod
    def of(cls, weights: Path | None, wanted: str | None = None) -> InputImages:
        """Read the results folder of the weights, if any; `wanted` replaces its normalisation.

        Networks with random weights use ImageNet's normalisation.

        Raises:
            UnknownNameError, DocumentError: `wanted` is unknown, or the folder is damaged.
        """
        trained = Trained() if weights is None else trained_with(weights)
        if wanted is not None:
            return cls(normalisation_of(wanted), trained)
        if trained.preprocessing:
            return cls(trained.preprocessing.normalisation, trained)
        return cls(trained=trained) if weights is None else cls(None, trained)

    @property
    def how(self) -> Preprocessing | None:
        """The preprocessing of the training, if recorded."""
        return self.trained.preprocessing

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names in the order of the logits; empty if not known."""
        return self.how.classes if self.how else ()

    @property
    def name(self) -> str:
        """Name of the normalisation."""
        if self.normalisation is None:
            return UNKNOWN
        if self.how and self.how.normalisation == self.normalisation:
            return AS_TRAINED
        names = [name for name, own in NORMALISATIONS.items() if own == self.normalisation]
        return names[0] if names else GIVEN

    def facts(self) -> dict[str, Any]:
        """Input facts for the manifest: how to preprocess an image, in this order."""
        mean, std = self.normalisation or (None, None)
        found: dict[str, Any] = {}
        if self.how and self.how.decoding:
            found["decoding"] = self.how.decoding
            found["steps"] = [asdict(step) for step in self.how.steps]  # none: of that size
            found["interpolation"] = INTERPOLATION
        return found | {
            "normalisation": {
                "name": self.name,
                "of": "(image - mean) / std, per channel, of RGB in 0..1",
                "mean": mean and [*mean],
                "std": std and [*std],
            }
        }

    def training(self) -> dict[str, str]:
        """Training facts for the manifest; empty if not known."""
        found = {"recipe": self.trained.recipe}
        if self.how:
            found |= {"data": self.how.name, "fingerprint": self.how.fingerprint}
        return {key: value for key, value in found.items() if value}

    def metadata(self) -> dict[str, str]:
        """The facts as text, with JSON values, for formats with metadata."""
        facts = self.facts() | {"training": self.training(), "classes": self.classes}
        return {key: json.dumps(value, ensure_ascii=False) for key, value in facts.items() if value}

    def lines(self, width: int) -> list[str]:
        """The facts as readable lines."""
        if self.normalisation is None:
            found = ["RGB images; nothing says how they were normalised in training"]
        else:
            mean, std = self.normalisation
            found = [f"RGB images in 0..1, less {mean}, divided by {std}"]
        if self.how and self.how.steps:
            steps = [f"{step.step} {' x '.join(map(str, step.size))}" for step in self.how.steps]
            found.append(f"brought to size by {', then '.join(steps)} ({INTERPOLATION})")
        if self.classes:
            found.append(f"classes: {', '.join(f'{i} {c}' for i, c in enumerate(self.classes))}")
        shown = ("".join(c for c in line if c.isprintable()) for line in found)
        return [part for line in shown for part in wrap(line, width, break_on_hyphens=False)]
