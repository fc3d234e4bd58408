"""Finds the lexicon's entries in a text: one pass for all words, then a closer look only where a word was found."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import ahocorasick

from server.risk.folding import SENTENCE_END, View
from server.risk.lexicon import BENIGN, Entry, Lexicon, Spelling
from server.risk.patterns import Pattern

_MASK = "\0"  # no fold yields it, so no pattern matches across it
_PARTICLES = 2  # as many characters may follow an entry that must be a sentence of its own


@dataclass(frozen=True, slots=True)
class Hit:
    """An entry found at [start, end) of a view; a picture stands between characters, so that start == end."""

    entry: Entry
    slot: str
    start: int
    end: int
    origin: tuple[int, int]


class Matcher:
    """The lexicon compiled for search. Built once; then only read."""

    def __init__(self, lexicon: Lexicon) -> None:
        self._spellings = _automaton(
            (written, (spelling, len(written))) for spelling in lexicon.words.spellings for written in spelling.written
        )
        anchored: dict[str, list[tuple[Entry, Pattern]]] = defaultdict(list)
        for entry, pattern in lexicon.patterns:
            for anchor in pattern.anchors:
                anchored[anchor].append((entry, pattern))
        self._anchors = _automaton((anchor, (len(anchor), found)) for anchor, found in anchored.items())
        slots = lexicon.rules.slots
        triggers = {
            anchor
            for anchor, found in anchored.items()
            if any(entry.slot != BENIGN and not slots[entry.slot].supporting for entry, _ in found)
        }
        triggers.update(written for spelling in lexicon.words.spellings for written in spelling.written)
        self._triggers = _automaton((word, word) for word in triggers)
        self._signs = {sign: entry for entry in lexicon.entries for sign in entry.signs}

    def is_needed(self, plain: str) -> bool:
        """Whether a plain text holds a word that could begin to matter: most messages end here."""
        return next(self._triggers.iter(plain), None) is not None

    def respelled(self, view: View) -> View:
        """The view with sound-alikes and word parts written as the words they stand for."""
        pieces = [
            (last + 1 - length, last + 1, spelling.word)
            for last, (spelling, length) in self._spellings.iter_long(view.text)
            if _stands_alone(view.text, last + 1 - length, last + 1)
            and not _is_literal(view.text, last + 1 - length, last + 1, spelling)
        ]
        return view.spliced(pieces) if pieces else view

    def hits(self, view: View) -> list[Hit]:
        """All entries in a respelled view, in order of place. Harmless phrases hide exactly the words they cover."""
        found: dict[int, tuple[Entry, Pattern, list[tuple[int, int]]]] = {}
        for last, (length, patterns) in self._anchors.iter(view.text):
            place = (last + 1 - length, last + 1)
            for entry, pattern in patterns:
                found.setdefault(id(pattern), (entry, pattern, []))[2].append(place)
        # "want to die  my mum ..." is not "dying to see my mum": a harmless phrase is written in one go.
        harmless = [
            (start, end)
            for entry, pattern, places in found.values()
            if entry.slot == BENIGN
            for start, end in _matches(pattern, view.text, view.breaks, places)
            if view.breaks.isdisjoint(range(start + 1, end))
        ]
        text = _masked(view.text, harmless) if harmless else view.text
        hits = [
            Hit(entry, entry.slot, start, end, view.origin(start, end))
            for entry, pattern, places in found.values()
            if entry.slot != BENIGN
            for start, end in _matches(pattern, text, view.breaks, places)
            if not entry.alone or _is_sentence(view.text, start, end)
        ]
        hits += (
            Hit(self._signs[mark.sign], self._signs[mark.sign].slot, mark.at, mark.at, (mark.origin, mark.origin + 1))
            for mark in view.marks
            if mark.sign in self._signs
        )
        return longest(hits, key=lambda hit: hit.entry.id)


def _masked(text: str, stretches: Iterable[tuple[int, int]]) -> str:
    characters = list(text)
    for start, end in stretches:
        characters[start:end] = _MASK * (end - start)
    return "".join(characters)


def _matches(
    pattern: Pattern, text: str, breaks: frozenset[int], anchors: list[tuple[int, int]]
) -> Iterator[tuple[int, int]]:
    """Where the pattern holds in the text (harmless words already masked), given the places of its anchors."""
    if pattern.verify is None:
        # A phrase that reaches beyond the harmless words on both sides says more than they do.
        places: Iterable[tuple[int, int]] = (
            (start, end) for start, end in anchors if text[start] != _MASK and text[end - 1] != _MASK
        )
    else:
        places = (
            found.span()
            for start, end in _windows(anchors, pattern.reach)
            for found in pattern.verify.finditer(text, start, end)
        )
    for start, end in places:
        # In chat a blank or a picture often stands for the comma.
        if pattern.from_clause_start and start and start not in breaks and text[start - 1] not in ",.":
            continue
        if pattern.to_clause_end and end < len(text) and end not in breaks and text[end] not in ",.":
            continue
        if _stands_alone(text, start, end):
            yield start, end


def _windows(anchors: list[tuple[int, int]], reach: int) -> Iterator[tuple[int, int]]:
    """Stretches in which a match may lie; those that touch are one, so that no place is searched twice."""
    first, last = 0, -1
    for start, end in sorted(anchors):
        if start - reach > last:
            if last >= 0:
                yield first, last
            first = max(0, start - reach)
        last = max(last, end + reach)
    yield first, last


def _stands_alone(text: str, start: int, end: int) -> bool:
    """Letters and figures at the edge must not run on: "si" is not in "basic", nor "4" in "40"."""
    return not (start and _runs_on(text[start - 1], text[start])) and not (
        end < len(text) and _runs_on(text[end - 1], text[end])
    )


def _runs_on(left: str, right: str) -> bool:
    return left.isascii() and right.isascii() and left.isalnum() and right.isalnum()


def _is_literal(text: str, start: int, end: int, spelling: Spelling) -> bool:
    return text.startswith(tuple(spelling.not_before), end) or text.endswith(tuple(spelling.not_after), 0, start)


def _is_sentence(text: str, start: int, end: int) -> bool:
    if start and text[start - 1] != SENTENCE_END:
        return False
    rest = text[end : end + _PARTICLES + 1]
    return len(rest) <= _PARTICLES or SENTENCE_END in rest


def longest(hits: Iterable[Hit], key: Callable[[Hit], str]) -> list[Hit]:
    """The hits in order of place, without those that lie within another of the same key."""
    kept: list[Hit] = []
    furthest: dict[str, int] = {}
    for hit in sorted(hits, key=lambda hit: (hit.start, -hit.end, hit.entry.id)):
        if hit.end > furthest.get(key(hit), -1):
            furthest[key(hit)] = hit.end
            kept.append(hit)
    return kept


def _automaton(words: Iterable[tuple[str, object]]) -> ahocorasick.Automaton:
    automaton = ahocorasick.Automaton()
    for word, value in words:
        automaton.add_word(word, value)
    automaton.make_automaton()
    return automaton
