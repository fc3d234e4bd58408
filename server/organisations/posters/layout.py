"""Where everything stands on the page, in millimetres."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from server.organisations.posters.breaking import Break, halves
from server.organisations.posters.matrix import modules_of
from server.organisations.posters.page import (
    BRAND,
    CONTENT_WIDTH,
    INK,
    INK_SOFT,
    MARGIN,
    MARK_GRID,
    PAGE,
    PAGE_WIDTH,
    PANEL_PADDING,
    PRINTABLE,
    Box,
)
from server.organisations.posters.poster import Poster, cleaned
from server.organisations.posters.typesetting import ASCENT, DESCENT, MIDDLE, ems, fitting_size
from server.texts.hotlines import Hotline

Align = Literal["left", "middle", "right"]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of text; `x` is its left end, middle or right end, as `align` says, and `y` its baseline."""

    text: str
    x: float
    y: float
    size: float
    colour: str = INK
    align: Align = "left"
    is_bold: bool = False

    @property
    def width(self) -> float:
        return ems(self.text) * self.size

    @property
    def box(self) -> Box:
        left = self.x - self.width * {"left": 0.0, "middle": 0.5, "right": 1.0}[self.align]
        return Box(left, self.y - ASCENT * self.size, self.width, (ASCENT + DESCENT) * self.size)


@dataclass(frozen=True, slots=True)
class Frame:
    """The shapes behind the texts. They depend on the number of hotlines alone, so that a run shares one drawing."""

    mark: Box
    card: Box
    panel: Box
    code: Box  # with its quiet zone
    rules: tuple[Box, ...]


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything stands, and in words what it says."""

    frame: Frame
    lines: tuple[Line, ...]
    modules: tuple[tuple[bool, ...], ...]
    title: str
    description: str


def lay_out(poster: Poster) -> Layout:
    """Place everything on the page. Raises ValueError for what cannot be printed so that it is scanned and read."""
    modules = modules_of(poster.url)
    poster = cleaned(poster)
    frame, table = _frame(len(poster.hotlines))
    mark, card, panel = frame.mark, frame.card, frame.panel

    brand_x = mark.right + 3
    brand_size = fitting_size("brand", [poster.brand], PRINTABLE.right - brand_x, largest=5.4, smallest=3.6)
    opens_size = fitting_size("opens", [poster.opens], card.width - 8, largest=7.6, smallest=4.2)
    invite_size = fitting_size("invite", [poster.invite], card.width - 8, largest=4.8, smallest=3.4)
    title_size = fitting_size("hotlines_title", [poster.hotlines_title], table.width, largest=4.2, smallest=3.2)
    code_size = fitting_size("code", [poster.code], table.width, largest=3.0, smallest=2.6)
    lines = (
        Line(poster.brand, brand_x, mark.y + mark.height / 2 + MIDDLE * brand_size, brand_size, BRAND),
        *_place_lines(poster.place, Box(MARGIN, 19.5, CONTENT_WIDTH, 21)),
        Line(poster.opens, PAGE.width / 2, panel.bottom + 10.6, opens_size, align="middle", is_bold=True),
        Line(poster.invite, PAGE.width / 2, panel.bottom + 18.2, invite_size, INK_SOFT, align="middle"),
        Line(poster.hotlines_title, table.x, table.y - 2.8, title_size, INK_SOFT),
        *_hotline_lines(poster.hotlines, table),
        Line(poster.code, PRINTABLE.right, PRINTABLE.bottom - DESCENT * code_size, code_size, INK_SOFT, align="right"),
    )
    spoken = [
        f"{poster.invite}: {poster.opens}",
        poster.url,
        poster.hotlines_title,
        *(f"{line.name} {line.number} ({line.hours})" for line in poster.hotlines),
        poster.code,
    ]
    return Layout(
        frame=frame,
        lines=lines,
        modules=modules,
        title=f"{poster.brand} · {poster.place}",
        description="; ".join(spoken),
    )


def _frame(hotlines: int) -> tuple[Frame, Box]:
    """The shapes for so many hotlines, and the box of their table. The code takes all the height that they leave."""
    pitch = min(11.0, 47.5 / hotlines)
    table = Box(MARGIN, PRINTABLE.bottom - 5 - pitch * hotlines, CONTENT_WIDTH, pitch * hotlines)
    card_top = 44.0
    card = Box(MARGIN, card_top, CONTENT_WIDTH, table.y - 10.5 - card_top)
    side = card.height - 7 - 25  # above the panel, and below it for two lines of text
    panel = Box((PAGE_WIDTH - side) / 2, card.y + 7, side, side)
    frame = Frame(
        mark=Box(MARGIN, MARGIN + 0.6, 12, 12 * MARK_GRID[1] / MARK_GRID[0]),
        card=card,
        panel=panel,
        code=Box(panel.x + PANEL_PADDING, panel.y + PANEL_PADDING, side - 2 * PANEL_PADDING, side - 2 * PANEL_PADDING),
        rules=tuple(Box(table.x, table.y + pitch * row, table.width, 0.2) for row in range(hotlines + 1)),
    )
    return frame, table


def _place_lines(place: str, box: Box) -> Iterator[Line]:
    """The name as large as one line or two let it be, in the middle of the height of the box.

    Of breaks that cost no size, one at a space or before a bracket wins: so whoever names a place can say with a space
    where it may be broken. Then comes one after a unit's name, and at last what splits a word; of equals, the evener.
    """
    leading = 1.26

    def size_of(rows: Sequence[str]) -> float:
        return min(12.4, box.width / max(map(ems, rows)), box.height / (leading * len(rows)))

    def merit(way: tuple[Break, Sequence[str]]) -> tuple[float, Break, float]:
        quality, rows = way
        return size_of(rows), quality, -max(map(ems, rows))

    _, rows = max(((Break.ANYWHERE, [place]), *halves(place)), key=merit)
    size = fitting_size("place", rows, box.width, largest=size_of(rows), smallest=6.0)
    middle = box.y + box.height / 2 - leading * size * (len(rows) - 1) / 2
    for row in rows:
        yield Line(row, box.x, middle + MIDDLE * size, size, is_bold=True)
        middle += leading * size


def _hotline_lines(hotlines: Sequence[Hotline], box: Box) -> Iterator[Line]:
    """Rows of equal height: the number large at the left, beside it the name above the hours."""
    pitch = box.height / len(hotlines)
    numbers, names, hours = zip(*((line.number, line.name, line.hours) for line in hotlines), strict=True)
    number_size = fitting_size("hotlines.number", numbers, 58, largest=min(7.2, 0.66 * pitch), smallest=4.0)
    column = box.x + max(map(ems, numbers)) * number_size + 6
    rest = box.right - column
    name_size = fitting_size("hotlines.name", names, rest, largest=min(4.2, 0.4 * pitch), smallest=3.0)
    hours_size = fitting_size("hotlines.hours", hours, rest, largest=min(3.6, 0.34 * pitch), smallest=2.8)
    for row, hotline in enumerate(hotlines):
        middle = box.y + pitch * (row + 0.5)
        yield Line(hotline.number, box.x, middle + MIDDLE * number_size, number_size, BRAND, is_bold=True)
        yield Line(hotline.name, column, middle - 0.06 * pitch, name_size)
        yield Line(hotline.hours, column, middle + 0.33 * pitch, hours_size, INK_SOFT)
