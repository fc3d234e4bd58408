"""What a browser makes of the SVG."""

import re
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO

import pytest
from PIL import Image, ImageChops, ImageStat
from playwright.sync_api import Browser, Page

from server.organisations.posters import draw_png, draw_svg, lay_out
from server.organisations.posters.page import WHITE
from tests.organisations.posters.samples import HOTLINES, LONG_URL, PLACES, POSTER, pixels, scanned

pytestmark = pytest.mark.browser


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    # CSS has 96 pixels an inch: 148 mm are 559.4 of them.
    drawn = browser.new_page(viewport={"width": 560, "height": 794}, device_scale_factor=2)
    yield drawn
    drawn.close()


def photograph(page: Page, svg: str) -> Image.Image:
    page.set_content(f"<!doctype html><style>body {{ margin: 0 }} svg {{ display: block }}</style>{svg}")
    return Image.open(BytesIO(page.screenshot())).convert("RGB")


def test_a_scanner_reads_the_code_from_the_screen(page):
    assert scanned(photograph(page, draw_svg(replace(POSTER, url=LONG_URL, hotlines=HOTLINES)))) == LONG_URL


def test_it_looks_like_the_png(page):
    poster = replace(POSTER, place=PLACES[5], hotlines=HOTLINES)
    screen = photograph(page, draw_svg(poster)).resize((280, 397), Image.Resampling.BOX)
    png = pixels(draw_png(poster)).resize((280, 397), Image.Resampling.BOX)
    [difference] = ImageStat.Stat(ImageChops.difference(screen, png).convert("L")).mean
    [blank] = ImageStat.Stat(ImageChops.difference(screen, Image.new("RGB", screen.size, WHITE)).convert("L")).mean
    assert difference < blank / 5


@pytest.mark.parametrize("font", ["DejaVu Sans Mono", "serif"])
def test_no_text_grows_out_of_its_place_in_another_font(page, font):
    layout = lay_out(replace(POSTER, place=PLACES[5], hotlines=HOTLINES))
    svg = draw_svg(replace(POSTER, place=PLACES[5], hotlines=HOTLINES))
    photograph(page, re.sub(r'font-family="[^"]+"', f'font-family="{font}"', svg))
    widths = page.evaluate("[...document.querySelectorAll('text')].map(text => text.getBBox().width)")
    for width, line in zip(widths, layout.lines, strict=True):
        assert width == pytest.approx(line.width, rel=0.02)
