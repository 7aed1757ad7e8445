"""What a run was started with, as `settings.json` in its folder, and who may go on with it.

A run is known by contents (hashes of a space, a device, images, ...), by values (a strategy, the
keys of a recipe, ...) and by sizes (trials, epochs, ...). Contents and values must be the same to
go on, wherever the files lie now; sizes may grow.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from hashlib import sha256
from pathlib import Path
from secrets import token_hex
from typing import Any

from nas.errors import DocumentError, ResultError, brief, first_line
from nas.files.records import between, read_record
from nas.files.text import read_text

FILE = "settings.json"
SCHEMA = 1
INSTEAD = "choose another --name, or use --force to start over"


@dataclass(frozen=True)
class RunInputs:
    """What a part of a run depends on: see `RunSettings`."""

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
    """Of the result, when the run was started."""
    contents: Mapping[str, str]
    """Hashes of what may be edited in its place."""
    values: Mapping[str, object]
    """Anything that JSON knows."""
    sizes: Mapping[str, int] = between(high=1e15)
    """What may be larger when the run goes on."""

    @property
    def study(self) -> str:
        """Names the run where a database holds many: words, and a hash of all that is not size."""
        known = [self.command, self.contents, self.values]
        text = json.dumps(known, sort_keys=True)
        return f"{self.name} {sha256(text.encode()).hexdigest()[:8]}"

    def scope(self, storage: str | None) -> str:
        """Begins the names of the run's studies; nothing in a database of its own."""
        return f"{self.study}: " if storage else ""

    def write(self, folder: Path) -> None:
        """Record them in a folder, whole or not at all."""
        content = {"schema": SCHEMA} | {
            p.name: getattr(self, p.name) for p in fields(RecordedSettings)
        }
        draft = folder / f".{FILE}"
        with draft.open("w", encoding="utf-8") as file:
            file.write(json.dumps(content, indent=1) + "\n")
            file.flush()
            os.fsync(file.fileno())  # else a power cut may leave it empty
        draft.replace(folder / FILE)


@dataclass(frozen=True)
class RunSettings(RecordedSettings):
    """What a run depends on, as a command asks for it."""

    defaults: Mapping[str, object] = field(default_factory=dict)
    """Of `values`, for keys that an earlier version did not know; not recorded."""
    outdated: tuple[str, ...] = ()
    """Patterns of files in its folder that hold only for the sizes they were made with."""

    @classmethod
    def of(
        cls, command: str, name: str, sizes: Mapping[str, int], *parts: RunInputs
    ) -> RunSettings:
        """Of everything in `parts`."""
        whole = RunInputs()
        for part in parts:
            whole = whole | part
        return cls(command, name, whole.contents, whole.values, sizes, whole.defaults)

    def check(self, recorded: RecordedSettings, where: Path) -> None:
        """Refuse to go on with a run of other contents or values.

        Raises:
            ResultError: naming the first that differs, before and now.
        """
        if self.command != recorded.command:
            raise ResultError(
                f"{where} was made by nas {recorded.command}, not nas {self.command}; {INSTEAD}"
            )
        old, new, default = (dict(_flat(v)) for v in (recorded.values, self.values, self.defaults))
        for key in dict.fromkeys([*new, *old]):
            before, now = (found.get(key, default.get(key)) for found in (old, new))
            # what one version does not know, and another records as off, is the same
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
        """The first size that is smaller than recorded."""
        return next((key for key, n in self.sizes.items() if n < recorded.sizes.get(key, n)), None)

    def larger(self, recorded: RecordedSettings) -> str | None:
        """The first size that is larger than recorded."""
        return next((key for key, n in self.sizes.items() if n > recorded.sizes.get(key, 0)), None)


def with_new_name(settings: RunSettings) -> RunSettings:
    """The same for a run that is no other's: a database may still hold what one before has done."""
    return replace(settings, name=f"{settings.name} {token_hex(2)}")


def _flat(values: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Nested mappings and lists of them, as names with dots and plain values."""
    if isinstance(values, list | tuple) and any(isinstance(own, Mapping) for own in values):
        values = {str(index): own for index, own in enumerate(values, start=1)}
    if isinstance(values, Mapping):
        for key, own in values.items():
            yield from _flat(own, f"{name}.{key}" if name else str(key))
    else:
        yield name, list(values) if isinstance(values, tuple) else values


def _shown(value: Any) -> str:
    return "none" if value is None else value if isinstance(value, str) else brief(value)


def read_settings(folder: Path) -> RecordedSettings:
    """What a folder's run was started with.

    Raises:
        ResultError: the file is missing, damaged or of another version; what to do is said.
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
