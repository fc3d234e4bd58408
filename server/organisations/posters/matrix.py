"""From a URL to the modules of its QR code, and which URLs may stand in one."""

import re
from urllib.parse import urlsplit

from qrcode.constants import ERROR_CORRECT_Q
from qrcode.main import QRCode

QUIET_ZONE = 4  # modules, as ISO/IEC 18004 asks
# What version 10 holds at level Q: with it a module is at least 0.9 mm, which a cheap phone reads from half a metre.
LONGEST_URL = 151
URL_SCHEMES = frozenset({"http", "https", "weixin"})
URL_CHARACTERS = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+")


def modules_of(url: str) -> tuple[tuple[bool, ...], ...]:
    """The QR code of the URL, row by row, without its quiet zone."""
    # Checked first: urlsplit drops line breaks in silence and would approve of another URL than the one printed.
    if not URL_CHARACTERS.fullmatch(url):
        raise ValueError("url: holds characters that a URL writes in percent form, or nothing at all")
    parts = urlsplit(url)
    if parts.scheme not in URL_SCHEMES or not parts.netloc:
        raise ValueError(f"url: {url} is no complete http, https or weixin address")
    if len(url) > LONGEST_URL:
        raise ValueError(f"url: {len(url)} characters make a code too fine to scan, {LONGEST_URL} is the most")
    # Level Q bears the loss of a quarter: paper in a stairwell gets torn, scratched and faded.
    code = QRCode(error_correction=ERROR_CORRECT_Q, border=0)
    code.add_data(url, optimize=0)  # one segment, so that LONGEST_URL holds whatever the URL is made of
    code.make(fit=True)
    return tuple(tuple(bool(module) for module in row) for row in code.modules)
