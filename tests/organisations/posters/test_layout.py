"""Every word is on the page, large enough to be read, and covers no other."""

from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops

from server.organisations.posters import draw_png, lay_out
from server.organisations.posters.layout import Layout, Line
from server.organisations.posters.page import BRAND_SOFT, PAGE, PAGE_WIDTH, PRINTABLE, WHITE, Box
from server.texts.hotlines import Hotline
from tests.organisations.posters.samples import HOTLINES, PLACES, POSTER, holds, pixels


def overlap(one: Box, other: Box) -> bool:
    return one.x < other.right and other.x < one.right and one.y < other.bottom and other.y < one.bottom


def assert_nothing_is_clipped_or_covered(layout: Layout) -> None:
    frame = layout.frame
    boxes = [line.box for line in layout.lines]
    for line in layout.lines:
        assert holds(PRINTABLE, line.box), line
    for one, other in combinations([*boxes, frame.mark, frame.panel], 2):
        assert not overlap(one, other), (one, other)
    for box in (frame.mark, frame.card, *frame.rules):
        assert holds(PRINTABLE, box)
    assert holds(frame.card, frame.panel)
    assert holds(frame.panel, frame.code)


def contrast(one: str, other: str) -> float:
    """The ratio of WCAG 2."""

    def luminance(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_the_page_is_a5():
    assert (PAGE.width, PAGE.height) == (148, 210)


@pytest.mark.parametrize("count", [2, 3, 4, 5])
@pytest.mark.parametrize("place", PLACES)
def test_every_word_of_a_real_name_is_on_the_page_and_covers_no_other(place, count):
    layout = lay_out(replace(POSTER, place=place, hotlines=HOTLINES[:count]))
    assert_nothing_is_clipped_or_covered(layout)
    printed = "".join(line.text for line in layout.lines).replace(" ", "")
    assert place.replace(" ", "") in printed


@settings(max_examples=60, deadline=None)
@given(
    place=st.text(alphabet=st.characters(min_codepoint=0x4E00, max_codepoint=0x9FA5), min_size=1, max_size=30),
    hotlines=st.lists(
        st.builds(
            Hotline,
            name=st.text(alphabet="心理援助热线 A（）", min_size=1, max_size=16).filter(str.strip),
            number=st.text(alphabet="0123456789-", min_size=3, max_size=13),
            hours=st.text(alphabet="每天周一至五 0123456789:–，", min_size=1, max_size=24).filter(str.strip),
        ),
        min_size=2,
        max_size=5,
    ),
)
def test_names_of_up_to_thirty_characters_and_any_hotlines_have_room(place, hotlines):
    assert_nothing_is_clipped_or_covered(lay_out(replace(POSTER, place=place, hotlines=tuple(hotlines))))


@settings(max_examples=200, deadline=None)
@given(st.builds(replace, st.just(POSTER), place=st.text(), opens=st.text(), invite=st.text(), brand=st.text()))
def test_any_text_is_refused_or_wholly_on_the_page(poster):
    try:
        layout = lay_out(poster)
    except ValueError:
        return
    assert_nothing_is_clipped_or_covered(layout)


@pytest.mark.parametrize("place", PLACES)
def test_no_ink_stands_in_the_margin_that_offices_cannot_print(place):
    image = pixels(draw_png(replace(POSTER, place=place, hotlines=HOTLINES)))
    scale = image.width / PAGE_WIDTH
    inked = ImageChops.difference(image, Image.new("RGB", image.size, WHITE)).getbbox()
    assert inked is not None
    left, top, right, bottom = (edge / scale for edge in inked)
    assert holds(PRINTABLE, Box(left + 0.5, top + 0.5, right - left - 1, bottom - top - 1))


def test_a_long_name_takes_two_lines_and_stays_larger_than_what_the_code_opens():
    lines = lay_out(replace(POSTER, place=PLACES[5])).lines
    place = [line for line in lines if line.text in PLACES[5]]
    assert len(place) == 2
    [opens] = [line for line in lines if line.text == POSTER.opens]
    assert min(line.size for line in place) > opens.size


def test_widths_are_those_of_the_table_in_the_font():
    # Noto Sans SC: digits are 555, Chinese 1000 thousandths wide.
    assert Line("12356心桥", x=0, y=0, size=10).width == pytest.approx(5 * 5.55 + 2 * 10)


def test_every_text_stands_out_from_its_ground():
    layout = lay_out(POSTER)
    for line in layout.lines:
        ground = BRAND_SOFT if holds(layout.frame.card, line.box) else WHITE
        assert contrast(line.colour, ground) >= 4.5, line


def test_what_is_read_at_arms_length_is_at_least_nine_points_high():
    points = [line.size / 25.4 * 72 for line in lay_out(replace(POSTER, hotlines=HOTLINES)).lines]
    *read_afar, code = points
    assert min(read_afar) >= 9
    assert code >= 7
