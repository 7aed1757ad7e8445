"""Photograph the page of results/example, as README.md and docs/report.md show it.

Writes docs/images/report.png and report-phone.png. It needs Chromium and the extra `test-all`.

    python benchmarks/screenshots.py
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from nas.report.pages.choose import page_of

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "results" / "example"
IMAGES = ROOT / "docs" / "images"
SCREENS = {"report": (1120, 1500, 1.0), "report-phone": (390, 1150, 1.5)}
"""Width and height in CSS pixels, and pixels of the picture for each."""


def main() -> None:
    """Write the pictures."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        file = Path(folder) / "report.html"
        file.write_text(page_of(EXAMPLE).html(), encoding="utf-8")
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        for name, (width, height, scale) in SCREENS.items():
            page = browser.new_page(
                viewport={"width": width, "height": height}, device_scale_factor=scale
            )
            page.goto(file.as_uri())
            page.wait_for_selector("figure.plot .main-svg")
            page.screenshot(path=IMAGES / f"{name}.png")
        browser.close()


if __name__ == "__main__":
    main()
