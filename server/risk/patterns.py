"""The lexicon's small grammar: words with a few signs, readable to a counsellor who has never programmed.

(a|b)   one of these           [a|b]   one of these or nothing       <name>   one of a named list
~       up to 3 characters     ~5      up to 5 characters            #        a number, in figures or in words
^ at the start, $ at the end: a clause begins or ends here           a space between Latin words may be missing

A gap (~) never crosses punctuation and never holds a negator, so that "want ~ die" does not find "want not to die".
There is no repetition, and no gap inside brackets: a pattern cannot be made to run away on a hostile text.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product

_DEFAULT_GAP = 3
_WIDEST_GAP = 12
_LONGEST_NUMBER = 4
_MOST_PHRASES = 1500
_SIGN = re.compile(r"[()\[\]|^$#]|<[a-z_]+>|~\d*|[^()\[\]|^$#<>~]")

Words = frozenset[str]
_NOTHING: Words = frozenset({""})


class PatternError(ValueError):
    """The pattern breaks the grammar; the message says where."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Up to `most` characters between words, or a number of at most so many."""

    most: int
    is_number: bool = False


Piece = Words | Gap


@dataclass(frozen=True, slots=True)
class Grammar:
    """What the signs stand for in a rule set."""

    lists: Mapping[str, Words]
    numerals: str  # the characters of a number
    gap_stops: str  # the characters that no gap may hold
    everyday: Words = frozenset()  # words of any talk: to look for them would be to look closer at every text


@dataclass(frozen=True, slots=True)
class Pattern:
    """A parsed pattern. Each match holds one of `anchors`: they are looked for, the rest is verified."""

    anchors: Words
    verify: re.Pattern[str] | None  # None: the anchors are the whole pattern
    reach: int  # no match begins or ends further than this from its anchor
    from_clause_start: bool
    to_clause_end: bool


def parse(source: str, grammar: Grammar) -> Pattern:
    """Parse one pattern. Raises PatternError."""
    body = source.removeprefix("^").removesuffix("$")
    pieces = _Parser(body, grammar).pieces()
    phrases = _joined(pieces)
    return Pattern(
        anchors=_rarest(source, phrases, grammar.everyday),
        verify=None if len(phrases) == 1 else re.compile("".join(_expression(piece, grammar) for piece in pieces)),
        reach=sum(piece.most if isinstance(piece, Gap) else max(map(len, piece)) for piece in pieces),
        from_clause_start=source.startswith("^"),
        to_clause_end=source.endswith("$"),
    )


def expand(source: str, grammar: Grammar) -> Words:
    """All words that a pattern without gaps and edges stands for. Raises PatternError."""
    words = _NOTHING
    for piece in _Parser(source, grammar).pieces():
        if isinstance(piece, Gap):
            raise PatternError(f"{source!r}: only words, brackets and names may stand here")
        words = _together(words, piece)
    return words


class _Parser:
    """Reads one pattern from left to right."""

    def __init__(self, source: str, grammar: Grammar) -> None:
        self._source = source
        self._lists = grammar.lists
        signs = _SIGN.findall(source)
        if "".join(signs) != source:
            raise self._fault("a name is left open")
        self._rest: Iterator[str] = iter(signs)

    def pieces(self) -> list[Piece]:
        return [self._piece(sign) for sign in self._rest]

    def _piece(self, sign: str) -> Piece:
        if sign == "#":
            return Gap(_LONGEST_NUMBER, is_number=True)
        if sign[0] != "~":
            return self._words(sign)
        width = int(sign[1:] or _DEFAULT_GAP)
        if not 0 < width <= _WIDEST_GAP:
            raise self._fault(f"a gap is 1 to {_WIDEST_GAP} characters wide")
        return Gap(width)

    def _words(self, sign: str) -> Words:
        match sign:
            case "(":
                return self._choice(")")
            case "[":
                return self._choice("]") | _NOTHING
            case " ":
                return frozenset({"", " "})
            case ")" | "]" | "|" | "^" | "$" | "#":
                raise self._fault(f"{sign} is out of place")
            case _ if sign[0] == "~":
                raise self._fault("a gap may not stand inside brackets")
            case _ if sign[0] == "<":
                if sign[1:-1] not in self._lists:
                    raise self._fault(f"there is no list {sign}")
                return self._lists[sign[1:-1]]
        return frozenset({sign})

    def _choice(self, closing: str) -> Words:
        """The branches of a bracket whose opening sign has been read."""
        finished: Words = frozenset()
        branch = _NOTHING
        for sign in self._rest:
            if sign == closing:
                return finished | branch
            if sign == "|":
                finished, branch = finished | branch, _NOTHING
            else:
                branch = _together(branch, self._words(sign))
        raise self._fault(f"{closing} is missing")

    def _fault(self, what: str) -> PatternError:
        return PatternError(f"{self._source!r}: {what}")


def _together(first: Words, second: Words) -> Words:
    return frozenset(left + right for left, right in product(first, second))


def _joined(pieces: list[Piece]) -> list[Piece]:
    """Neighbouring words written out as one set, as far as it stays small: whole phrases are the cheapest to find."""
    joined: list[Piece] = []
    for piece in pieces:
        match joined[-1:], piece:
            case [frozenset() as before], frozenset() if len(before) * len(piece) <= _MOST_PHRASES:
                joined[-1] = _together(before, piece)
            case _:
                joined.append(piece)
    return joined


def _rarest(source: str, phrases: list[Piece], everyday: Words) -> Words:
    """The words to look for: no everyday ones if possible, those whose shortest is longest, of these the smallest set."""
    candidates = [piece for piece in phrases if isinstance(piece, frozenset) and "" not in piece]
    if not candidates:
        raise PatternError(f"{source!r}: at least one word must always be there")
    return max(candidates, key=lambda words: (everyday.isdisjoint(words), min(map(len, words)), -len(words)))


def _expression(piece: Piece, grammar: Grammar) -> str:
    if isinstance(piece, frozenset):
        return "(?:" + "|".join(re.escape(word) for word in sorted(piece, key=lambda word: (-len(word), word))) + ")"
    if piece.is_number:
        return f"[{re.escape(grammar.numerals)}]{{1,{piece.most}}}"
    return f"[^,.{re.escape(grammar.gap_stops)}]{{0,{piece.most}}}?"
