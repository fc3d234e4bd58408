"""One plain form of a text, with a way back from each of its characters to the original.

People under pressure, and people who fear a filter, write full-width, traditional, with zero-width characters, with
spaces or stars between the characters. All of these fold to the same view, so that the lexicon holds each word once.
A view contains words, `,` for the end of a clause, `.` for the end of a sentence, and single spaces between Latin words.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import opencc

CLAUSE_END, SENTENCE_END = ",", "."
_PUNCTUATION = dict.fromkeys("，、；：,;:", CLAUSE_END) | dict.fromkeys(
    "。！？!?\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029", SENTENCE_END
)
_QUOTES = dict.fromkeys("“‘「『《〈【", 1) | dict.fromkeys("”’」』》〉】", -1)
# Letters by category, yet they leave no mark on the screen.
_INVISIBLE_LETTERS = frozenset("\u115f\u1160\u3164\uffa0")
# Longer compatibility forms are ornaments (one Arabic ligature becomes 18 letters) and would only swell the text.
_LONGEST_FORM = 4
_HAN = ((0x3400, 0xA000), (0x20000, 0x32000))

_NEEDLESS_SPACES = re.compile(r" +(?![a-z0-9 ])|(?<![a-z0-9 ]) +|(?<= ) +")
# Three or more characters, each fenced off by its own punctuation, are one word written in pieces.
_PIECES = re.compile(r"(?<![^,.])[^,.a-z0-9 ](?:[,.]+[^,.a-z0-9 ](?![^,.])){2,}")


@dataclass(frozen=True, slots=True)
class Mark:
    """A sign that the view leaves out but that still means something: a quote or a picture."""

    at: int  # the place in the view before which it stood
    origin: int
    sign: str


@dataclass(frozen=True, slots=True)
class View:
    """The plain form. `starts[i]:ends[i]` is the place in the original of the character `text[i]`."""

    text: str
    starts: Sequence[int]
    ends: Sequence[int]
    marks: Sequence[Mark]
    breaks: frozenset[int]  # places in `text` before which blanks or symbols were left out

    def origin(self, start: int, end: int) -> tuple[int, int]:
        """The stretch of the original that the stretch [start, end) of the view stands for."""
        return self.starts[start], self.ends[end - 1]

    def spliced(self, pieces: Iterable[tuple[int, int, str]]) -> "View":
        """The view with stretches rewritten; `pieces` are (start, end, words), in order and without overlap."""
        text: list[str] = []
        starts: list[int] = []
        ends: list[int] = []
        moved: list[int] = []  # new place of each old one, so that marks and breaks follow
        done = 0

        def copy_up_to(place: int) -> None:
            moved.extend(range(len(text), len(text) + place - done))
            text.extend(self.text[done:place])
            starts.extend(self.starts[done:place])
            ends.extend(self.ends[done:place])

        for start, end, words in pieces:
            copy_up_to(start)
            moved.extend([len(text)] * (end - start))
            text.extend(words)
            starts.extend([self.starts[start]] * len(words))
            ends.extend([self.ends[end - 1]] * len(words))
            done = end
        copy_up_to(len(self.text))
        moved.append(len(text))
        return View(
            text="".join(text),
            starts=starts,
            ends=ends,
            marks=[Mark(moved[mark.at], mark.origin, mark.sign) for mark in self.marks],
            breaks=frozenset(moved[place] for place in self.breaks),
        )


class Folding:
    """Folds texts. Built once; then read by any number of threads."""

    def __init__(self, characters: Mapping[str, str], signs: Iterable[str] = ()) -> None:
        """`characters` are readings of single characters beyond Unicode and OpenCC, `signs` the pictures that views mark."""
        self._table = _Table({**_simplified(), **characters})
        self._signs = frozenset(signs) | _QUOTES.keys()

    def plain(self, text: str) -> str:
        """The text of `view(text)` alone, many times faster: most messages need no more."""
        folded = text.translate(self._table)
        if " " in folded:
            folded = _NEEDLESS_SPACES.sub("", folded)
        return _PIECES.sub(_without_punctuation, folded)

    def view(self, text: str) -> View:
        folded: list[str] = []
        starts: list[int] = []
        marks: list[Mark] = []
        breaks: set[int] = set()
        blank: int | None = None
        for index, character in enumerate(text):
            piece = self._table[ord(character)]
            if not piece or piece == " ":
                if character in self._signs:
                    marks.append(Mark(len(folded), index, character))
                if piece or _separates(character):
                    breaks.add(len(folded))
                blank = index if piece and blank is None else blank
                continue
            if blank is not None and folded and _is_latin(folded[-1]) and _is_latin(piece[0]):
                folded.append(" ")
                starts.append(blank)
            blank = None
            folded.extend(piece)
            starts.extend([index] * len(piece))
        whole = View("".join(folded), starts, [start + 1 for start in starts], marks, frozenset(breaks))
        fences = [
            (found.start() + offset, found.start() + offset + 1, "")
            for found in _PIECES.finditer(whole.text)
            for offset, character in enumerate(found.group())
            if character in ",."
        ]
        return whole.spliced(fences) if fences else whole


def quoted_stretches(view: View) -> list[tuple[int, int]]:
    """The stretches of a view that stood between quotation marks or title brackets: the outermost, in order."""
    stretches: list[tuple[int, int]] = []
    depth = start = 0
    for mark in view.marks:
        turn = _QUOTES.get(mark.sign, 0)
        if turn > 0 and depth == 0:
            start = mark.at
        if turn < 0 and depth == 1:
            stretches.append((start, mark.at))
        depth = max(0, depth + turn)
    return stretches


class _Table(dict[int, str]):
    """Code point to folded form, filled as characters turn up."""

    def __init__(self, readings: Mapping[str, str]) -> None:
        super().__init__()
        self._readings = readings

    def __missing__(self, code: int) -> str:
        piece = self._fold(chr(code))
        # Beyond the basic plane there are a million code points that only a flood would send: not worth the memory.
        if code < 0x10000:
            self[code] = piece
        return piece

    def _fold(self, character: str) -> str:
        if character in self._readings:
            return self._readings[character]
        if unicodedata.category(character) == "So":
            return ""  # a picture, also when it is drawn around a character
        # Compatibility characters first: NFKD takes full-width commas, accents and circled figures apart.
        form = "".join(self._fold_part(part) for part in unicodedata.normalize("NFKD", character))
        return form if len(form) <= _LONGEST_FORM else ""

    def _fold_part(self, part: str) -> str:
        if part in _PUNCTUATION:
            return _PUNCTUATION[part]
        if part in _INVISIBLE_LETTERS:
            return ""
        category = unicodedata.category(part)
        if category == "Zs" or part == "\t":
            return " "
        if category[0] in "LN":
            lower = part.lower()
            return self._readings.get(lower, lower)
        return ""


def _simplified() -> dict[str, str]:
    """Traditional to simplified, one character for one: OpenCC's phrases would change lengths and lose the way back."""
    characters = [chr(code) for first, end in _HAN for code in range(first, end)]
    simplified = opencc.OpenCC("t2s").convert("\n".join(characters)).split("\n")
    return {old: new for old, new in zip(characters, simplified, strict=True) if old != new and len(new) == 1}


def _is_latin(character: str) -> bool:
    return character.isascii() and character.isalnum()


def _separates(character: str) -> bool:
    """Whether a reader sees a gap or a symbol here; format characters and accents are not seen."""
    return unicodedata.category(character)[0] in "PSZ" or character == "\t"


def _without_punctuation(found: re.Match[str]) -> str:
    return found.group().replace(CLAUSE_END, "").replace(SENTENCE_END, "")
