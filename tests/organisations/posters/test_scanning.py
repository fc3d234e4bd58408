"""Whatever happens to a label on its way to a phone, a scanner reads the code."""

from dataclasses import replace
from io import BytesIO
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageDraw

from server.organisations.posters import draw_png, lay_out
from server.organisations.posters.matrix import QUIET_ZONE
from server.organisations.posters.page import PAGE_WIDTH
from tests.organisations.posters.samples import HOTLINES, LONG_URL, POSTER, URL, pixels, scanned


@pytest.mark.parametrize("url", [URL, LONG_URL], ids=["short", "longest"])
@pytest.mark.parametrize("hotlines", [HOTLINES[:2], HOTLINES], ids=["two-hotlines", "five-hotlines"])
def test_a_scanner_reads_exactly_the_url(url, hotlines):
    assert scanned(pixels(draw_png(replace(POSTER, url=url, hotlines=hotlines)))) == url


def test_a_scanner_reads_it_at_a_quarter_of_its_size():
    image = pixels(draw_png(replace(POSTER, hotlines=HOTLINES)))
    assert scanned(image.resize((image.width // 4, image.height // 4), Image.Resampling.BICUBIC)) == URL


def test_a_scanner_reads_it_when_the_phone_is_held_askew():
    image = pixels(draw_png(POSTER))
    assert scanned(image.rotate(7, Image.Resampling.BICUBIC, expand=True, fillcolor="#777777")) == URL


def test_a_scanner_reads_a_grainy_picture_squeezed_by_a_chat():
    image = pixels(draw_png(POSTER)).convert("L")
    grain = Image.frombytes("L", image.size, Random(7).randbytes(image.width * image.height))
    squeezed = BytesIO()
    Image.blend(image, grain, 0.4).save(squeezed, format="JPEG", quality=40)
    assert scanned(Image.open(squeezed)) == URL


def test_a_scanner_reads_it_through_a_blot_that_a_weak_code_would_not_survive():
    poster = replace(POSTER, url=LONG_URL)
    image, code = pixels(draw_png(poster)), lay_out(poster).frame.code
    scale = image.width / PAGE_WIDTH
    blot = code.width * 0.3 * scale  # a side of 30 % covers 9 % of the code; level L bears 7 %
    x, y = (code.x + code.width / 2) * scale, (code.y + code.height / 2) * scale
    ImageDraw.Draw(image).rectangle((x - blot / 2, y - blot / 2, x + blot / 2, y + blot / 2), fill="#333333")
    assert scanned(image) == LONG_URL


@settings(max_examples=20, deadline=None)
@given(
    scheme=st.sampled_from(["http://", "https://", "weixin://"]),
    rest=st.from_regex(
        r"[a-z0-9]{1,12}(\.[a-z]{2,8})?(/[A-Za-z0-9._~%!$&'()*+,;=:@-]{0,40}){0,2}\?[a-z=&#/]{0,20}", fullmatch=True
    ),
)
def test_whatever_the_url_is_made_of_it_comes_back(scheme, rest):
    url = scheme + rest
    assert scanned(pixels(draw_png(replace(POSTER, url=url), width_px=700))) == url


@pytest.mark.parametrize("width_px", [600, 1240, 1753])
def test_every_module_is_the_same_whole_number_of_pixels_in_a_white_quiet_zone(width_px):
    layout = lay_out(POSTER)
    scale, box = width_px / PAGE_WIDTH, layout.frame.code
    area = tuple(round(edge * scale) for edge in (box.x, box.y, box.right, box.bottom))
    code = pixels(draw_png(POSTER, width_px=width_px)).convert("L").crop(area)

    dark = ImageChops.invert(code).getbbox()
    assert dark is not None
    left, top, right, bottom = dark
    count = len(layout.modules)
    module, remainder = divmod(right - left, count)
    assert remainder == 0
    assert bottom - top == right - left
    assert min(left, top, code.width - right, code.height - bottom) >= QUIET_ZONE * module - 1
    small = code.crop(dark).resize((count, count), Image.Resampling.NEAREST)
    assert small.tobytes() == bytes(0 if is_dark else 255 for row in layout.modules for is_dark in row)
    assert small.resize((right - left, bottom - top), Image.Resampling.NEAREST).tobytes() == code.crop(dark).tobytes()
