"""What commands write: where they may, whole or not at all, by one process at a time."""

from nas.draft.destination import named_in, no_link, not_shipped, replaceable
from nas.draft.file import new_file, save
from nas.draft.made import MADE
from nas.draft.result import Draft
from nas.draft.unwritable import say_if_unwritten, writing
from nas.draft.work import Work, finished

__all__ = ["MADE", "Draft", "Work", "finished", "named_in", "new_file", "no_link"]
__all__ += ["not_shipped", "replaceable", "save", "say_if_unwritten", "writing"]
