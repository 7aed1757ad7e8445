"""What commands write: where they may, whole or not at all, by one process at a time."""

from nas.draft.destination import not_shipped, replaceable
from nas.draft.file import new_file, save
from nas.draft.result import SETTINGS, Draft, Work
from nas.draft.unwritable import writing

__all__ = ["SETTINGS", "Draft", "Work", "new_file", "not_shipped", "replaceable", "save", "writing"]
