"""All that a label says, and what of it cannot be printed."""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace

from server.organisations.posters.typesetting import is_drawable
from server.texts.hotlines import Hotline


@dataclass(frozen=True, slots=True)
class Poster:
    """All that a label says, printed as it comes, but for spaces; of a hotline not the audience.

    `code` is its short printed id, so that a torn label can be named on the phone.
    """

    url: str
    place: str
    opens: str
    invite: str
    hotlines_title: str
    hotlines: tuple[Hotline, ...]
    code: str
    brand: str


def cleaned(poster: Poster) -> Poster:
    """The poster with its texts in composed form and single spaces. Raises ValueError, naming all that is wrong."""
    if not 2 <= len(poster.hotlines) <= 5:
        raise ValueError(f"hotlines: {len(poster.hotlines)} given, a label has 2 to 5")
    texts = {
        name: _tidy(getattr(poster, name)) for name in ("place", "opens", "invite", "hotlines_title", "code", "brand")
    }
    hotlines = tuple(
        replace(line, name=_tidy(line.name), number=_tidy(line.number), hours=_tidy(line.hours))
        for line in poster.hotlines
    )
    problems = [problem for name, text in texts.items() for problem in _problems(name, text)]
    for number, hotline in enumerate(hotlines, start=1):
        for name in ("name", "number", "hours"):
            problems += _problems(f"hotline {number}, {name}", getattr(hotline, name))
    if problems:
        raise ValueError("; ".join(problems))
    return replace(poster, hotlines=hotlines, **texts)


def _problems(name: str, text: str) -> Iterator[str]:
    if not text:
        yield f"{name}: is empty"
    if lacking := sorted({character for character in text if not is_drawable(character)}):
        yield f"{name}: the font lacks " + ", ".join(f"{character!r} (U+{ord(character):04X})" for character in lacking)


def _tidy(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())
