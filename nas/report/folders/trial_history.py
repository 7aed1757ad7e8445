"""Read from the store of a search when each trial ran and which choices mattered.

The database is never written. Importances are Optuna's PED-ANOVA (arXiv:2304.10255): how well a
choice separates the better trials from all trials.
"""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from nas.errors import DocumentError, first_line
from nas.study.database import FILE, sqlite_url
from nas.study.halving import rung_name
from nas.system.extras import require

if TYPE_CHECKING:
    from optuna import Study
    from optuna.storages import RDBStorage

ENOUGH = 30
"""With fewer trials, the order of importances is mostly chance."""
SHOWN = 15
"""Maximum number of choices listed."""


@dataclass(frozen=True, slots=True)
class StoredTrial:
    """One trial of the first rung, whose networks the strategy chose."""

    number: int
    """Position in the order of starting."""
    name: str
    ms: float
    top1: float
    minutes: float
    """From the start of the first trial to the end of this one."""


@dataclass(frozen=True, slots=True)
class TrialHistory:
    """Trials in order, and the importance of choices."""

    trials: tuple[StoredTrial, ...]
    importances: tuple[tuple[str, float], ...]
    """Choices and their shares of the total importance, largest first."""


def read_history(folder: Path, epochs: int, whole: int) -> TrialHistory | None:
    """Read the study of the rung of `epochs` of `whole`; None without a store.

    Raises:
        DocumentError: the store cannot be read.
        MissingExtraError: there is a store, and Optuna is not installed.
    """
    path = folder / FILE
    if not path.exists():
        return None
    optuna = require("train", "optuna")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        with _read_only(optuna, path) as storage:
            known = optuna.get_all_study_names(storage)
            names = rung_name(epochs, whole), f"proxy, {epochs} epochs"  # of an earlier version
            name = next((name for name in names if name in known), names[0])
            study = optuna.load_study(study_name=name, storage=storage)
            return TrialHistory(_trials(study), _importances(optuna, study))
    except Exception as error:  # from SQLite, SQLAlchemy or Optuna
        raise DocumentError(
            f"{path}: not a readable store of a search: {first_line(error)}"
        ) from None


@contextmanager
def _read_only(optuna: Any, path: Path) -> Iterator[RDBStorage]:
    """Open the store read-only, even if another process has it open or the folder is read-only."""
    log, index = (path.with_name(path.name + end) for end in ("-wal", "-shm"))
    logged = log.exists() and log.stat().st_size > 0
    with ExitStack() as stack:
        if logged and not index.exists():
            # no process has it open, and SQLite would write the index into the folder
            copies = Path(stack.enter_context(TemporaryDirectory()))
            path, log = (Path(shutil.copy(file, copies)) for file in (path, log))
        # a process that has it open may not have merged the log; without a log no index is needed
        how = {} if logged else {"immutable": "1"}
        url = sqlite_url(path, mode="ro", **how)
        storage: RDBStorage = optuna.storages.RDBStorage(url)
        stack.callback(storage.engine.dispose)
        stack.callback(storage.remove_session)
        yield storage


def _trials(study: Study) -> tuple[StoredTrial, ...]:
    complete = [t for t in study.trials if t.state.name == "COMPLETE"]
    first = min((t.datetime_start for t in complete if t.datetime_start), default=None)
    found = []
    for trial in complete:
        end = trial.datetime_complete
        minutes = (end - first).total_seconds() / 60 if first and end else 0.0
        attrs = trial.user_attrs
        name, ms = str(attrs.get("name", "")), float(attrs.get("predicted_ms", 0))
        found.append(StoredTrial(trial.number + 1, name, ms, trial.values[0], minutes))
    return tuple(found)


def _importances(optuna: Any, study: Study) -> tuple[tuple[str, float], ...]:
    """Importance of choices that every trial has; empty if all trials scored the same."""
    top1s = {t.values[0] for t in study.trials if t.state.name == "COMPLETE"}
    if len(top1s) < 2:
        return ()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about few trials, and about the sign, which is right here
        found = optuna.importance.get_param_importances(
            study,
            evaluator=optuna.importance.PedAnovaImportanceEvaluator(),
            target=lambda trial: -trial.values[0],  # the evaluator looks for low values
        )
    return tuple((name, share) for name, share in list(found.items())[:SHOWN] if share > 0)
