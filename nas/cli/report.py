"""`nas report`: a folder of results as one HTML file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from nas.cli.options import Force, Json, argument, out_option
from nas.report.tables.text import print_facts, print_json
from nas.system.extras import require_extras

PAGE = "report.html"


def report(
    folder: Annotated[Path, argument("Result of nas search, nas sweep or nas adapt.", "FOLDER")],
    out: Annotated[
        Path | None, out_option(f"File to write; {PAGE} in the folder by default.", "FILE.html")
    ] = None,
    force: Force = False,
    json: Json = False,
) -> None:
    """Write a result as one HTML file.

    Plots, tables, the network as a picture, and how it was made.

    Examples:
        nas report results/example --out page.html
        nas report results/mobile-iphone12-lut-1ms --json
    """
    require_extras("report")
    from nas.files.staging import check_replaceable, save_text
    from nas.report.pages.choose import page_of

    path = out or folder / PAGE
    if folder.is_dir():  # else that is the mistake
        check_replaceable(path, force=force)
    page = page_of(folder)
    size = save_text(path, page.html(), force=force)
    if json:
        content = {"path": str(path), "title": page.title, "bytes": size}
        print_json(content | {"cautions": list(page.cautions)})
        return
    cautions = [("caution", caution) for caution in page.cautions]
    print_facts([("page", page.title), *cautions, ("written to", str(path))])
