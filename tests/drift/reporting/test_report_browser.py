"""The report in a real browser: nothing fails, nothing is fetched, everything is seen, sorted, read
in the dark, on a phone, on paper."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from reported_comparison import inputs

from drift.reporting.report import report

api = pytest.importorskip("playwright.sync_api")
CHROMIUM = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed"),
]

CONTRAST = """
() => {
  const channel = (value) => (value /= 255) <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  const parsed = (text) => text.match(/[\\d.]+/g).map(Number);
  const luminance = (rgb) => 0.2126 * channel(rgb[0]) + 0.7152 * channel(rgb[1]) + 0.0722 * channel(rgb[2]);
  const behind = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const colour = parsed(getComputedStyle(one).backgroundColor);
      if (colour.length === 3 || colour[3] > 0) return colour;
    }
    return parsed(getComputedStyle(document.documentElement).backgroundColor);
  };
  const worst = {};
  for (const element of document.querySelectorAll("h1, h2, h3, p, li, a, th, td, caption, dt, dd, figcaption, summary, button, svg text")) {
    if (!element.textContent.trim() || !element.getClientRects().length) continue;
    const style = getComputedStyle(element);
    const [a, b] = [luminance(parsed(element.closest("svg") ? style.fill : style.color)), luminance(behind(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const name = element.tagName.toLowerCase();
    worst[name] = Math.min(worst[name] ?? 99, ratio);
  }
  return worst;
}
"""
OUTSIDE = """
() => [...document.querySelectorAll("figure svg text")].filter((text) => {
  const [box, page] = [text.getBoundingClientRect(), text.closest("svg").getBoundingClientRect()];
  return box.left < page.left - 2 || box.right > page.right + 2 || box.top < page.top - 2 || box.bottom > page.bottom + 2;
}).map((text) => text.textContent)
"""


@pytest.fixture(scope="module")
def address(tmp_path_factory) -> str:
    return report(path=tmp_path_factory.mktemp("browser") / "report.html", **inputs()).as_uri()


@pytest.fixture(scope="module")
def browser() -> Iterator[api.Browser]:
    with api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def page(browser, address, request) -> Iterator[api.Page]:
    """The page in a window as asked for; faults and requests of any kind fail the test."""
    context = browser.new_context(**getattr(request, "param", {}))
    opened = context.new_page()
    faults: list[str] = []
    opened.on("console", lambda message: faults.append(message.text))
    opened.on("pageerror", lambda error: faults.append(str(error)))
    opened.on(
        "request",
        lambda asked: asked.url.startswith(("file://", "data:")) or faults.append(asked.url),
    )
    opened.goto(address)
    yield opened
    assert not faults
    context.close()


def test_every_figure_is_seen_and_keeps_its_text_inside(page):
    figures = page.locator("figure svg")
    assert figures.count() >= 10
    for number in range(figures.count()):
        box = figures.nth(number).bounding_box()
        assert box["width"] > 200 and box["height"] > 150 and figures.nth(number).is_visible()
    assert page.evaluate(OUTSIDE) == []
    assert page.title() == "Representational drift: simulation beside recording"


def test_tables_are_sorted_by_mouse_and_by_keyboard(page):
    head = page.locator("#summary thead th", has_text="slope").first
    values = (
        "(rows) => rows.map((row) => row.cells[3].dataset.value).filter((value) => "
        "value).map(Number)"
    )
    rows = page.locator("#summary tbody tr")
    before = rows.evaluate_all(values)
    head.get_by_role("button").click()
    assert (
        head.get_attribute("aria-sort") == "ascending"
        and rows.evaluate_all(values) == sorted(before) != before
    )
    head.get_by_role("button").focus()
    page.keyboard.press("Enter")
    assert head.get_attribute("aria-sort") == "descending" and rows.evaluate_all(values) == sorted(
        before, reverse=True
    )
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    assert (
        page.locator("#summary thead th[aria-sort]").count() == 1
        and head.get_attribute("aria-sort") is None
    )
    errors = rows.evaluate_all("(rows) => rows.map((row) => row.cells[4].dataset.value)")
    known = [float(value) for value in errors if value]
    assert known == sorted(known) and errors[: len(known)] == [
        value for value in errors if value
    ]  # unknown ones come last
    page.locator("#summary thead th", has_text="source").get_by_role("button").click()
    names = rows.evaluate_all("(rows) => rows.map((row) => row.cells[1].textContent)")
    assert names == sorted(names, key=str.casefold)


@pytest.mark.parametrize(
    "page", [{"viewport": {"width": 360, "height": 700}, "is_mobile": True}], indirect=True
)
def test_on_a_phone_only_tables_scroll_sideways(page):
    widths = page.evaluate(
        "[document.documentElement.scrollWidth, document.body.scrollWidth, window.innerWidth]"
    )
    assert max(widths) == 360
    assert (
        page.locator(".scroll").first.evaluate(
            "(box) => box.scrollWidth > box.clientWidth && getComputedStyle(box).overflowX"
        )
        == "auto"
    )
    assert page.evaluate(OUTSIDE) == []
    sizes = page.locator("figure svg text").evaluate_all(
        "(texts) => texts.map((text) => text.getBoundingClientRect().height)"
    )
    assert min(sizes) >= 7


@pytest.mark.parametrize(
    "page",
    [{"color_scheme": "light"}, {"color_scheme": "dark"}],
    indirect=True,
    ids=["light", "dark"],
)
def test_light_and_dark_can_be_read(page):
    dark = page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    background, ink = page.evaluate(
        "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]"
    )
    assert (background, ink) == (
        ("rgb(22, 23, 24)", "rgb(233, 232, 228)")
        if dark
        else ("rgb(255, 255, 255)", "rgb(28, 28, 26)")
    )
    contrast = page.evaluate(CONTRAST)
    assert {"text", "td", "figcaption", "a", "li"} <= set(contrast) and min(
        contrast.values()
    ) >= 4.5, contrast
    line = page.locator("#curve-0 path[style*='currentColor']").first.evaluate(
        "(line) => getComputedStyle(line).stroke"
    )
    assert line == ink


def test_it_prints_without_controls_and_without_cutting_figures(page, tmp_path):
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
    assert not page.locator("nav").is_visible() and not page.locator(".hint").first.is_visible()
    assert (
        page.evaluate("getComputedStyle(document.querySelector('.sort'), '::after').display")
        == "none"
    )
    assert (
        page.evaluate("getComputedStyle(document.querySelector('figure')).breakInside") == "avoid"
    )
    printed = page.pdf(path=tmp_path / "report.pdf", format="A4")
    assert printed.startswith(b"%PDF") and 3 <= printed.count(b"/Type /Page\n") <= 15


def test_recipes_unfold(page):
    recipe = page.locator("details").first
    assert not recipe.locator("pre").is_visible()
    recipe.locator("summary").focus()
    page.keyboard.press("Enter")
    assert recipe.locator("pre").is_visible() and "[task]" in recipe.locator("pre").inner_text()
