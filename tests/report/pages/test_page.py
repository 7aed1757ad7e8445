"""The page in a real browser: offline, by keyboard, on a phone, on paper, for a screen reader."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nas import library
from nas.files.resources import named
from nas.report.pages.choose import page_of
from nas.report.svg.comparison import comparison_picture
from nas.report.svg.network import network_picture
from nas.report.tables.network import summarise

from ..conftest import EXAMPLE, edit

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PROGRAM = next(filter(None, map(shutil.which, PROGRAMS)), None)
OTHER = {"name": "pixel1-cpu", "hash": "0" * 12, "budget_ms": 60.0, "ms": 50.0}
HOSTILE = '<img src=x onerror="document.title=1"></script><script>alert(1)</script>'

pytestmark = [
    pytest.mark.slow,
    pytest.mark.needs("playwright", "axe_playwright_python"),
    pytest.mark.skipif(PROGRAM is None, reason="no Chromium here: apt-get install chromium"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright import sync_api

    with sync_api.sync_playwright() as playwright:
        args = ["--no-sandbox", "--disable-gpu"]  # root in a container, without a screen
        browser = playwright.chromium.launch(executable_path=PROGRAM, args=args)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a search with two devices."""
    folder = Path(shutil.copytree(EXAMPLE, tmp_path_factory.mktemp("page") / "run"))
    edit(folder, others=[OTHER])
    path = folder / "report.html"
    path.write_text(page_of(folder).html(), encoding="utf-8")
    return path


@pytest.fixture
def opened(browser: Any, file: Path) -> Iterator[Any]:
    """The page, offline; whatever is asked for or complained about fails the test."""
    yield from open_offline(browser, file)


def open_offline(browser: Any, file: Path, **options: Any) -> Iterator[Any]:
    context = browser.new_context(offline=True, **options)
    page = context.new_page()
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("dialog", lambda dialog: said.append(dialog.message))
    page.goto(file.as_uri())
    page.wait_for_selector("figure.plot .main-svg")
    yield page
    context.close()
    assert [url for url in asked if not url.startswith(("data:", "blob:"))] == [file.as_uri()]
    assert said == []


def test_every_plot_is_drawn(opened: Any) -> None:
    for plot in opened.query_selector_all("figure.plot"):
        assert plot.query_selector_all(".trace path, .bars path, .points path")
    front = "document.querySelector('#front .drawn')"
    opened.evaluate(f"Plotly.Fx.hover({front}, [{{curveNumber: 0, pointNumber: 0}}])")
    assert "starnet-s050" in opened.locator("#front .hoverlayer").text_content()
    assert "best" in opened.locator("#front .legend").text_content()


def test_a_device_is_chosen_and_intervals_hidden(opened: Any) -> None:
    plot = opened.locator("#front")
    assert "predicted on iphone12-lut" in plot.locator(".xtitle").text_content()
    bars = plot.locator(".errorbar path")
    assert bars.count() > 10
    plot.get_by_label("intervals").uncheck()
    assert bars.count() == 0
    plot.get_by_label("Device", exact=True).select_option("pixel1-cpu")
    assert "predicted on pixel1-cpu" in plot.locator(".xtitle").text_content()
    assert bars.count() == 0
    kinds = opened.locator("#kernels")
    kinds.locator("select").select_option("pixel1-cpu")
    kinds.locator("summary").click()
    shown = kinds.locator("tbody tr:visible td:nth-child(2)").all_inner_texts()
    assert set(shown) == {"pixel1-cpu"}


def test_the_winner_is_downloaded_as_it_is(opened: Any, file: Path, tmp_path: Path) -> None:
    with opened.expect_download() as download:
        opened.get_by_role("link", name="Download").click()
    path = tmp_path / download.value.suggested_filename
    download.value.save_as(path)
    assert path.read_bytes() == (file.parent / "best.yaml").read_bytes()
    assert path.name == f"{library.load_arch(path).arch_id}.yaml"


