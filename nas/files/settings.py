"""The settings of a run, recorded as `settings.json` in its folder, and whether it may be resumed.

Settings are contents (hashes of a space, a device, images, ...), values (a strategy, the keys of a
recipe, ...) and sizes (trials, epochs, ...). To resume a run, contents and values must be the same,
wherever the files are now; sizes may grow.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from functools import reduce
from hashlib import sha256
from operator import or_
from pathlib import Path
from typing import Any

from nas.errors import DocumentError, ResultError, brief, first_line
from nas.files.records import between, read_record
from nas.files.text import read_text

FILE = "settings.json"
SCHEMA = 1
INSTEAD = "choose another --name, or use --force to start over"


@dataclass(frozen=True)
class RunInputs:
    """What one part of a run depends on; see `RunSettings`."""

    contents: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, object] = field(default_factory=dict)
    defaults: Mapping[str, object] = field(default_factory=dict)

    def __or__(self, other: RunInputs) -> RunInputs:
        return RunInputs(
            {**self.contents, **other.contents},
            {**self.values, **other.values},
            {**self.defaults, **other.defaults},
        )


@dataclass(frozen=True)
class RecordedSettings:
    """The keys of `settings.json`."""

    command: str
    name: str
    """The result's name when the run was started."""
    contents: Mapping[str, str]
    """Hashes of files and data that may be edited in place."""
    values: Mapping[str, object]
    """JSON values."""
    sizes: Mapping[str, int] = between(high=1e15)
    """Numbers that may be larger when the run is resumed."""

    @property
    def study(self) -> str:
        """The run's name in a shared database: the result's name and a hash of all but sizes."""
        known = [self.command, self.contents, self.values]
        text = json.dumps(known, sort_keys=True)
        return f"{self.name} {sha256(text.encode()).hexdigest()[:8]}"

    def scope(self, storage: str | None) -> str:
        """Prefix of the run's study names; empty in a database of its own."""
        return f"{self.study}: " if storage else ""

    def write(self, folder: Path) -> None:
        """Write `settings.json` into a folder, atomically."""
        content = {"schema": SCHEMA} | {
            p.name: getattr(self, p.name) for p in fields(RecordedSettings)
        }
        draft = folder / f".{FILE}"
        with draft.open("w", encoding="utf-8") as file:
            file.write(json.dumps(content, indent=1) + "\n")
            file.flush()
            os.fsync(file.fileno())  # a power cut could leave it empty otherwise
        draft.replace(folder / FILE)


@dataclass(frozen=True)
class RunSettings(RecordedSettings):
    """The settings that a command asks for."""

    defaults: Mapping[str, object] = field(default_factory=dict)
    """Defaults of `values`, for keys that an earlier version did not know; not recorded."""
    outdated: tuple[str, ...] = ()
    """Patterns of files in the run's folder that are wrong once a size grows."""

    @classmethod
    def of(
        cls, command: str, name: str, sizes: Mapping[str, int], *parts: RunInputs
    ) -> RunSettings:
        """Settings that combine all `parts`."""
        whole = reduce(or_, parts, RunInputs())
        return cls(command, name, whole.contents, whole.values, sizes, whole.defaults)

    def check(self, recorded: RecordedSettings, where: Path) -> None:
        """Check that a recorded run has the same contents and values.

        Raises:
            ResultError: one differs; the message names the first, with its old and new value.
        """
        if self.command != recorded.command:
            raise ResultError(
                f"{where} was made by nas {recorded.command}, not nas {self.command}; {INSTEAD}"
            )
        old, new, default = (
            dict(_flatten(v)) for v in (recorded.values, self.values, self.defaults)
        )
        for key in dict.fromkeys([*new, *old]):
            before, now = (found.get(key, default.get(key)) for found in (old, new))
            # a key that one version does not know equals a key that is off
            off = not (key in old and key in new) and not before and not now
            if before != now and not off:
                raise ResultError(
                    f"{where} was started with {key} {_shown(before)}, found {_shown(now)};"
                    f" resume with the same settings, {INSTEAD}"
                )
        for key in dict.fromkeys([*self.contents, *recorded.contents]):
            before, now = (found.contents.get(key, "none") for found in (recorded, self))
            if before != now:
                raise ResultError(
                    f"{where} was started with another {key} (content {before}, now {now});"
                    f" restore it to resume, {INSTEAD}"
                )

    def smaller(self, recorded: RecordedSettings) -> str | None:
        """Name of the first size that is smaller than recorded."""
        return next((key for key, n in self.sizes.items() if n < recorded.sizes.get(key, n)), None)

    def larger(self, recorded: RecordedSettings) -> str | None:
        """Name of the first size that is larger than recorded."""
        return next((key for key, n in self.sizes.items() if n > recorded.sizes.get(key, 0)), None)


def _flatten(values: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Flatten nested mappings and lists of mappings to dotted names and plain values."""
    if isinstance(values, list | tuple) and any(isinstance(own, Mapping) for own in values):
        values = {str(index): own for index, own in enumerate(values, start=1)}
    if isinstance(values, Mapping):
        for key, own in values.items():
            yield from _flatten(own, f"{name}.{key}" if name else str(key))
    else:
        yield name, list(values) if isinstance(values, tuple) else values


def _shown(value: Any) -> str:
    return "none" if value is None else value if isinstance(value, str) else brief(value)


def read_settings(folder: Path) -> RecordedSettings:
    """Read the settings that a folder's run was started with.

    Raises:
        ResultError: the file is missing, damaged or of another version; the message says what to
            do.
    """
    path = folder / FILE
    if not path.exists():
        raise ResultError(f"{folder} has no {FILE}, which says what it was made with; {INSTEAD}")
    try:
        content = _parsed(read_text(path), path)
        schema = content.pop("schema", None)
        if schema == SCHEMA:
            return read_record(RecordedSettings, content, str(path))
    except DocumentError as error:
        raise ResultError(f"{error}; without it the run cannot be resumed: {INSTEAD}") from None
    version = "an earlier" if schema is None else "another"
    raise ResultError(
        f"{path} is of {version} version of nas (schema {brief(schema)}, expected {SCHEMA});"
        f" resume with that version, {INSTEAD}"
    )


def _parsed(text: str, path: Path) -> dict[str, Any]:
    if not text.strip():
        raise DocumentError(f"{path} is empty")
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DocumentError(f"{path} is damaged: {first_line(error)}") from None
    if not isinstance(content, dict):
        raise DocumentError(f"{path} is damaged: expected keys and values, found {brief(content)}")
    return content
