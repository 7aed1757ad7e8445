"""Output files and folders: allowed destinations, atomic writes, one writing process at a time."""

from nas.files.staging.destination import (
    check_no_link,
    check_not_shipped,
    check_replaceable,
    output_path,
)
from nas.files.staging.ownership import MADE
from nas.files.staging.resumable_dir import (
    ResumableDir,
    is_interrupted,
    is_result_of,
    result_of,
)
from nas.files.staging.staged_dir import StagedDir
from nas.files.staging.staged_file import save_text, staged_file
from nas.files.staging.write_errors import raise_write_error, writing

__all__ = ["MADE", "ResumableDir", "StagedDir", "check_no_link", "check_not_shipped"]
__all__ += ["check_replaceable", "is_interrupted", "is_result_of", "output_path"]
__all__ += ["raise_write_error", "result_of", "save_text", "staged_file", "writing"]
