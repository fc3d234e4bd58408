"""Where the name of a place may be broken in two, and how well it reads there. The words stand in breaking.toml."""

import tomllib
import unicodedata
from collections.abc import Iterator
from enum import IntEnum
from functools import cache
from pathlib import Path

_FILE = Path(__file__).with_suffix(".toml")


class Break(IntEnum):
    """How well a break reads, the worst first."""

    WITHIN_WORD = 0
    ANYWHERE = 1
    AFTER_UNIT = 2  # a street office, a village, a school
    ASKED_FOR = 3  # at a space or before a bracket


def halves(text: str) -> Iterator[tuple[Break, list[str]]]:
    """All ways to break the text in two."""
    for at in range(1, len(text)):
        if _may_break(text[at - 1], text[at]):
            yield _quality(text, at), [text[:at].rstrip(), text[at:].lstrip()]


def _may_break(before: str, after: str) -> bool:
    """Whether a line may end and begin here: not within a Latin word or number, nor against punctuation."""
    if " " in (before, after):
        return True
    if _opens(before) or unicodedata.category(after) in ("Pe", "Pf", "Po", "Pd"):
        return False
    return any(unicodedata.east_asian_width(character) in "WF" for character in (before, after))


def _quality(text: str, at: int) -> Break:
    before, after = text[at - 1], text[at]
    if " " in (before, after) or _opens(after):
        return Break.ASKED_FOR
    ends, words = _table()
    if any(text.startswith(word, at - cut) for word in words for cut in range(1, min(len(word), at + 1))):
        return Break.WITHIN_WORD
    return Break.AFTER_UNIT if before in ends else Break.ANYWHERE


def _opens(character: str) -> bool:
    return unicodedata.category(character) in ("Ps", "Pi")


@cache
def _table() -> tuple[frozenset[str], frozenset[str]]:
    with _FILE.open("rb") as file:
        table = tomllib.load(file)
    return frozenset(table["ends"]), frozenset(table["words"].split())
