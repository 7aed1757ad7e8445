"""Where studies are: an SQLite file in a folder, or any database that Optuna knows.

Several processes may write at once; each says that it lives by a file it holds locked, and on other
machines by a heartbeat in the database.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas.errors import StorageError, first_line
from nas.files.staging import raise_write_error
from nas.study.owner import Owner
from nas.system.extras import require

if TYPE_CHECKING:
    from optuna.storages import BaseStorage, RDBStorage

FILE = "study.db"
WAIT_S = 120
"""Longest that a process waits for its turn to write."""
BEAT_S, SILENT_S = 30, 180
"""How often processes on other machines show that they live, and when they are taken for dead."""
TRIES = 3
"""To make the tables."""


class Database:
    """Where studies are: `study.db` in a folder, or any URL that Optuna knows."""

    def __init__(
        self, folder: Path, url: str | None = None, scope: str = "", *, sole: bool = False
    ) -> None:
        """`scope` is of one run, where a database holds many: only its studies are seen.

        `sole`: whoever writes there is seen in `folder`, wherever the database is.
        """
        self.scope = scope
        self.optuna = require("train", "optuna")
        self.optuna.logging.set_verbosity(self.optuna.logging.WARNING)
        self.sole, self.local = sole, url is None or sole
        self.owner = Owner(folder, everyone=self.local)
        self.url = url or sqlite_url(folder / FILE)
        self._only_reads = False
        self.stores: dict[str, Any] = {}
        """By name, those of `Store.of`."""
        self._tables = self._opened()
        self.storage: BaseStorage = self.optuna.storages.get_storage(self._tables)

    def _opened(self) -> RDBStorage:
        """The tables, made where there are none.

        Raises:
            StorageError: there is no such database.
        """
        if self.url.startswith("postgresql"):
            require("postgres")
        options: dict[str, Any] = {"heartbeat_interval": BEAT_S, "grace_period": SILENT_S}
        if self.url.startswith("sqlite"):
            options = {"engine_kwargs": {"connect_args": {"timeout": WAIT_S}}}
        for tries_left in reversed(range(TRIES)):
            try:
                # two processes cannot make the tables at once
                with self.owner.exclusive(), self.quietly():
                    rdb: RDBStorage = self.optuna.storages.RDBStorage(self.url, **options)
                break
            except Exception as error:  # of whatever driver the URL names
                raise_write_error(error, self.owner.folder.parent)
                if not tries_left:
                    raise StorageError(f"--storage {self.url}: {first_line(error)}") from None
                time.sleep(1)  # another machine may be making them
        if self.url.startswith("sqlite"):
            self._serialise(rdb.engine)
        return rdb

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Within this nothing is written, so SQLite need not wait for whoever writes."""
        self._only_reads = True
        try:
            yield
        finally:
            self._only_reads = False

    def _serialise(self, engine: Any) -> None:
        """Make transactions of SQLite that write wait for each other from their first statement on.

        Python's default begins them at the first write: what was read before may have changed.
        """
        from sqlalchemy import event

        engine.dispose()

        @event.listens_for(engine, "connect")
        def connected(connection: Any, _: Any) -> None:
            connection.isolation_level = None  # the driver begins nothing by itself
            connection.execute("PRAGMA journal_mode=WAL")

        @event.listens_for(engine, "begin")
        def begun(connection: Any) -> None:
            connection.exec_driver_sql("BEGIN" if self._only_reads else "BEGIN IMMEDIATE")

    @contextmanager
    def quietly(self) -> Iterator[None]:
        """Without Optuna's warning that its heartbeat may change."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", self.optuna.exceptions.ExperimentalWarning)
            yield

    def has(self, name: str) -> bool:
        """Whether there is a study of that name; others than the sole writer make none later."""
        return name in self.stores or name in self.names

    @cached_property
    def names(self) -> dict[str, None]:
        """Of the run's studies that there were when this was first asked, oldest first."""
        with self.reading():
            studies = sorted(self.storage.get_all_studies(), key=lambda study: study._study_id)
        names = (study.study_name for study in studies)
        own = (name.removeprefix(self.scope) for name in names if name.startswith(self.scope))
        return dict.fromkeys(own)

    def insert_params(
        self, trial: int, params: Mapping[str, Any], kinds: Mapping[str, Any]
    ) -> None:
        """What Optuna shows of a trial, beside its value; each of one of the `kinds`."""
        from sqlalchemy import column, table

        rows = [
            {
                "trial_id": trial,
                "param_name": name,
                "param_value": kinds[name].to_internal_repr(value),
                "distribution_json": self.optuna.distributions.distribution_to_json(kinds[name]),
            }
            for name, value in params.items()
        ]
        if rows:
            own = table("trial_params", *map(column, rows[0]))
            with self._tables.engine.begin() as connection:
                connection.execute(own.insert(), rows)

    def close(self) -> None:
        """Let other processes take over what this one has not finished."""
        self.storage.remove_session()
        self._tables.engine.dispose()
        self.owner.release()


def sqlite_url(path: Path, **query: str) -> str:
    """The URL of an SQLite file, whatever characters its path has."""
    from sqlalchemy import URL

    file = path.absolute().as_uri()
    return URL.create("sqlite", database=file, query={"uri": "true", **query}).render_as_string()
