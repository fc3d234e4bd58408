"""The label as SVG, for print shops."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from xml.sax.saxutils import escape, quoteattr

from server.organisations.posters.layout import Layout, Line, lay_out
from server.organisations.posters.matrix import QUIET_ZONE
from server.organisations.posters.page import (
    BRAND,
    BRAND_SOFT,
    CARD_CORNER,
    MARK_ARCS,
    MARK_GRID,
    MARK_LINE,
    MARK_RADII,
    MARK_STROKE,
    PAGE,
    PAGE_HEIGHT,
    PAGE_WIDTH,
    PANEL_CORNER,
    RULE,
    WHITE,
    Box,
)
from server.organisations.posters.poster import Poster
from server.organisations.posters.typesetting import BOLD_OUTLINE

# A tinted code is mixed from four inks, whose small misfit on cheap printers eats into the modules; black is one ink.
CODE_BLACK = "#000000"
FONT_STACK = "'Noto Sans SC', 'Source Han Sans SC', 'Noto Sans CJK SC', 'PingFang SC', 'Microsoft YaHei', sans-serif"


def draw_svg(poster: Poster) -> str:
    """Draw the same label as SVG, in millimetres.

    Texts stay texts, in a stack of Chinese sans-serifs, pinned by `textLength` to the width that the layout measured.
    So whatever font a machine puts in, no line grows out of its place, and a print shop can still search, correct or
    outline it. Outlines or an embedded subset would need a font compiler at run time, and print shops' programs ignore
    embedded fonts; who needs every stroke the same has the PNG, at up to 425 dpi.
    """
    layout = lay_out(poster)
    return "\n".join(_elements(layout)) + "\n"


def _elements(layout: Layout) -> Iterator[str]:
    frame = layout.frame
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" xml:lang="zh-CN" lang="zh-CN" role="img" width="{_mm(PAGE_WIDTH)}mm" '
        f'height="{_mm(PAGE_HEIGHT)}mm" viewBox="0 0 {_mm(PAGE_WIDTH)} {_mm(PAGE_HEIGHT)}">'
    )
    # As first children they name and describe the picture without ids, which would clash on a page of many labels.
    yield f"<title>{escape(layout.title)}</title>"
    yield f"<desc>{escape(layout.description)}</desc>"
    yield _rect(PAGE, WHITE)
    yield _rect(frame.card, BRAND_SOFT, CARD_CORNER)
    yield _rect(frame.panel, WHITE, PANEL_CORNER)
    yield _mark(frame.mark)
    for rule in frame.rules:
        yield _rect(rule, RULE)
    yield _code(frame.code, layout.modules)
    yield f'<g font-family={quoteattr(FONT_STACK)} stroke-linejoin="round">'
    yield from map(_text, layout.lines)
    yield "</g>"
    yield "</svg>"


def _mm(value: float) -> str:
    return f"{value:.3f}".rstrip("0").rstrip(".")


def _rect(box: Box, colour: str, radius: float = 0) -> str:
    corner = f' rx="{_mm(radius)}"' if radius else ""
    place = f'x="{_mm(box.x)}" y="{_mm(box.y)}" width="{_mm(box.width)}" height="{_mm(box.height)}"'
    return f'<rect {place}{corner} fill="{colour}"/>'


def _mark(box: Box) -> str:
    (rx, ry), (left, right, y) = MARK_RADII, MARK_LINE
    arcs = "".join(f"M{_mm(x - rx)} {_mm(base)}a{_mm(rx)} {_mm(ry)} 0 0 1 {_mm(2 * rx)} 0" for x, base in MARK_ARCS)
    return (
        f'<path transform="translate({_mm(box.x)} {_mm(box.y)}) scale({box.width / MARK_GRID[0]:.6f})" '
        f'd="{arcs}M{_mm(left)} {_mm(y)}H{_mm(right)}" fill="none" stroke="{BRAND}" '
        f'stroke-width="{_mm(MARK_STROKE)}" stroke-linecap="round"/>'
    )


def _code(box: Box, modules: Sequence[Sequence[bool]]) -> str:
    """One path in units of modules, a bar for each run of dark ones: no seams within a row, and a fifth of the size."""
    bars = []
    for y, row in enumerate(modules, start=QUIET_ZONE):
        x = QUIET_ZONE
        for is_dark, run in groupby(row):
            length = len(list(run))
            if is_dark:
                bars.append(f"M{x} {y}h{length}v1h-{length}z")
            x += length
    module = box.width / (len(modules) + 2 * QUIET_ZONE)
    return (
        f'<path transform="translate({_mm(box.x)} {_mm(box.y)}) scale({module:.6f})" '
        f'd="{"".join(bars)}" fill="{CODE_BLACK}" shape-rendering="crispEdges"/>'
    )


def _text(line: Line) -> str:
    anchor = {"left": "start", "middle": "middle", "right": "end"}[line.align]
    bold = f' stroke="{line.colour}" stroke-width="{_mm(2 * BOLD_OUTLINE * line.size)}"' if line.is_bold else ""
    return (
        f'<text x="{_mm(line.x)}" y="{_mm(line.y)}" font-size="{_mm(line.size)}" text-anchor="{anchor}" '
        f'textLength="{_mm(line.width)}" lengthAdjust="spacingAndGlyphs" fill="{line.colour}"{bold}>'
        f"{escape(line.text)}</text>"
    )
