"""The printed label with a QR code for one place: A5 portrait, as PNG for offices and as SVG for print shops.

Pure: texts come in, bytes go out; nothing is fetched, stored or logged, and the same poster gives the same bytes.
`lay_out` decides where everything stands, in millimetres; `draw_png` and `draw_svg` only paint what it decided.

What cannot be printed well is refused with ValueError instead of being clipped, shrunk beyond reading or drawn as empty
boxes: a stairwell has no second edition. Nothing touches the outer margin, since office printers cannot print there.
"""

from server.organisations.posters.layout import lay_out
from server.organisations.posters.png import draw_png
from server.organisations.posters.poster import Poster
from server.organisations.posters.svg import draw_svg

__all__ = ["Poster", "draw_png", "draw_svg", "lay_out"]
