"""The report in headless Chromium."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.report.write import write_report
from tests.pipeline.browser import NAMES, Browser, browser, find_browser

pytestmark = pytest.mark.skipif(find_browser() is None, reason=f"there is no browser: none of {', '.join(NAMES)}")

DESKTOP, PHONE = 1200, 360
READY = "document.documentElement.dataset.plots"
PLOTS = """() => [...document.querySelectorAll(".plot")].map(div => [
    div.id, Number(div.dataset.drawn), div.getBoundingClientRect().width, div.querySelector(".main-svg")?.clientWidth
])"""


@pytest.fixture(scope="module")
def page(finished_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(finished_root, tmp_path_factory.mktemp("report") / "page.html")


@pytest.fixture
def chromium(tmp_path: Path) -> Iterator[Browser]:
    with browser(tmp_path / "profile") as opened:
        yield opened


def luminance(colour: str) -> float:
    """Return the luminance of `rgb(r, g, b)`, from 0 to 1 (Rec. 709, without gamma)."""
    red, green, blue = (float(part) / 255 for part in colour[colour.index("(") + 1 : -1].split(",")[:3])
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [DESKTOP, PHONE])
def test_every_plot_is_drawn_without_errors(
    chromium: Browser, page: Path, tmp_path: Path, width: int, dark: bool
) -> None:
    chromium.open(page, width=width, dark=dark)
    chromium.wait_for(READY)

    traces = chromium.evaluate(
        "Object.fromEntries(JSON.parse(document.getElementById('figures').textContent)"
        ".map(figure => [`plot-${figure.name}`, figure.data.length]))"
    )
    drawn = chromium.evaluate(f"({PLOTS})()")
    assert {name: count for name, count, *_ in drawn} == traces
    assert len(traces) == 16
    assert all(0 < svg <= box + 1 <= width for _, _, box, svg in drawn)
    assert chromium.complaints == []
    assert chromium.requested == [page.as_uri()]
    assert chromium.evaluate("document.documentElement.scrollWidth") <= width
    chromium.screenshot(tmp_path / "page.png")
    assert (tmp_path / "page.png").stat().st_size > 10_000


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_text_and_plots_contrast_with_the_background(chromium: Browser, page: Path, dark: bool) -> None:
    chromium.open(page, width=DESKTOP, dark=dark)
    chromium.wait_for(READY)
    paper, *inks = map(
        luminance,
        chromium.evaluate(
            """["body", "#verdict", "#plot-timings .ytick text", "#plot-losses .xtitle"].map(
                (selector, place) => getComputedStyle(document.querySelector(selector))[
                    place == 0 ? "backgroundColor" : place == 1 ? "color" : "fill"])"""
        ),
    )
    assert (paper < 0.2) == dark
    assert all(abs(ink - paper) > 0.5 for ink in inks)


def test_printed_page_is_light_and_fits_the_paper(chromium: Browser, page: Path, tmp_path: Path) -> None:
    chromium.open(page, width=DESKTOP, dark=True)
    chromium.wait_for(READY)
    chromium.call("Emulation.setEmulatedMedia", media="print")
    chromium.evaluate("dispatchEvent(new Event('beforeprint'))")
    chromium.wait_for("[...document.querySelectorAll('.main-svg')].every(svg => svg.clientWidth <= 640)")
    assert (
        luminance(chromium.evaluate("getComputedStyle(document.querySelector('#plot-timings .ytick text')).fill")) < 0.2
    )
    assert luminance(chromium.evaluate("getComputedStyle(document.body).backgroundColor")) == 1
    chromium.print(tmp_path / "page.pdf")
    assert (tmp_path / "page.pdf").read_bytes().startswith(b"%PDF")
    chromium.evaluate("dispatchEvent(new Event('afterprint'))")
    chromium.wait_for("document.querySelector('#plot-timings .main-svg').clientWidth > 640")


def test_texts_of_the_log_are_neither_run_nor_markup(chromium: Browser, page: Path) -> None:
    chromium.open(page, width=DESKTOP)
    chromium.wait_for(READY)
    assert chromium.evaluate("document.title") == "alphabet: blessed"
    assert chromium.evaluate(
        "[...'img b i'.split(' ')].map(tag => document.querySelectorAll(`main ${tag}:not(.heat)`).length)"
    ) == [0, 0, 0]
    assert chromium.evaluate("document.querySelector('#users').textContent.includes('<b>Dodo</b>')")


def test_injected_script_is_blocked(chromium: Browser, page: Path, tmp_path: Path) -> None:
    spoilt = tmp_path / "spoilt.html"
    spoilt.write_text(page.read_text().replace("<main>", "<main><script>document.title = 'taken'</script>"))
    chromium.open(spoilt, width=DESKTOP)
    chromium.wait_for(READY)
    assert chromium.evaluate("document.title") == "alphabet: blessed"
    assert any("Content Security Policy" in complaint for complaint in chromium.complaints)
