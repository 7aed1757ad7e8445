"""`nas schema`: what editors complete and check a YAML file by."""

from __future__ import annotations

from typing import Annotated

from nas.cli.options import argument
from nas.errors import check_names
from nas.report.tables.text import print_json


def schema(
    kind: Annotated[str, argument("arch, space, device, recipe or sweep.", "KIND")],
) -> None:
    """Print the JSON Schema of one kind of YAML file, for editors.

    Examples:
        nas schema space
        nas schema sweep
    """
    from nas.schema import KINDS

    check_names("kind of file", [kind], KINDS)
    print_json(KINDS[kind].schema())
