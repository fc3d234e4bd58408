"""Opening and duty hours: read as people type them, and said in one way everywhere.

Understood are weekdays with spans of the day, in Chinese ("周一至周五 9:00-12:00，14:00-17:30；周六上午9点-11点半") or English
("mon-fri 8:30-17:30, sat 9:00-12:00"). Spans belong to the days before them; without any, to every day. `read_hours`
reads what `say_hours` writes.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from server.errors import Invalid
from server.texts import text

DAY_MINUTES = 24 * 60
_LONGEST_PART = 20
_HALF_DAY = 12
_EVERY_DAY, _WORKDAYS, _WEEKEND = (0, 1, 2, 3, 4, 5, 6), (0, 1, 2, 3, 4), (5, 6)
_DAY_OF = (
    {name: day for day, name in enumerate(("mon", "tue", "wed", "thu", "fri", "sat", "sun"))}
    | {letter: day for day, letter in enumerate("一二三四五六日")}
    | {digit: day for day, digit in enumerate("1234567")}
    | {"天": 6}
)
_AFTERNOON = ("下午", "晚上", "晚")
_DASHES = str.maketrans(dict.fromkeys("‐‑‒–—―−", "-") | dict.fromkeys("~〜∼至到", "-"))
_BETWEEN = re.compile(r"[\s,;、。和及:]+")
_HOLIDAYS = re.compile(r"(?:法定)?节?假日(?:除外|休息|不开放?)")
_DAYS = re.compile(
    r"(?P<every>每天|每日|天天)|(?P<work>工作日)|(?P<end>周末|双休日)"
    r"|(?P<run>(?:周|星期|礼拜)(?P<letters>[一二三四五六日天1-7]+)|mon|tue|wed|thu|fri|sat|sun)"
    r"(?:\s*-\s*(?P<last>(?:周|星期|礼拜)?(?P<last_letter>[一二三四五六日天]|[1-7](?![\d:点时]))"
    r"|mon|tue|wed|thu|fri|sat|sun))?"
)
_ONE_MORE_DAY = re.compile(r"[一二三四五六日天]")
_CLOSED = re.compile(r"休息|不开放?|关闭")
_ALL_DAY = re.compile(r"24\s*小时|全天")
_CLOCK = re.compile(
    r"(?P<half>上午|早上|早|中午|下午|晚上|晚)?\s*(?P<hour>\d{1,2})"
    r"(?::(?P<minute>\d{2})|[点时](?:(?P<thirty>半)|(?P<spoken>\d{1,2})分?)?)"
)
_TO = re.compile(r"\s*-\s*")
Window = tuple[int, int, int]  # weekday from 0 for Monday, first minute, minute after the last


class BadHours(Invalid):
    """`part` is where the reading stopped."""

    code = "organisations.bad_hours"


class HoursEndEarly(Invalid):
    """The span `part` ends before it begins. Over midnight one writes two: 20:00-24:00 and 0:00-6:00."""

    code = "organisations.hours_end_early"


@dataclass(frozen=True, slots=True)
class Hours:
    """A week's windows in their order, no two touching; and whether it was said that public holidays are off."""

    windows: tuple[Window, ...]
    is_closed_on_holidays: bool = False


def read_hours(typed: str) -> Hours:
    """Raises BadHours, HoursEndEarly."""
    plain = unicodedata.normalize("NFKC", typed).translate(_DASHES).lower().strip()
    windows: list[Window] = []
    days: list[int] = []  # those that the next spans are for
    is_waiting, is_closed, at = False, False, 0  # is_waiting: days were named, their spans not yet
    while at < len(plain):
        if match := _BETWEEN.match(plain, at) or _HOLIDAYS.match(plain, at):
            is_closed = is_closed or match.re is _HOLIDAYS
            at = match.end()
        elif match := _DAYS.match(plain, at) or (_ONE_MORE_DAY.match(plain, at) if is_waiting else None):
            days = [*(days if is_waiting else []), *_days_of(match, plain[at:])]
            is_waiting, at = True, match.end()
        elif is_waiting and (match := _CLOSED.match(plain, at)):
            windows = [window for window in windows if window[0] not in days]
            is_waiting, days, at = False, [], match.end()
        else:
            opens, closes, at = _span_at(plain, at)
            windows += [(day, opens, closes) for day in days or _EVERY_DAY]
            is_waiting = False
    if not windows or is_waiting:
        raise BadHours(part=plain[:_LONGEST_PART])
    return Hours(tuple(_joined(windows)), is_closed)


