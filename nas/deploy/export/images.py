"""What an export says of the images that its network takes, and of the classes that it tells."""

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
"""Names of a normalisation that is none of `NORMALISATIONS`."""


@dataclass(frozen=True, slots=True)
class InputImages:
    """Of one network. Without a normalisation: nothing says what it was trained with."""

    normalisation: Normalisation | None = NORMALISATIONS["imagenet"]
    trained: Trained = Trained()

    @classmethod
    def of(cls, weights: Path | None, wanted: str | None = None) -> InputImages:
        """As the folder of the weights says, where one does; `wanted` overrides its normalisation.

        Networks with random weights are normalised as ImageNet, as is usual.

        Raises:
            UnknownNameError, DocumentError: no normalisation is called `wanted`; a damaged folder.
        """
        trained = Trained() if weights is None else trained_with(weights)
        if wanted is not None:
            return cls(normalisation_of(wanted), trained)
        if trained.preprocessing:
            return cls(trained.preprocessing.normalisation, trained)
        return cls(trained=trained) if weights is None else cls(None, trained)

    @property
    def how(self) -> Preprocessing | None:
        """Everything that the training said, if it did."""
        return self.trained.preprocessing

    @property
    def classes(self) -> tuple[str, ...]:
        """In the order of the logits; empty: not known."""
        return self.how.classes if self.how else ()

    @property
    def name(self) -> str:
        """Of the normalisation."""
        if self.normalisation is None:
            return UNKNOWN
        if self.how and self.how.normalisation == self.normalisation:
            return AS_TRAINED
        names = [name for name, own in NORMALISATIONS.items() if own == self.normalisation]
        return names[0] if names else GIVEN

    def facts(self) -> dict[str, Any]:
        """Of the input, for the manifest: what brings an image to the tensor, in this order."""
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
        """What the weights were trained on, for the manifest; empty: not known."""
        found = {"recipe": self.trained.recipe}
        if self.how:
            found |= {"data": self.how.name, "fingerprint": self.how.fingerprint}
        return {key: value for key, value in found.items() if value}

    def metadata(self) -> dict[str, str]:
        """The same as text, for formats that keep some: values as JSON."""
        facts = self.facts() | {"training": self.training(), "classes": self.classes}
        return {key: json.dumps(value, ensure_ascii=False) for key, value in facts.items() if value}

    def lines(self, width: int) -> list[str]:
        """The same for a person to read."""
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
