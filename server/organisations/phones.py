"""The number of a house that takes calls: kept as it was typed, dialled as digits.

Unlike a resident's own number it may be a short one, a service number (400-…) or a landline.
"""

import re
import unicodedata

from server.errors import Invalid

LONGEST_PHONE = 32
_DASHES = dict.fromkeys(map(ord, "‐‑‒–—―−"), "-")
# What people put between digits; a bracket around the area code.
_AS_TYPED = re.compile(r"[0-9() -]+")
_DIALLED = re.compile(r"1[3-9][0-9]{9}|0[0-9]{9,11}|[48]00[0-9]{7}|1[0-9]{2}|1[0-9]{4,5}|9[0-9]{4,5}")


class BadServicePhone(Invalid):
    code = "organisations.bad_phone"


def read_service_phone(typed: str) -> str:
    """As it is shown: ASCII digits with single separators where they stood. Raises BadServicePhone."""
    shown = " ".join(unicodedata.normalize("NFKC", typed).translate(_DASHES).split())
    shown = re.sub(r"\s*-[-\s]*", "-", shown)
    if not _AS_TYPED.fullmatch(shown) or len(shown) > LONGEST_PHONE or not _DIALLED.fullmatch(dialled(shown)):
        raise BadServicePhone
    return shown


def dialled(shown: str) -> str:
    """For the link that calls."""
    return re.sub(r"[^0-9]", "", shown)
