"""What the parts of a definition must agree on. Each check exists because a public project got it wrong.

A complaint is (where, what is wrong); the loader turns `where` into a line of the file.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import pairwise

from server.assessment.definition import Instrument, Item
from server.assessment.parts import Level
from server.assessment.rules import NextStep, Score
from server.assessment.source import Location
from server.assessment.wording import says_no_diagnosis

Complaint = tuple[Location, str]


def complaints_about(instrument: Instrument, *, commercial: bool) -> Iterator[Complaint]:
    """Everything that is wrong with one definition by itself."""
    if commercial and instrument.licence.status == "non_commercial":
        yield ("licence", "status"), "non_commercial: this deployment is commercial"
    yield from _repeated_ids(instrument)
    yield from _audience(instrument)
    yield from _items(instrument)
    yield from _scores(instrument)
    yield from _flags(instrument)
    yield from _next_steps(instrument)
    yield from _results(instrument)
    yield from _chart(instrument)


def complaints_about_offers(
    instrument: Instrument, startable: Mapping[str, Instrument], broken: Collection[str]
) -> Iterator[Complaint]:
    """What an instrument offers must be there to be started, and a carried answer must answer the same question.

    The ids in `broken` have a file with faults of its own; that they cannot be started is no further one.
    """
    there = {*startable, *broken}
    for flag in instrument.red_flags:
        if flag.then.offer and flag.then.offer not in there:
            yield ("red_flags", flag.id, "then", "offer"), f"{flag.then.offer}: no startable instrument has this id"
    for index, step in enumerate(instrument.next):
        if not step.offers_instrument:
            continue
        if step.offer in startable:
            yield from _carried_items(instrument, startable[step.offer], step, ("next", index, "carry_items"))
        elif step.offer not in there:
            yield ("next", index, "offer"), f"{step.offer}: neither an action nor a startable instrument"


def _carried_items(source: Instrument, target: Instrument, step: NextStep, where: Location) -> Iterator[Complaint]:
    for source_id, target_id in step.carry_items.items():
        asked, filled = source.items_by_id.get(source_id), target.items_by_id.get(target_id)
        if asked is None:
            continue  # told by _next_steps
        if filled is None:
            yield (*where, source_id), f"{target_id}: {target.id} has no such item"
        elif asked.zh != filled.zh or source.options_of(asked) != target.options_of(filled):
            yield (*where, source_id), f"{target_id}: the question or its options differ from {source_id}"
        elif source.instruction != target.instruction:
            yield (*where, source_id), f"{target_id}: {target.id} asks it under another instruction"


def _repeated_ids(instrument: Instrument) -> Iterator[Complaint]:
    yield from _twice(("items",), [item.id for item in instrument.items])
    for name, options in instrument.option_sets.items():
        yield from _twice(("option_sets", name), [option.code for option in options])
    yield from _twice(("scoring", "scores"), [score.id for score in instrument.scoring.scores])
    for score in instrument.scoring.scores:
        where = ("scoring", "scores", score.id)
        for key, names in (("items", score.items), ("reverse", score.reverse)):
            # By name: after ranges were written out, an index no longer tells the place in the file.
            yield from (((*where, key, name), f"{name}: stands twice") for name in set(names) if names.count(name) > 1)
        yield from _twice((*where, "bands"), [band.id for band in score.bands])
        yield from _twice((*where, "cutoffs"), [cutoff.id for cutoff in score.cutoffs])
    yield from _twice(("red_flags",), [flag.id for flag in instrument.red_flags])


def _twice(where: Location, names: Sequence[str | int]) -> Iterator[Complaint]:
    for index, name in enumerate(names):
        if name in names[:index]:
            yield (*where, index), f"{name}: stands twice"


def _audience(instrument: Instrument) -> Iterator[Complaint]:
    audience = instrument.audience
    if audience.max_age is not None and audience.max_age < audience.min_age:
        yield ("audience", "max_age"), "is below min_age"
    if instrument.retake.remind_days < instrument.retake.min_days:
        yield ("retake", "remind_days"), "is below min_days"


def _items(instrument: Instrument) -> Iterator[Complaint]:
    counted = {name for score in instrument.scoring.scores for name in score.items}
    earlier: dict[str, Item] = {}
    for item in instrument.items:
        where = ("items", item.id)
        if item.options not in instrument.option_sets:
            yield (*where, "options"), f"{item.options}: no such option set"
        if item.scored and item.id not in counted:
            yield where, f"{item.id}: is scored, but no score counts it"
        if item.scored and not item.required:
            yield (*where, "required"), f"{item.id}: a scored item cannot be passed over"
        if item.show_if is not None:
            if item.scored:
                yield (*where, "show_if"), f"{item.id}: hiding a scored item is not supported"
            names, least = item.show_if.any_ge
            for name in names:
                yield from _comparison(instrument, (*where, "show_if", "any_ge"), name, least, earlier, "earlier item")
        earlier[item.id] = item


def _comparison(
    instrument: Instrument, where: Location, name: str, least: int, known: Mapping[str, Item], what: str
) -> Iterator[Complaint]:
    """A rule about an item that is not there, or about an answer that nobody can give, would never act."""
    if name not in known:
        yield (*where, name), f"{name}: no such {what}"
    elif known[name].options in instrument.option_sets and least > max(instrument.codes_of(known[name])):
        yield where, f"{name}: no option has a code of {least} or more"


def _scores(instrument: Instrument) -> Iterator[Complaint]:
    counted: dict[str, str] = {}
    for score in instrument.scoring.scores:
        where = ("scoring", "scores", score.id)
        known = True
        for name in score.items:
            item = instrument.items_by_id.get(name)
            if item is None or not item.scored:
                known = False
                yield (*where, "items", name), f"{name}: no such {'scored ' if item else ''}item"
            elif instrument.total is None and name in counted:
                yield (*where, "items", name), f"{name}: counts in {counted[name]} already, and there is no total"
            else:
                counted[name] = score.id
        for name in score.reverse:
            if name not in score.items:
                yield (*where, "reverse", name), f"{name}: is reversed, but not among the items"
        if known and all(instrument.items_by_id[name].options in instrument.option_sets for name in score.items):
            yield from _range(instrument, score, where)
        yield from _bands(score, where)
        for cutoff in score.cutoffs:
            if not score.range[0] <= cutoff.at_least <= score.range[1]:
                yield (*where, "cutoffs", cutoff.id, "at_least"), f"{cutoff.at_least}: is outside the range"
            if score.direction == "higher_is_better":
                yield (*where, "cutoffs", cutoff.id, "at_least"), "points the wrong way: a higher score is better here"


def _range(instrument: Instrument, score: Score, where: Location) -> Iterator[Complaint]:
    lowest = highest = 0
    for name in dict.fromkeys(score.items):
        item = instrument.items_by_id[name]
        points = [instrument.points(score, item, code) for code in instrument.codes_of(item)]
        lowest, highest = lowest + min(points), highest + max(points)
    computed = (lowest * score.factor, highest * score.factor)
    if score.range != computed:
        yield (*where, "range"), f"{list(score.range)}: the items give {list(computed)}"


def _bands(score: Score, where: Location) -> Iterator[Complaint]:
    expected = score.range[0]
    for band in score.bands:
        if band.lowest > expected:
            yield (*where, "bands", band.id, "from"), f"{band.id}: {_span(expected, band.lowest - 1)} is in no band"
        elif band.lowest < expected:
            yield (*where, "bands", band.id, "from"), f"{band.id}: begins at {band.lowest}, expected {expected}"
        if band.highest < band.lowest:
            yield (*where, "bands", band.id, "to"), f"{band.id}: ends before it begins"
        expected = band.highest + 1
    if score.bands and expected <= score.range[1]:
        yield (*where, "bands"), f"{_span(expected, score.range[1])} is in no band"
    elif score.bands and expected > score.range[1] + 1:
        last = score.bands[-1]
        yield (*where, "bands", last.id, "to"), f"{last.id}: ends at {last.highest}, beyond {score.range[1]}"
    for before, band in pairwise(score.bands):
        rise = band.level.severity - before.level.severity
        if rise < 0 if score.direction == "higher_is_worse" else rise > 0:
            yield (
                (*where, "bands", band.id, "level"),
                f"{band.id}: {band.level} after {before.level} ({score.direction})",
            )


def _span(first: int, last: int) -> str:
    return str(first) if first == last else f"{first} to {last}"


def _flags(instrument: Instrument) -> Iterator[Complaint]:
    for flag in instrument.red_flags:
        where = ("red_flags", flag.id)
        for leaf in flag.when.leaves():
            item = instrument.items_by_id.get(leaf.item)
            if item is None:
                yield (*where, "when"), f"{leaf.item}: no such item"
                continue
            if leaf.eq is not None and item.options in instrument.option_sets:
                if leaf.eq not in instrument.codes_of(item):
                    yield (*where, "when"), f"{leaf.item}: no option has the code {leaf.eq}"
            elif leaf.ge is not None:
                known = instrument.items_by_id
                yield from _comparison(instrument, (*where, "when"), leaf.item, leaf.ge, known, "item")
            if item.show_if is not None:
                yield ("items", item.id, "show_if"), f"{item.id}: raises {flag.id} and must never be hidden"
            if not item.required:
                yield ("items", item.id, "required"), f"{item.id}: raises {flag.id} and cannot be passed over"
        if flag.level.is_red and flag.then.screen != "crisis":
            yield (*where, "then"), f"{flag.id}: a flag of level {flag.level} must show the crisis screen"


def _next_steps(instrument: Instrument) -> Iterator[Complaint]:
    scores = {score.id: score for score in instrument.scoring.scores}
    for index, step in enumerate(instrument.next):
        where: Location = ("next", index)
        name, bands = step.when.band_in
        if name not in scores:
            yield (*where, "when"), f"{name}: no such score"
        else:
            known = {band.id for band in scores[name].bands}
            for band in bands:
                if band not in known:
                    yield (*where, "when"), f"{band}: {name} has no such band"
        for source_id in step.carry_items:
            if source_id not in instrument.items_by_id:
                yield (*where, "carry_items", source_id), f"{source_id}: no such item"
        if step.carry_items and not step.offers_instrument:
            yield (*where, "carry_items"), f"{step.offer} takes no answers"


def _results(instrument: Instrument) -> Iterator[Complaint]:
    used = {band.level: band.id for score in instrument.scoring.scores for band in reversed(score.bands)}
    # A standing red flag overrules the bands, and then the red text is the one that must exist.
    for flag in instrument.red_flags:
        if flag.level.is_red:
            used[Level.RED] = flag.id
    for level in sorted(used, key=lambda level: level.severity):
        if level not in instrument.results:
            yield ("results",), f"{level}: {used[level]} has this level, but there is no text for it"
    for level, advice in instrument.results.items():
        for name in re.findall(r"\{(.*?)\}", advice.zh):
            if name != "retake":
                yield ("results", level.value, "zh"), f"{{{name}}}: only {{retake}} can be filled in"
        if len(set(advice.actions)) < len(advice.actions):
            yield ("results", level.value, "actions"), "an action stands twice"
    if not says_no_diagnosis(instrument.closing.zh):
        yield ("closing",), "must say that the result is not a diagnosis"


def _chart(instrument: Instrument) -> Iterator[Complaint]:
    chart, total = instrument.chart, instrument.total
    if chart is None:
        return
    if total is None:
        yield ("chart",), "there is no total to draw"
        return
    if chart.axis != total.range:
        yield ("chart", "axis"), f"{list(chart.axis)}: the total's range is {list(total.range)}"
    if (chart.better == "up") != (total.direction == "higher_is_better"):
        yield ("chart", "better"), f"{chart.better}: the total is {total.direction}"
    for line in chart.lines:
        if not chart.axis[0] <= line <= chart.axis[1]:
            yield ("chart", "lines"), f"{line}: is outside the axis"
