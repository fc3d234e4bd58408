"""The phone's camera: what the QR codes in a picture say."""

import io
from collections.abc import Callable

import zxingcpp
from PIL import Image, ImageOps, UnidentifiedImageError

# A photograph of a poster across the street holds the code small; a screenshot may hold it too small to sample.
_LARGEST_SIDE = 4096
_SMALL_SIDE = 400
_QR = zxingcpp.barcode_formats_from_str("QRCode")


class NoPictureError(Exception):
    """The file is none that can be opened as a picture."""


def read_codes(file: bytes) -> list[str]:
    """The texts of all QR codes in it, without repetition; empty when there is none. Raises NoPictureError."""
    try:
        picture = ImageOps.exif_transpose(Image.open(io.BytesIO(file)))
        grey = _on_white(picture).convert("L")
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, ValueError, SyntaxError):
        raise NoPictureError from None
    attempts: list[Callable[[], Image.Image]] = [lambda: grey, lambda: ImageOps.autocontrast(grey, cutoff=2)]
    if max(grey.size) > _LARGEST_SIDE:
        attempts.insert(0, lambda: ImageOps.contain(grey, (_LARGEST_SIDE, _LARGEST_SIDE)))
    if min(grey.size) < _SMALL_SIDE:
        attempts.append(lambda: ImageOps.expand(ImageOps.scale(grey, 3), border=60, fill=255))
    for attempt in attempts:
        found = zxingcpp.read_barcodes(attempt(), formats=_QR)
        if found:
            return list(dict.fromkeys(code.text for code in found))
    return []


def _on_white(picture: Image.Image) -> Image.Image:
    """Transparent parts count as paper: turned to grey as they are, they would be black."""
    if "A" not in picture.getbands() and "transparency" not in picture.info:
        return picture
    rgba = picture.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba)
