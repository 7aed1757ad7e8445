"""The database of studies: an SQLite file in a folder, or any database that Optuna supports.

Several processes may write at once. A process shows that it lives by a locked file, and to other
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
"""Longest wait of a process for its turn to write."""
BEAT_S, SILENT_S = 30, 180
"""Interval of heartbeats between machines, and the silence after which a process counts as dead."""
TRIES = 3
"""Tries to create the tables."""


class Database:
    """An open database: `study.db` in a folder, or a URL that Optuna supports."""

    def __init__(
        self, folder: Path, url: str | None = None, scope: str = "", *, sole: bool = False
    ) -> None:
        """Open the database, or create it.

        `scope` is the prefix of the run's studies in a database of several runs; `sole` says that
        only this process writes them.

        Raises:
            StorageError: there is no such database.
        """
        self.scope = scope
        self.optuna = require("train", "optuna")
        self.optuna.logging.set_verbosity(self.optuna.logging.WARNING)
        self.sole, self.local = sole, url is None or sole
        self.owner = Owner(folder, everyone=self.local)
        self.url = url or sqlite_url(folder / FILE)
        self._only_reads = False
        self.stores: dict[str, Any] = {}
        """Stores of `Store.of`, by name."""
        self._tables = self._open()
        self.storage: BaseStorage = self.optuna.storages.get_storage(self._tables)

    def _open(self) -> RDBStorage:
        """Connect, and create the tables if there are none."""
        if self.url.startswith("postgresql"):
            require("postgres")
        options: dict[str, Any] = {"heartbeat_interval": BEAT_S, "grace_period": SILENT_S}
        if self.url.startswith("sqlite"):
            options = {"engine_kwargs": {"connect_args": {"timeout": WAIT_S}}}
        for tries_left in reversed(range(TRIES)):
            try:
                # two processes cannot create the tables at once
                with self.owner.exclusive(), self.ignoring_experimental():
                    rdb: RDBStorage = self.optuna.storages.RDBStorage(self.url, **options)
                break
            except Exception as error:  # any exception of the URL's driver
                raise_write_error(error, self.owner.folder.parent)
                if not tries_left:
                    raise StorageError(f"--storage {self.url}: {first_line(error)}") from None
                time.sleep(1)  # another machine may be creating them
        if self.url.startswith("sqlite"):
            self._serialise(rdb.engine)
        return rdb

    @contextmanager
    def reading(self) -> Iterator[None]:
        """A block that only reads, so that SQLite need not wait for writers."""
        self._only_reads = True
        try:
            yield
        finally:
            self._only_reads = False

    def _serialise(self, engine: Any) -> None:
        """Make writing transactions of SQLite exclusive from their first statement on.

        By default Python begins a transaction at the first write, so that what was read before it
        may have changed.
        """
        from sqlalchemy import event

        engine.dispose()

        @event.listens_for(engine, "connect")
        def connected(connection: Any, _: Any) -> None:
            connection.isolation_level = None  # the driver begins no transaction by itself
            connection.execute("PRAGMA journal_mode=WAL")

        @event.listens_for(engine, "begin")
        def begun(connection: Any) -> None:
            connection.exec_driver_sql("BEGIN" if self._only_reads else "BEGIN IMMEDIATE")

    @contextmanager
    def ignoring_experimental(self) -> Iterator[None]:
        """Silence Optuna's warning that its heartbeat is experimental."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", self.optuna.exceptions.ExperimentalWarning)
            yield

    def has(self, name: str) -> bool:
        """Whether there is a study of that name; only a sole writer sees later ones."""
        return name in self.stores or name in self.names

    @cached_property
    def names(self) -> dict[str, None]:
        """Names of the run's studies, oldest first, as of the first use of this property."""
        with self.reading():
            studies = sorted(self.storage.get_all_studies(), key=lambda study: study._study_id)
        names = (study.study_name for study in studies)
        own = (name.removeprefix(self.scope) for name in names if name.startswith(self.scope))
        return dict.fromkeys(own)

    def insert_params(
        self, trial: int, params: Mapping[str, Any], kinds: Mapping[str, Any]
    ) -> None:
        """Insert the parameters of a trial; `kinds` are their Optuna distributions."""
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
        """Close the connection, and let other processes take over unfinished trials."""
        self.storage.remove_session()
        self._tables.engine.dispose()
        self.owner.release()


def sqlite_url(path: Path, **query: str) -> str:
    """The URL of an SQLite file; its path may have any characters."""
    from sqlalchemy import URL

    file = path.absolute().as_uri()
    return URL.create("sqlite", database=file, query={"uri": "true", **query}).render_as_string()
