"""From slots to a grade: the rule table read against what was found."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from server.risk.context import Layout
from server.risk.grades import Grade
from server.risk.lexicon import Lexicon, Rule
from server.risk.matching import Hit


@dataclass(frozen=True, slots=True)
class Verdict:
    grade: Grade
    report: bool
    reasons: tuple[tuple[Rule, Hit], ...]


# Enough to show a counsellor where to look; a flood of repetitions need not become a flood of evidence.
_MOST_REASONS_OF_A_RULE = 12


class Grader:
    """The rule table, most urgent rules first."""

    def __init__(self, lexicon: Lexicon) -> None:
        self._rules = sorted(lexicon.rules.rules, key=lambda rule: -rule.grade.rank)
        self._members = {need: lexicon.rules.members(need) for rule in self._rules for need in rule.needs}
        self._inside = {name for name, slot in lexicon.rules.slots.items() if slot.inside}

    def judge(self, hits: Sequence[Hit], layout: Layout) -> Verdict:
        by_slot: dict[str, list[Hit]] = defaultdict(list)
        for hit in hits:
            by_slot[hit.slot].append(hit)
        grade, report = Grade.NONE, False
        reasons: dict[tuple[str, int, int], tuple[Rule, Hit]] = {}
        for rule in self._rules:
            offered = [self._offered(need, by_slot) for need in rule.needs]
            if not all(offered):
                continue
            chosen = offered[0] if len(offered) == 1 else next(self._combinations(offered, rule.within, layout), ())
            if not chosen:
                continue
            grade = max(grade, rule.grade, key=lambda grade: grade.rank)
            report = report or rule.report
            for hit in chosen[:_MOST_REASONS_OF_A_RULE]:
                # The most urgent rule that a place speaks for is the reason given for it.
                reasons.setdefault((hit.slot, *hit.origin), (rule, hit))
        return Verdict(grade, report, tuple(sorted(reasons.values(), key=lambda reason: reason[1].origin)))

    def _offered(self, need: str, by_slot: dict[str, list[Hit]]) -> list[Hit]:
        hits = [hit for slot in self._members[need] if slot in by_slot for hit in by_slot[slot]]
        return sorted(hits, key=lambda hit: hit.start)

    def _combinations(self, offered: list[list[Hit]], within: int | None, layout: Layout) -> Iterator[Sequence[Hit]]:
        """Choices of one hit for each need, near enough to the hit of the first need, each at a place of its own."""
        clauses = [[layout.clause(hit.start) for hit in hits] for hits in offered]
        for pivot, clause in zip(offered[0], clauses[0], strict=True):
            chosen = [pivot]
            for hits, places in zip(offered[1:], clauses[1:], strict=True):
                first = 0 if within is None else bisect_left(places, clause - within)
                last = len(hits) if within is None else bisect_left(places, clause + within + 1)
                other = next(
                    (hit for hit in hits[first:last] if not any(self._collide(hit, taken) for taken in chosen)), None
                )
                if other is None:
                    break
                chosen.append(other)
            else:
                yield chosen

    def _collide(self, one: Hit, other: Hit) -> bool:
        """Whether two hits are the same words counted twice."""
        if one.slot in self._inside or other.slot in self._inside:
            return False
        return one.origin[0] < other.origin[1] and other.origin[0] < one.origin[1]
