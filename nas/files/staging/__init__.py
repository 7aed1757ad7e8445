"""What commands write: where they may, whole or not at all, by one process at a time."""

from nas.files.staging.destination import named_in, no_link, not_shipped, replaceable
from nas.files.staging.file import new_file, save
from nas.files.staging.made import MADE
from nas.files.staging.result import Draft
from nas.files.staging.unwritable import say_if_unwritten, writing
from nas.files.staging.work import Work, finished

__all__ = ["MADE", "Draft", "Work", "finished", "named_in", "new_file", "no_link"]
__all__ += ["not_shipped", "replaceable", "save", "say_if_unwritten", "writing"]
