"""The sheet of paper: its measures, its colours and the mark, which both pictures share."""

from dataclasses import dataclass

BRAND, BRAND_SOFT, INK, INK_SOFT, WHITE = "#2f7d6b", "#e6f2ee", "#1d2725", "#5b6a66", "#ffffff"
RULE = "#c9dbd5"

PAGE_WIDTH, PAGE_HEIGHT, MARGIN = 148.0, 210.0, 10.0
CONTENT_WIDTH = PAGE_WIDTH - 2 * MARGIN

CARD_CORNER, PANEL_CORNER = 4.0, 2.5
PANEL_PADDING = 0.8  # keeps the panel's round corners out of the quiet zone

# The mark, a bridge: two low arcs that meet over a line, on a grid of its own.
MARK_GRID, MARK_STROKE = (22.0, 8.8), 1.6
MARK_ARCS, MARK_RADII = ((6.0, 5.0), (16.0, 5.0)), (5.0, 4.2)  # upper halves of two ellipses, by their centres
MARK_LINE = (1.0, 21.0, 8.0)  # from x to x at y


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle on the page, in millimetres from its upper left corner."""

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        return self.x + self.width

    @property
    def bottom(self) -> float:
        return self.y + self.height


PAGE = Box(0, 0, PAGE_WIDTH, PAGE_HEIGHT)
PRINTABLE = Box(MARGIN, MARGIN, CONTENT_WIDTH, PAGE_HEIGHT - 2 * MARGIN)
