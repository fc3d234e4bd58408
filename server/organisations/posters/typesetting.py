"""The one font of the labels: what it can draw, how wide its texts are and at which size they fit."""

from collections.abc import Iterable
from functools import lru_cache

import pylopdf_fonts_zh_cn
from PIL import ImageFont

# Of the font, in parts of its size: what rises above and hangs below the baseline, and the middle of a character.
ASCENT, DESCENT, MIDDLE = 0.88, 0.22, 0.37
# The font has one weight. A thin outline in the colour of the text serves as its bold.
BOLD_OUTLINE = 0.016


@lru_cache(maxsize=16)
def font(size: float) -> ImageFont.FreeTypeFont:
    # Basic layout sums the advances of the characters, so a width is the same on every machine and at every size;
    # Raqm is there or not, depending on what the system offers, and Chinese in one line needs nothing of it.
    return ImageFont.truetype(pylopdf_fonts_zh_cn.sans_path(), size, layout_engine=ImageFont.Layout.BASIC)


@lru_cache(maxsize=4096)
def _advance(character: str) -> float:
    return font(1000).getlength(character) / 1000


def ems(text: str) -> float:
    """The width of the text in parts of its size."""
    return sum(map(_advance, text))


def fitting_size(field: str, texts: Iterable[str], width: float, *, largest: float, smallest: float) -> float:
    """The size at which all the texts fit the width. Raises ValueError when that is too small to read."""
    size = min(largest, *(width / ems(text) for text in texts))
    if size < smallest:
        raise ValueError(f"{field}: too long to be read on the label")
    return size


@lru_cache(maxsize=4096)
def is_drawable(character: str) -> bool:
    """Whether the font has the character, and a reader can see it or that it is a space."""
    # U+FFFF is assigned to nothing for ever, so what the font draws for it is what it draws for all that it lacks.
    # Invisible characters are refused even where the font knows them: with one, two names differ and look the same.
    return character.isprintable() and _picture(character) != _picture("\uffff")


def _picture(character: str) -> bytes:
    return bytes(font(48).getmask(character))
