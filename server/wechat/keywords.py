"""Chat keywords: the whole message, whatever its width, script, spaces, punctuation or case. Data: content/wechat/."""

import re
import tomllib
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from opencc import OpenCC

from server.crisis.models import CallWhen
from server.errors import ConfigurationError

_LONGEST_KEYWORD = 16
# A telephone number with a few words beside it; in a longer message it is part of a story, not a request. Digits may stand
# in the groups in which people write them; another number beside it ("18 13800000000") is not part of it.
_GAP = "[-–— ]?"
_MOBILE = re.compile(
    rf"(?<!\d)(?:\+?86{_GAP})?(1[3-9]\d(?:{_GAP}\d{{4}}{_GAP}\d{{4}}|{_GAP}\d{{3}}{_GAP}\d{{5}}|\d{_GAP}\d{{3}}{_GAP}\d{{4}}))(?!\d)"
)
_LANDLINE = re.compile(rf"(?<!\d)(0\d{{2,3}}\)?{_GAP}\d{{3,4}}{_GAP}\d{{4}})(?!\d)")
_LONGEST_BESIDE_NUMBER = 20
_simplify = OpenCC("t2s")


@dataclass(frozen=True, slots=True)
class PhoneLeft:
    phone: str
    call_when: CallWhen


class Keywords:
    """Finds what a short message asks for. Thread-safe."""

    def __init__(self, aliases: dict[str, list[str]], call_when: dict[str, list[str]]) -> None:
        self._by_alias: dict[str, str] = {}
        for name, words in aliases.items():
            for word in words:
                if self._by_alias.setdefault(fold(word), name) != name:
                    raise ConfigurationError(f"keywords.toml: {word!r} stands for two keywords")
        self._longest = max(len(alias) for alias in self._by_alias)
        self._call_when = [(fold(word), CallWhen(when)) for when, words in call_when.items() for word in words]

    @classmethod
    def load(cls, file: Path) -> "Keywords":
        """Raises ConfigurationError, naming the file and its fault."""
        try:
            with file.open("rb") as stream:
                data = tomllib.load(stream)
            return cls(data["keywords"], data["call_when"])
        except (OSError, ValueError, LookupError, TypeError) as fault:
            raise ConfigurationError(f"{file.name}: {fault}") from None

    def find(self, message: str) -> str | None:
        """The keyword's name, or None."""
        if len(message) > _LONGEST_KEYWORD * 4:
            return None
        kept = strip(message)
        # Most messages are no keyword: they are not worth a walk through the conversion tables.
        return self._by_alias.get(_simplified(kept)) if len(kept) <= self._longest else None

    def find_phone(self, message: str) -> PhoneLeft | None:
        """A number that somebody left to be called, with the time of day that stands beside it."""
        if len(message) > 80 or not any(character.isdigit() for character in message):
            return None
        plain = unicodedata.normalize("NFKC", message)
        match = _MOBILE.search(plain) or _LANDLINE.search(plain)
        if match is None or len(plain) - len(match.group(0)) > _LONGEST_BESIDE_NUMBER:
            return None
        folded = fold(plain)
        when = next((when for word, when in self._call_when if word in folded), CallWhen.ANY)
        return PhoneLeft(match.group(1), when)


def fold(message: str) -> str:
    """One form for all the ways to type a keyword."""
    return _simplified(strip(message))


def strip(message: str) -> str:
    """Letters and digits alone, in one width and case."""
    plain = unicodedata.normalize("NFKC", message).casefold()
    kept = "".join(letter for letter in plain if letter == "?" or unicodedata.category(letter)[0] in "LN")
    # Question marks alone are a question; behind a word they are only punctuation.
    return kept.replace("?", "") or kept[:1]


def _simplified(kept: str) -> str:
    return kept if kept.isascii() else str(_simplify.convert(kept))
