"""What the words around a hit make of it: denied, told of the past, invented, joked, or meant."""

import re
from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
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
from server.risk.matching import Hit, longest

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
        if hit.slot in CONTEXT_SLOTS or reading.is_explained(hit):
            continue
        slot = lexicon.rules.slots[hit.slot]
        contexts = (
            (slot.denied, reading.is_denied),
            (slot.framed, reading.is_framed),
            (slot.supposed, reading.is_supposed),
            (slot.past, reading.is_past),
            (slot.playing, reading.is_playing),
            (slot.joking, reading.is_joking),
        )
        # The first context that the slot listens to decides.
        outcome = next((outcome for outcome, holds in contexts if outcome and holds(hit)), None)
        if outcome is None:
            settled.append(hit)
        elif outcome != DROP:
            settled.append(replace(hit, slot=outcome))
    return longest(settled, key=lambda hit: hit.slot)


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
        self._ends: dict[str, list[int]] = defaultdict(list)
        for hit in hits:
            sentence = layout.sentence(hit.start)
            self._sentences[hit.slot].add(sentence)
            self._clauses[hit.slot].add((sentence, layout.clause(hit.start)))
            if hit.slot in CONTEXT_SLOTS:
                insort(self._ends[hit.slot], hit.end)

    def is_explained(self, hit: Hit) -> bool:
        """Whether the words around make an ambiguous entry harmless: a rope for the washing, a roof for the stars."""
        if any(self._shares_clause(hit, slot) for slot in hit.entry.unless):
            return True
        clause, sentence = self._layout.clause(hit.start), self._layout.sentence(hit.start)
        near = {(sentence, clause - 1), (sentence, clause), (sentence, clause + 1)}
        return any(slot in self._clauses and not near.isdisjoint(self._clauses[slot]) for slot in hit.entry.unless_near)

    def is_denied(self, hit: Hit) -> bool:
        start = max(self._layout.clause_start(hit.start), hit.start - _NEGATION_REACH)
        if not self._denial.holds(self._text[start : hit.start]):
            return False
        # A blank often stands for a comma in chat: "no, I want to die" must not read as "I do not want to die".
        at = bisect_right(self._breaks, hit.start)
        last_break = self._breaks[at - 1] if at else 0
        return last_break <= start or self._denial.holds(self._text[last_break : hit.start])

    def is_framed(self, hit: Hit) -> bool:
        """Told of a book, a film, a lesson; not when somebody says it of himself, unless he quotes it."""
        if self._shares_sentence(hit, FRAME) and self._is_quoted(hit):
            return True
        return self._shares_clause(hit, FRAME) and not self._is_own(hit)

    def is_supposed(self, hit: Hit) -> bool:
        """Said of people in general: what to do if somebody should want to."""
        return self._shares_sentence(hit, SUPPOSED) and any(self._just_before(hit, ANYONE, _SPEAKER_REACH))

    def is_past(self, hit: Hit) -> bool:
        return not self._shares_clause(hit, PRESENT) and any(
            self._past_stops.isdisjoint(self._text[end : hit.start])
            for end in self._just_before(hit, PAST, _PAST_REACH)
        )

    def is_playing(self, hit: Hit) -> bool:
        return self._shares_sentence(hit, GAME)

    def is_joking(self, hit: Hit) -> bool:
        sentence = self._layout.sentence(hit.start)
        around = {sentence - 1, sentence, sentence + 1}
        return self._shares_sentence(hit, JOKE) and around.isdisjoint(self._sentences[EARNEST])

    def _shares_sentence(self, hit: Hit, slot: str) -> bool:
        return slot in self._sentences and self._layout.sentence(hit.start) in self._sentences[slot]

    def _shares_clause(self, hit: Hit, slot: str) -> bool:
        if slot not in self._clauses:
            return False
        return (self._layout.sentence(hit.start), self._layout.clause(hit.start)) in self._clauses[slot]

    def _just_before(self, hit: Hit, slot: str, reach: int) -> Iterator[int]:
        """The ends of the slot's words in front of the hit, in its clause, at most `reach` characters away."""
        ends = self._ends.get(slot, ())
        clause_start = self._layout.clause_start(hit.start)
        for end in ends[bisect_left(ends, hit.start - reach) : bisect_right(ends, hit.start)]:
            if end > clause_start:
                yield end

    def _is_own(self, hit: Hit) -> bool:
        start = max(self._layout.clause_start(hit.start), hit.start - _SPEAKER_REACH)
        return any(word in self._text[start : hit.end] for word in self._speaker)

    def _is_quoted(self, hit: Hit) -> bool:
        at = bisect_right(self._quoted, (hit.start, len(self._text))) - 1
        return at >= 0 and hit.end <= self._quoted[at][1]


def _longest_first(words: Iterable[str]) -> str:
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))
