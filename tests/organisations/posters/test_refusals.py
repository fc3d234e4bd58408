"""What cannot be printed well is refused, by its name."""

from dataclasses import replace

import pytest

from server.organisations.posters import draw_png, lay_out
from server.organisations.posters.matrix import LONGEST_URL, QUIET_ZONE
from tests.organisations.posters.samples import HOTLINES, LONG_URL, POSTER


@pytest.mark.parametrize(
    "url",
    [
        "",
        "xinqiao.example.gov.cn/q/Ab3dEf9k",
        "//xinqiao.example.gov.cn/q/Ab3dEf9k",
        "https:///q/Ab3dEf9k",
        "javascript:alert(1)",
        "ftp://example.cn/",
        "mailto:a@example.cn",
        "https://example.cn/心桥",
        "https://example.cn/a b",
        "https://exam\nple.cn/",
        "https://example.cn/\n",
        "https://example.cn/<q>",
        "https://[::1/q",
    ],
)
def test_what_is_no_complete_web_or_wechat_address_is_refused(url):
    with pytest.raises(ValueError, match=r"(?i)url"):
        lay_out(replace(POSTER, url=url))


def test_a_url_is_refused_from_the_first_character_that_makes_the_code_too_fine():
    assert len(LONG_URL) == LONGEST_URL
    box = lay_out(replace(POSTER, url=LONG_URL, hotlines=HOTLINES)).frame.code
    assert box.width / (len(lay_out(replace(POSTER, url=LONG_URL)).modules) + 2 * QUIET_ZONE) >= 0.9
    with pytest.raises(ValueError, match="152 characters"):
        lay_out(replace(POSTER, url=LONG_URL + "x"))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"place": "𠮷祥里社区"}, r"place: the font lacks '𠮷' \(U\+20BB7\)"),
        ({"place": "幸福里🌈☂️社区"}, r"place: .*U\+FE0F.*U\+1F308"),
        ({"opens": "心情\u200b自评"}, r"opens: .*U\+200B"),
        ({"opens": "心情\xad自评"}, r"opens: .*U\+00AD"),
        ({"invite": "扫\x00一扫"}, r"invite: .*U\+0000"),
        ({"brand": "心\ud800桥"}, r"brand: .*U\+D800"),
        ({"code": "QSH\uffff"}, r"code: .*U\+FFFF"),
        ({"hotlines_title": "ต้องการคุย"}, r"hotlines_title: .*U\+0E15"),
        ({"hotlines": (HOTLINES[0], replace(HOTLINES[3], number="☎\ufe0f120"))}, r"hotline 2, number: .*U\+FE0F"),
    ],
)
def test_what_the_font_lacks_is_named_instead_of_printed_as_a_box(change, named):
    with pytest.raises(ValueError, match=named):
        draw_png(replace(POSTER, **change))


def test_all_that_is_wrong_is_named_at_once():
    with pytest.raises(ValueError, match=r"place: .*U\+20BB7.*opens: is empty.*hotline 1, hours: is empty"):
        lay_out(replace(POSTER, place="𠮷", opens=" ", hotlines=(replace(HOTLINES[0], hours="\t"), HOTLINES[1])))


def test_rare_characters_of_place_names_are_printed():
    rare = "塱埗垟圳磡冚涌滘氹崀鲘仝邨𡎚㙟堃"
    assert rare in "".join(line.text for line in lay_out(replace(POSTER, place=rare)).lines)


@pytest.mark.parametrize("field", ["place", "opens", "invite", "hotlines_title", "code", "brand"])
def test_a_text_too_long_to_be_read_is_refused_by_its_name(field):
    with pytest.raises(ValueError, match=f"^{field}: too long"):
        lay_out(replace(POSTER, **{field: "很长" * 40}))


@pytest.mark.parametrize("field", ["name", "number", "hours"])
def test_a_hotline_too_long_to_be_read_is_refused_by_its_field(field):
    with pytest.raises(ValueError, match=rf"^hotlines\.{field}: too long"):
        lay_out(replace(POSTER, hotlines=(HOTLINES[0], replace(HOTLINES[1], **{field: "12356 " * 20}))))


@pytest.mark.parametrize("hotlines", [(), HOTLINES[:1], (*HOTLINES, HOTLINES[0])], ids=len)
def test_a_label_without_a_choice_of_help_or_with_too_many_is_refused(hotlines):
    with pytest.raises(ValueError, match="2 to 5"):
        lay_out(replace(POSTER, hotlines=hotlines))


@pytest.mark.parametrize("width_px", [0, 599, 2481])
def test_a_picture_too_coarse_or_too_big_is_refused(width_px):
    with pytest.raises(ValueError, match="600 to 2480"):
        draw_png(POSTER, width_px=width_px)
