"""The lexicon's small grammar: words with a few signs, readable to a counsellor who has never programmed.

    (a|b)    one of these            [a|b]   one of these or nothing        <name>   one of a named list
    ~        up to 3 characters      ~5      up to 5 characters             #        a number, in figures or in words
    ^ at the start, $ at the end: a clause begins or ends here              a space between Latin words may be missing

A gap (~) never crosses punctuation and never holds a negator, so that "want ~ die" does not find "want not to die".
There is no repetition and no nesting of gaps: a pattern cannot be made to run away on a hostile text.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import product

_DEFAULT_GAP = 3
_WIDEST_GAP = 12
_MOST_WORDS = 1500
_TOKEN = re.compile(r"[()\[\]|^$#]|<[a-z_]+>|~\d*|[^()\[\]|^$#<>~]")


class PatternError(ValueError):
    """The pattern breaks the grammar; the message says where."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Up to `most` characters; a number needs at least one, and only numerals."""

    least: int
    most: int
    numeric: bool


Words = frozenset[str]
Piece = Words | Gap


@dataclass(frozen=True, slots=True)
class Grammar:
    """The words that the signs stand for."""

    lists: Mapping[str, Words]
    numerals: str  # the characters of a number
    gap_stops: str  # the characters that no gap may hold


@dataclass(frozen=True, slots=True)
class Pattern:
    """A parsed pattern. `anchors` are words of which each match holds one: they are looked for, the rest is verified."""

    source: str
    anchors: Words
    verify: re.Pattern[str] | None  # None: the anchors are the whole pattern
    reach: int  # no match begins or ends further than this from its anchor
    from_clause_start: bool
    to_clause_end: bool


def parse(source: str, grammar: Grammar) -> Pattern:
    """Parse one pattern. Raises PatternError."""
    tokens = _TOKEN.findall(source)
    if "".join(tokens) != source:
        raise PatternError(f"{source!r}: a bracket or a name is left open")
    from_start, to_end = tokens[:1] == ["^"], tokens[-1:] == ["$"]
    if from_start:
        tokens = tokens[1:]
    if to_end:
        tokens = tokens[:-1]
    pieces = _joined(_pieces(source, tokens, grammar.lists))
    anchors = _rarest(source, pieces)
    exact = len(pieces) == 1
    return Pattern(
        source=source,
        anchors=anchors,
        verify=None if exact else re.compile("".join(_expression(piece, grammar) for piece in pieces)),
        reach=sum(_longest(piece) for piece in pieces),
        from_clause_start=from_start,
        to_clause_end=to_end,
    )


def expand(source: str, grammar: Grammar) -> Words:
    """All words that a pattern without gaps stands for. Raises PatternError."""
    pattern = parse(source, grammar)
    if pattern.verify is not None or pattern.from_clause_start or pattern.to_clause_end:
        raise PatternError(f"{source!r}: only words, brackets and names may stand here")
    return pattern.anchors


def _pieces(source: str, tokens: list[str], lists: Mapping[str, Words]) -> list[Piece]:
    pieces: list[Piece] = []
    rest = iter(tokens)
    for token in rest:
        if token in "([":
            pieces.append(_choice(source, rest, "]" if token == "[" else ")", lists))
        elif token[0] == "~":
            width = int(token[1:] or _DEFAULT_GAP)
            if not 0 < width <= _WIDEST_GAP:
                raise PatternError(f"{source!r}: a gap is 1 to {_WIDEST_GAP} characters wide")
            pieces.append(Gap(0, width, numeric=False))
        elif token == "#":
            pieces.append(Gap(1, _DEFAULT_GAP + 1, numeric=True))
        else:
            pieces.append(_word(source, token, lists))
    return pieces


def _choice(source: str, rest: Iterable[str], closing: str, lists: Mapping[str, Words]) -> Words:
    """Read the branches of a bracket up to its closing sign."""
    tokens = iter(rest)
    finished: set[str] = {""} if closing == "]" else set()
    branch: Words = frozenset({""})
    for token in tokens:
        if token in (closing, "|"):
            finished |= branch
            branch = frozenset({""})
            if token == closing:
                return frozenset(finished)
        elif token in ("(", "["):
            branch = _together(branch, _choice(source, tokens, "]" if token == "[" else ")", lists))
        elif token[0] == "~" or token == "#":
            raise PatternError(f"{source!r}: a gap may not stand inside brackets")
        else:
            branch = _together(branch, _word(source, token, lists))
    raise PatternError(f"{source!r}: {closing} is missing")


def _word(source: str, token: str, lists: Mapping[str, Words]) -> Words:
    if token[0] == "<":
        if token[1:-1] not in lists:
            raise PatternError(f"{source!r}: there is no list {token}")
        return lists[token[1:-1]]
    if token == " ":
        return frozenset({"", " "})
    if token in ")]|^$":
        raise PatternError(f"{source!r}: {token} is out of place")
    return frozenset({token})


def _joined(pieces: list[Piece]) -> list[Piece]:
    """Write neighbouring words out as one set, as far as it stays small: whole phrases are the cheapest to find."""
    joined: list[Piece] = []
    for piece in pieces:
        before = joined[-1] if joined else None
        small = not isinstance(piece, Gap) and not isinstance(before, Gap | None) and len(piece) * len(before)
        if small and small <= _MOST_WORDS and not isinstance(piece, Gap) and not isinstance(before, Gap | None):
            joined[-1] = _together(before, piece)
        else:
            joined.append(piece)
    return joined


def _together(first: Words, second: Words) -> Words:
    return frozenset(left + right for left, right in product(first, second))


def _rarest(source: str, pieces: list[Piece]) -> Words:
    """The words to look for: those whose shortest is longest, and of these the smallest set."""
    candidates = [piece for piece in pieces if not isinstance(piece, Gap) and "" not in piece]
    if not candidates:
        raise PatternError(f"{source!r}: at least one word must always be there")
    return max(candidates, key=lambda words: (min(map(len, words)), -len(words)))


def _longest(piece: Piece) -> int:
    return piece.most if isinstance(piece, Gap) else max(map(len, piece))


def _expression(piece: Piece, grammar: Grammar) -> str:
    if isinstance(piece, Gap):
        characters = re.escape(grammar.numerals) if piece.numeric else f"^,.{re.escape(grammar.gap_stops)}"
        return f"[{characters}]{{{piece.least},{piece.most}}}" + ("" if piece.numeric else "?")
    return "(?:" + "|".join(re.escape(word) for word in sorted(piece, key=lambda word: (-len(word), word))) + ")"
