"""The picture for print shops."""

import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest
from PIL import Image, ImageDraw

from server.organisations.posters import draw_svg, lay_out
from server.organisations.posters.matrix import QUIET_ZONE
from tests.organisations.posters.samples import LONG_URL, POSTER, URL, scanned

SVG = "{http://www.w3.org/2000/svg}"


def test_names_cannot_break_out_of_the_markup():
    odd = 'A<b>&"里"\'</text>'
    root = ET.fromstring(draw_svg(replace(POSTER, place=odd, brand="<&>", url=f"{URL}?a=1&b='2'")))
    assert root.findtext(f"{SVG}title") == f"<&> · {odd}"
    assert f"{URL}?a=1&b='2'" in (root.findtext(f"{SVG}desc") or "")
    assert odd in [text.text for text in root.iter(f"{SVG}text")]
    assert {element.tag.removeprefix(SVG) for element in root.iter()} == {
        "svg", "title", "desc", "rect", "path", "g", "text"
    }  # fmt: skip


def test_title_and_description_say_all_that_is_printed():
    root = ET.fromstring(draw_svg(POSTER))
    assert [child.tag for child in root[:2]] == [f"{SVG}title", f"{SVG}desc"]
    spoken = "".join(child.text or "" for child in root[:2])
    printed = [POSTER.place, POSTER.opens, POSTER.invite, POSTER.code, POSTER.brand, POSTER.hotlines_title, URL]
    for text in [*printed, *(text for line in POSTER.hotlines for text in (line.name, line.number, line.hours))]:
        assert text in spoken


def test_it_is_a5_in_millimetres_and_places_its_texts_as_the_layout_says():
    root = ET.fromstring(draw_svg(POSTER))
    assert (root.get("width"), root.get("height"), root.get("viewBox")) == ("148mm", "210mm", "0 0 148 210")
    drawn = [
        (text.text, float(text.get("x", "")), float(text.get("y", "")), float(text.get("textLength", "")))
        for text in root.iter(f"{SVG}text")
    ]
    for (text, x, y, width), line in zip(drawn, lay_out(POSTER).lines, strict=True):
        assert text == line.text
        assert (x, y, width) == pytest.approx((line.x, line.y, line.width), abs=0.001)


@pytest.mark.parametrize("url", [URL, LONG_URL], ids=["short", "longest"])
def test_its_path_is_the_code(url):
    root = ET.fromstring(draw_svg(replace(POSTER, url=url)))
    [path] = [path for path in root.iter(f"{SVG}path") if path.get("shape-rendering") == "crispEdges"]
    bars = re.findall(r"M(\d+) (\d+)h(\d+)v1h-(\d+)z", path.get("d", ""))
    assert "".join("M{} {}h{}v1h-{}z".format(*bar) for bar in bars) == path.get("d")
    side = max(int(y) for _, y, _, _ in bars) + 1 + QUIET_ZONE
    image = Image.new("L", (side, side), 255)
    for x, y, length, back in bars:
        assert length == back
        ImageDraw.Draw(image).line((int(x), int(y), int(x) + int(length) - 1, int(y)), fill=0)
    assert scanned(image.resize((side * 4, side * 4), Image.Resampling.NEAREST)) == url