def say_hours(hours: Hours) -> str:
    """Days with the same spans together, in the order of the week."""
    spans_of = {
        day: tuple((opens, closes) for _, opens, closes in windows)
        for day, windows in groupby(hours.windows, key=lambda window: window[0])
    }
    said = [
        f"{_say_days([day for day, same in spans_of.items() if same == spans])} {_say_spans(spans)}"
        for spans in dict.fromkeys(spans_of.values())
    ]
    if hours.is_closed_on_holidays:
        said.append(text("hours.holidays"))
    return text("hours.then").join(said)


def _days_of(match: re.Match[str], rest: str) -> list[int]:
    if match.re is _ONE_MORE_DAY:
        return [_DAY_OF[match[0]]]
    for name, days in (("every", _EVERY_DAY), ("work", _WORKDAYS), ("end", _WEEKEND)):
        if match[name]:
            return list(days)
    first = [_DAY_OF[letter] for letter in match["letters"]] if match["letters"] else [_DAY_OF[match["run"]]]
    if not match["last"]:
        return first
    last = _DAY_OF[match["last_letter"] or match["last"]]
    if last < first[-1]:
        raise BadHours(part=rest[:_LONGEST_PART])
    return [*first, *range(first[-1] + 1, last + 1)]


def _span_at(plain: str, at: int) -> tuple[int, int, int]:
    """(opens, closes, where the reading goes on)."""
    if all_day := _ALL_DAY.match(plain, at):
        return 0, DAY_MINUTES, all_day.end()
    begin = _CLOCK.match(plain, at)
    to = _TO.match(plain, begin.end()) if begin else None
    end = _CLOCK.match(plain, to.end()) if to else None
    if begin is None or end is None:
        raise BadHours(part=plain[at : at + _LONGEST_PART])
    half = begin["half"] or ""
    opens, closes = _minutes(begin, half), _minutes(end, end["half"] or half)
    if closes > DAY_MINUTES or int(begin["minute"] or 0) >= 60 or int(end["minute"] or 0) >= 60:
        raise BadHours(part=plain[at : end.end()])
    if closes <= opens:
        raise HoursEndEarly(part=plain[at : end.end()])
    return opens, closes, end.end()


def _minutes(clock: re.Match[str], half: str) -> int:
    hour = int(clock["hour"])
    if half in _AFTERNOON and hour < _HALF_DAY:
        hour += _HALF_DAY
    return hour * 60 + (30 if clock["thirty"] else int(clock["minute"] or clock["spoken"] or 0))


def _joined(windows: Iterable[Window]) -> list[Window]:
    """In order, with what touches or overlaps made one."""
    whole: list[Window] = []
    for day, opens, closes in sorted(windows):
        if whole and whole[-1][0] == day and opens <= whole[-1][2]:
            whole[-1] = (day, whole[-1][1], max(closes, whole[-1][2]))
        else:
            whole.append((day, opens, closes))
    return whole


def _say_days(days: list[int]) -> str:
    if len(days) == len(_EVERY_DAY):
        return text("hours.every_day")
    return text("hours.and").join(_say_runs(days))


def _say_runs(days: list[int]) -> Iterator[str]:
    """Three or more in a row are a range."""
    for _, run in groupby(enumerate(days), key=lambda numbered: numbered[1] - numbered[0]):
        names = [text(f"when.weekday_{day}") for _, day in run]
        if len(names) > 2:
            yield text("hours.range", first=names[0], last=names[-1])
        else:
            yield from names


def _say_spans(spans: Iterable[tuple[int, int]]) -> str:
    return text("hours.also").join(
        text("hours.all_day") if (opens, closes) == (0, DAY_MINUTES) else f"{_say_clock(opens)}-{_say_clock(closes)}"
        for opens, closes in spans
    )


def _say_clock(minutes: int) -> str:
    return f"{minutes // 60}:{minutes % 60:02}"