def test_the_keyboard_reaches_and_works_every_control(opened: Any) -> None:
    wanted = opened.locator("select, input, button, a[href], summary").count()
    reached = set()
    for _ in range(3 * wanted):
        opened.keyboard.press("Tab")
        reached.add(
            opened.evaluate(
                "[...document.querySelectorAll('select, input, button, a[href], summary')]"
                ".indexOf(document.activeElement)"
            )
        )
    assert reached >= set(range(wanted))
    checkbox = opened.locator("#front input")
    checkbox.focus()
    opened.keyboard.press("Space")
    assert not checkbox.is_checked()


def test_a_phone_shows_it_without_scrolling_sideways(browser: Any, file: Path) -> None:
    phone = {"width": 360, "height": 740}
    for page in open_offline(browser, file, viewport=phone, is_mobile=True, has_touch=True):
        assert page.evaluate("document.documentElement.scrollWidth") <= phone["width"]
        for plot in page.locator(".drawn .main-svg").all():
            assert plot.bounding_box()["width"] <= phone["width"]
        for control in page.locator("select:visible, button:visible, .button").all():
            assert control.bounding_box()["height"] >= 24


def test_paper_shows_figures_tables_and_no_controls(opened: Any, tmp_path: Path) -> None:
    opened.pdf(path=tmp_path / "page.pdf", format="A4")  # prints: with the page's own events
    assert (tmp_path / "page.pdf").stat().st_size > 50_000
    opened.emulate_media(media="print")
    assert not opened.locator(".controls").first.is_visible()
    assert opened.locator("#front .main-svg").first.is_visible()
    opened.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert opened.locator("#front table").is_visible()


def test_axe_finds_nothing_to_complain_about(opened: Any) -> None:
    from axe_playwright_python import sync_playwright as axe

    for folded in opened.query_selector_all("details"):
        folded.evaluate("details => { details.open = true; }")
    found = axe.Axe().run(opened)
    assert found.violations_count == 0, found.generate_report()


def test_text_of_files_stays_text(browser: Any, run: Path) -> None:
    best = run / "best.yaml"
    text = best.read_text(encoding="utf-8").replace("a point of mobile", HOSTILE.replace('"', "'"))
    best.write_text(text, encoding="utf-8")
    edit(run, command=HOSTILE, device={"name": HOSTILE, "hash": "0" * 12})
    path = run / "report.html"
    path.write_text(page_of(run).html(), encoding="utf-8")
    for page in open_offline(browser, path):
        assert HOSTILE in page.locator("#made ~ dl").inner_text()
        assert HOSTILE in page.title()
        assert page.locator("img").count() == 0


def test_no_text_of_a_picture_lies_on_another(browser: Any) -> None:
    page, device = browser.new_page(), library.load_device("iphone12-lut")
    surrogate, first = library.default_surrogate(), None
    for name in named("architecture"):
        shown = summarise(library.load_arch(name), device, surrogate)
        for svg in (network_picture(shown), comparison_picture(first or shown, shown)):
            page.set_content(f"<body style='margin: 0'>{svg}</body>")
            assert page.evaluate(OVERLAPS) == [], name
        first = shown
    page.close()


OVERLAPS = """() => {
  const size = document.querySelector("svg").getBoundingClientRect();
  const boxes = [...document.querySelectorAll("text")].filter((t) => t.textContent)
    .map((t) => [t.textContent, t.getBoundingClientRect()]);
  const found = [];
  boxes.forEach(([text, a], i) => {
    if (a.right > size.right || a.bottom > size.bottom) found.push(text + " leaves the picture");
    for (const [other, b] of boxes.slice(i + 1)) {
      if (a.left < b.right && b.left < a.right && a.top + 3 < b.bottom && b.top + 3 < a.bottom)
        found.push(text + " on " + other);
    }
  });
  return found;
}"""
