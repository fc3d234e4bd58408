"""The label as PNG, for office printers."""

from collections.abc import Iterator
from functools import lru_cache
from io import BytesIO
from math import ceil, cos, pi, sin

from PIL import Image, ImageDraw, PngImagePlugin

from server.organisations.posters.layout import Frame, Layout, lay_out
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
    PAGE_HEIGHT,
    PAGE_WIDTH,
    PANEL_CORNER,
    RULE,
    WHITE,
    Box,
)
from server.organisations.posters.poster import Poster
from server.organisations.posters.typesetting import BOLD_OUTLINE, font

WIDTHS_PX = range(600, 2481)  # 103 to 425 dpi: below, small print dissolves; above, one picture takes over 26 MB
SMOOTH = 4  # ImageDraw has no smooth edges: shapes are drawn so many times as fine, then reduced


def draw_png(poster: Poster, *, width_px: int = 1240) -> bytes:
    """Draw the label as an sRGB PNG that prints as A5; every module of the code is the same whole number of pixels."""
    if width_px not in WIDTHS_PX:
        raise ValueError(f"width_px: {width_px} is not within {WIDTHS_PX.start} to {WIDTHS_PX.stop - 1}")
    layout = lay_out(poster)
    scale = width_px / PAGE_WIDTH
    image = _backdrop(layout.frame, width_px).copy()
    _paint_code(image, layout, scale)
    draw = ImageDraw.Draw(image)
    for line in layout.lines:
        # Hinting rounds every advance to whole pixels. With a size in whole pixels, rounded down, Chinese has nothing
        # to round, and a line that fills its width to the brim does not creep over the edge.
        draw.text(
            (line.x * scale, line.y * scale),
            line.text,
            fill=line.colour,
            font=font(int(line.size * scale)),
            anchor={"left": "ls", "middle": "ms", "right": "rs"}[line.align],
            stroke_width=BOLD_OUTLINE * line.size * scale if line.is_bold else 0,
        )
    chunks = PngImagePlugin.PngInfo()
    chunks.add(b"sRGB", b"\x00")  # rendering intent: perceptual
    buffer = BytesIO()
    dpi = scale * 25.4
    image.save(buffer, format="PNG", dpi=(dpi, dpi), pnginfo=chunks)
    return buffer.getvalue()


@lru_cache(maxsize=2)
def _backdrop(frame: Frame, width_px: int) -> Image.Image:
    """The page with its shapes, shared by all labels of a run: copy it before painting."""
    scale = width_px / PAGE_WIDTH
    image = Image.new("RGB", (width_px, round(PAGE_HEIGHT * scale)), WHITE)
    _paint_rounded(image, frame.card, scale, BRAND_SOFT, CARD_CORNER)
    _paint_rounded(image, frame.panel, scale, WHITE, PANEL_CORNER)
    _paint_mark(image, frame.mark, scale)
    draw = ImageDraw.Draw(image)
    for rule in frame.rules:
        top, thickness = round(rule.y * scale), max(1, round(rule.height * scale))
        draw.rectangle((round(rule.x * scale), top, round(rule.right * scale) - 1, top + thickness - 1), fill=RULE)
    return image


def _paint_rounded(image: Image.Image, box: Box, scale: float, colour: str, corner: float) -> None:
    """Fill a box on whole pixels; its corners are the quarters of one smooth disc."""
    left, top, right, bottom = (round(edge * scale) for edge in (box.x, box.y, box.right, box.bottom))
    width, height, radius = right - left, bottom - top, round(corner * scale)
    disc = Image.new("L", (2 * radius * SMOOTH, 2 * radius * SMOOTH))
    ImageDraw.Draw(disc).ellipse((0, 0, disc.width - 1, disc.height - 1), fill=255)
    disc = disc.reduce(SMOOTH)
    stencil = Image.new("L", (width, height), 255)
    for x, disc_x in ((0, 0), (width - radius, radius)):
        for y, disc_y in ((0, 0), (height - radius, radius)):
            stencil.paste(disc.crop((disc_x, disc_y, disc_x + radius, disc_y + radius)), (x, y))
    image.paste(colour, (left, top), stencil)


def _paint_mark(image: Image.Image, box: Box, scale: float) -> None:
    """Paint the mark with a round pen set down many times: ImageDraw's arcs are uneven and have no round ends."""
    step = box.width * scale * SMOOTH / MARK_GRID[0]
    stencil = Image.new("L", (ceil(MARK_GRID[0] * step / SMOOTH) * SMOOTH, ceil(MARK_GRID[1] * step / SMOOTH) * SMOOTH))
    draw = ImageDraw.Draw(stencil)
    for x, y in _mark_points():
        draw.circle((x * step, y * step), MARK_STROKE / 2 * step, fill=255)
    image.paste(BRAND, (round(box.x * scale), round(box.y * scale)), stencil.reduce(SMOOTH))


def _mark_points() -> Iterator[tuple[float, float]]:
    left, right, line_y = MARK_LINE
    for tick in range(201):
        for x, y in MARK_ARCS:
            yield x - MARK_RADII[0] * cos(pi * tick / 200), y - MARK_RADII[1] * sin(pi * tick / 200)
        yield left + (right - left) * tick / 200, line_y


def _paint_code(image: Image.Image, layout: Layout, scale: float) -> None:
    """Paint the code in the middle of its box, on whole pixels: blurred edges are what scanners stumble over."""
    box, count = layout.frame.code, len(layout.modules)
    module = int(box.width * scale) // (count + 2 * QUIET_ZONE)
    dots = Image.new("1", (count, count), 1)
    dots.putdata([0 if is_dark else 255 for row in layout.modules for is_dark in row])
    side = count * module
    corner = (
        round((box.x + box.width / 2) * scale - side / 2),
        round((box.y + box.height / 2) * scale - side / 2),
    )
    image.paste(dots.resize((side, side), Image.Resampling.NEAREST), corner)
