"""What the words around a hit make of it: denied, told of the past, invented, joked, or meant."""

import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from server.risk.folding import CLAUSE_END, SENTENCE_END, View, quoted_stretches
from server.risk.lexicon import (
    ANYONE,
    CONTEXT_SLOTS,
    DROP,
    EARNEST,
    FRAME,
    GAME,
    JOKE,
    PAST,
    PRESENT,
    SUPPOSED,
    Lexicon,
    Negation,
    WordsFile,
)
from server.risk.matching import Hit

_NEGATION_REACH = 24
_PAST_REACH = 8
_SPEAKER_REACH = 6


class Layout:
    """The clauses and sentences of a view."""

    def __init__(self, text: str) -> None:
        ends = [(place, character) for place, character in enumerate(text) if character in (CLAUSE_END, SENTENCE_END)]
        self._clause_ends = [place for place, _ in ends]
        self._sentence_ends = [place for place, character in ends if character == SENTENCE_END]

    def clause(self, place: int) -> int:
        return bisect_left(self._clause_ends, place)

    def clause_start(self, place: int) -> int:
        number = self.clause(place)
        return self._clause_ends[number - 1] + 1 if number else 0

    def sentence(self, place: int) -> int:
        return bisect_left(self._sentence_ends, place)


class Denial:
    """Counts the negators in front of a place: "not", and "not ... not", which is a yes again."""

    def __init__(self, negation: Negation) -> None:
        asking, words, between = map(_longest_first, (negation.asking, negation.words, negation.between))
        self._last = re.compile(f"(?:(?P<asking>{asking})|{words})(?:{between}){{0,6}}$")

    def holds(self, before: str) -> bool:
        count = 0
        while (found := self._last.search(before)) and not found["asking"]:
            count += 1
            before = before[: found.start()]
        return count % 2 == 1


def settle(view: View, layout: Layout, hits: Sequence[Hit], lexicon: Lexicon, denial: Denial) -> list[Hit]:
    """The hits that still mean something, each in the slot that its context leaves it in."""
    reading = _Reading(view, layout, hits, lexicon.words, denial)
    settled: list[Hit] = []
    for hit in hits:
        if hit.slot in CONTEXT_SLOTS or reading.has_neighbour(hit, hit.entry.unless):
            continue
        slot = lexicon.rules.slots[hit.slot]
        # The first context that the slot listens to decides.
        outcome = (
            (slot.denied and reading.is_denied(hit) and slot.denied)
            or (slot.framed and reading.is_framed(hit) and slot.framed)
            or (slot.supposed and reading.is_supposed(hit) and slot.supposed)
            or (slot.past and reading.is_past(hit) and slot.past)
            or (slot.playing and reading.is_playing(hit) and slot.playing)
            or (slot.joking and reading.is_joking(hit) and slot.joking)
            or hit.slot
        )
        if outcome != DROP:
            settled.append(hit if outcome == hit.slot else replace(hit, slot=outcome))
    return settled


class _Reading:
    """One text with its context words, asked about one hit after the other."""

    def __init__(self, view: View, layout: Layout, hits: Iterable[Hit], words: WordsFile, denial: Denial) -> None:
        self._text = view.text
        self._speaker = words.speaker
        self._past_stops = frozenset(words.past_stops)
        self._breaks = sorted(view.breaks)
        self._layout = layout
        self._denial = denial
        self._quoted = quoted_stretches(view)
        self._sentences: dict[str, set[int]] = defaultdict(set)
        self._clauses: dict[str, set[tuple[int, int]]] = defaultdict(set)
        self._places: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for hit in hits:
            sentence = layout.sentence(hit.start)
            self._sentences[hit.slot].add(sentence)
            self._clauses[hit.slot].add((sentence, layout.clause(hit.start)))
            if hit.slot in CONTEXT_SLOTS:
                self._places[hit.slot].append((hit.start, hit.end))

    def has_neighbour(self, hit: Hit, slots: Iterable[str]) -> bool:
        clause, sentence = self._layout.clause(hit.start), self._layout.sentence(hit.start)
        near = {(sentence, clause - 1), (sentence, clause), (sentence, clause + 1)}
        return any(slot in self._clauses and not near.isdisjoint(self._clauses[slot]) for slot in slots)

    def is_denied(self, hit: Hit) -> bool:
        # A blank often stands for a comma in chat: "no, I want to die" must not read as "I do not want to die".
        at = bisect_right(self._breaks, hit.start)
        last_break = self._breaks[at - 1] if at else 0
        start = max(self._layout.clause_start(hit.start), last_break, hit.start - _NEGATION_REACH)
        return self._denial.holds(self._text[start : hit.start])

    def is_framed(self, hit: Hit) -> bool:
        """Told of a book, a film, a lesson; not when somebody says it of himself, unless he quotes it."""
        if self._shares_sentence(hit, FRAME) and self._is_quoted(hit):
            return True
        return bool(self._in_clause(hit, FRAME)) and not self._is_own(hit)

    def is_supposed(self, hit: Hit) -> bool:
        """Said of people in general: what to do if somebody should want to."""
        return self._shares_sentence(hit, SUPPOSED) and any(
            end <= hit.start <= end + _SPEAKER_REACH for _, end in self._in_clause(hit, ANYONE)
        )

    def is_past(self, hit: Hit) -> bool:
        if self._in_clause(hit, PRESENT):
            return False
        return any(
            end <= hit.start <= end + _PAST_REACH and self._past_stops.isdisjoint(self._text[end : hit.start])
            for _, end in self._in_clause(hit, PAST)
        )

    def is_playing(self, hit: Hit) -> bool:
        return self._shares_sentence(hit, GAME)

    def is_joking(self, hit: Hit) -> bool:
        sentence = self._layout.sentence(hit.start)
        around = {sentence - 1, sentence, sentence + 1}
        return not around.isdisjoint(self._sentences[JOKE]) and around.isdisjoint(self._sentences[EARNEST])

    def _shares_sentence(self, hit: Hit, slot: str) -> bool:
        return slot in self._sentences and self._layout.sentence(hit.start) in self._sentences[slot]

    def _in_clause(self, hit: Hit, slot: str) -> list[tuple[int, int]]:
        places = self._places.get(slot)
        if not places:
            return []
        start = self._layout.clause_start(hit.start)
        clause = self._layout.clause(hit.start)
        first = bisect_left(places, (start, 0))
        return [place for place in places[first:] if self._layout.clause(place[0]) == clause]

    def _is_own(self, hit: Hit) -> bool:
        start = max(self._layout.clause_start(hit.start), hit.start - _SPEAKER_REACH)
        return any(word in self._text[start : hit.end] for word in self._speaker)

    def _is_quoted(self, hit: Hit) -> bool:
        return any(start <= hit.start and hit.end <= end for start, end in self._quoted)


def _longest_first(words: Iterable[str]) -> str:
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))
