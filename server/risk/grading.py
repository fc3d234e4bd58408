"""From slots to a grade: the rule table read against what was found."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
# A stranger's texts shall not fill the memory with odd sets of slots.
_MOST_REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class _Offer:
    """The hits that could meet a need, in order, and the clause of each."""

    hits: Sequence[Hit]
    clauses: Sequence[int]

    def near(self, clause: int, within: int | None) -> Iterator[Hit]:
        first = 0 if within is None else bisect_left(self.clauses, clause - within)
        last = len(self.hits) if within is None else bisect_left(self.clauses, clause + within + 1)
        return (self.hits[index] for index in range(first, last))


class _Offers(dict[str, _Offer]):
    """The offer for each need, made when it is first asked for: most rules never get that far."""

    def __init__(self, hits: Iterable[Hit], members: Mapping[str, Sequence[str]], layout: Layout) -> None:
        super().__init__()
        self._members = members
        self._layout = layout
        self._by_slot: dict[str, list[Hit]] = defaultdict(list)
        for hit in hits:
            self._by_slot[hit.slot].append(hit)

    def __missing__(self, need: str) -> _Offer:
        found = (hit for slot in self._members[need] for hit in self._by_slot.get(slot, ()))
        hits = sorted(found, key=lambda hit: hit.start)
        offer = self[need] = _Offer(hits, [self._layout.clause(hit.start) for hit in hits])
        return offer


class Grader:
    """The rule table, most urgent rules first."""

    def __init__(self, lexicon: Lexicon) -> None:
        self._rules = sorted(lexicon.rules.rules, key=lambda rule: -rule.grade.rank)
        self._members = {need: lexicon.rules.members(need) for rule in self._rules for need in rule.needs}
        self._inside = {name for name, slot in lexicon.rules.slots.items() if slot.inside}

        self._candidates_of: dict[frozenset[str], tuple[Rule, ...]] = {}

    def _candidates(self, slots: frozenset[str]) -> tuple[Rule, ...]:
        """The rules whose every need some found slot can meet. Few sets of slots ever occur, so they are remembered."""
        known = self._candidates_of.get(slots)
        if known is None:
            met = {need for need, members in self._members.items() if not slots.isdisjoint(members)}
            known = tuple(rule for rule in self._rules if met.issuperset(rule.needs))
            if len(self._candidates_of) < _MOST_REMEMBERED:
                self._candidates_of[slots] = known
        return known

    def judge(self, hits: Sequence[Hit], layout: Layout) -> Verdict:
        offers = _Offers(hits, self._members, layout)
        grade, report = Grade.NONE, False
        reasons: dict[tuple[str, int, int], tuple[Rule, Hit]] = {}
        for rule in self._candidates(frozenset(hit.slot for hit in hits)):
            chosen = self._chosen(rule, [offers[need] for need in rule.needs])
            if not chosen:
                continue
            grade = max(grade, rule.grade, key=lambda grade: grade.rank)
            report = report or rule.report
            for hit in chosen[:_MOST_REASONS_OF_A_RULE]:
                # The most urgent rule that a place speaks for is the reason given for it.
                reasons.setdefault((hit.slot, *hit.origin), (rule, hit))
        return Verdict(grade, report, tuple(sorted(reasons.values(), key=lambda reason: reason[1].origin)))

    def _chosen(self, rule: Rule, offered: list[_Offer]) -> Sequence[Hit]:
        """The places by which a rule holds: all for a rule of one need, else the first that go together."""
        if not all(offer.hits for offer in offered):
            return ()
        if len(offered) == 1:
            return offered[0].hits
        for pivot, clause in zip(offered[0].hits, offered[0].clauses, strict=True):
            chosen = [pivot]
            for offer in offered[1:]:
                near = (hit for hit in offer.near(clause, rule.within) if not self._collides(hit, chosen))
                other = next(near, None)
                if other is None:
                    break
                chosen.append(other)
            else:
                return chosen
        return ()

    def _collides(self, hit: Hit, chosen: Sequence[Hit]) -> bool:
        """Whether the same words would count twice."""
        return hit.slot not in self._inside and any(
            other.slot not in self._inside and hit.origin[0] < other.origin[1] and other.origin[0] < hit.origin[1]
            for other in chosen
        )
