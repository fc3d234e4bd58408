"""One cell, as people type it, to the value that was meant; or the reason why that cannot be known.

What may be guessed without harm is (full-width digits, a date with dots, a number that Excel ended with .0). What would be
a guess about lost digits is refused.
"""

import math
import re
import unicodedata
from datetime import date, datetime, time, timedelta

from openpyxl.utils.datetime import WINDOWS_EPOCH, from_excel

from server.sheets.columns import LIST_MARK, Column, Kind, words_for, yes_and_no
from server.sheets.faults import RowFault

Value = str | int | date | bool | None
# Excel keeps fifteen digits and fills up with zeros.
MOST_DIGITS = 10**15
_INVISIBLE = re.compile(
    "[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff\ud800-\udfff\ufffe\uffff\x00-\x08\x0b-\x1f\x7f]"
)
_EXPONENT = re.compile(r"[+-]?\d+(\.\d+)?[eE]\+?\d+")
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_PHONE = re.compile(r"\+?\d[\d-]{3,}\d")
_INT = re.compile(r"-?(\d+|\d{1,3}(,\d{3})+)(\.0+)?")
# 2026-11-22, 2026/11/22, 2026.11.22, with or without a midnight behind it; the same with the signs for year, month, day.
_DAY = re.compile(
    r"(\d{4})(?:[-/.]|\s*\u5e74\s*)(\d{1,2})(?:[-/.]|\s*\u6708\s*)(\d{1,2})\s*[\u65e5\u53f7]?(?:[ T]+0{1,2}:00(?::00)?)?"
)
_EIGHT_DIGITS = re.compile(r"(\d{4})(\d{2})(\d{2})")
_FIRST_SERIAL, _LAST_SERIAL = 1, 2_958_465  # 1900-01-01, 9999-12-31
_ERRORS = frozenset({"#NULL!", "#DIV/0!", "#VALUE!", "#REF!", "#NAME?", "#NUM!", "#N/A", "#GETTING_DATA"})


class CellFault(Exception):
    """Why a cell cannot be read: a code with its facts."""

    def __init__(self, code: str, **facts: object) -> None:
        super().__init__(code)
        self.code = code
        self.facts = facts


def read_cell(column: Column, raw: object, *, epoch: datetime = WINDOWS_EPOCH) -> Value:
    """What was meant; None when nothing was typed. Raises CellFault."""
    if isinstance(raw, str):
        raw = tidy(raw)
    if raw in (None, ""):
        if column.is_required:
            raise CellFault("required")
        return None
    if raw in _ERRORS:
        raise CellFault("formula_error")
    match column.kind:
        case Kind.DATE | Kind.MOMENT:
            return _day(raw, epoch)
        case Kind.BOOL:
            return _answer(raw)
        case Kind.INT:
            return _number(raw)
        case Kind.CHOICE:
            return _choice(column, raw)
        case Kind.CODE | Kind.PHONE:
            found = _half_width(_digits(raw))
            found = _as_phone(found) if column.kind is Kind.PHONE else _as_code(found)
        case Kind.TEXT:
            found = _digits(raw)
    if len(found) > column.longest:
        raise CellFault("too_long", longest=column.longest)
    return found


def fault_in(column: Column, row: int, fault: CellFault) -> RowFault:
    return RowFault(row, column.key, fault.code, fault.facts)


def tidy(value: str) -> str:
    """Without what nobody sees: zero-width signs, control characters, blanks at both ends."""
    return _INVISIBLE.sub("", value.replace("\r\n", "\n").replace("\xa0", " ")).strip().strip("\u3000").strip()


def unescape(value: str) -> str:
    """Excel writes a sign that XML cannot hold as `_x000D_`, and an underscore before such a word as `_x005F_`."""
    return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), value) if "_x" in value else value


def fold(value: object) -> str:
    """For comparing names and choices: half-width, without any blank, small letters."""
    return re.sub(r"\s+", "", _half_width(tidy(_plain(value)))).casefold()


def _half_width(value: str) -> str:
    return unicodedata.normalize("NFKC", value)


def _plain(value: object) -> str:
    """A cell's value as text, as Excel shows it at its widest."""
    if isinstance(value, bool):
        return yes_and_no()[0 if value else 1]
    if isinstance(value, float) and value.is_integer() and abs(value) < MOST_DIGITS:
        return str(int(value))
    if isinstance(value, datetime):
        return str(value.date() if value.time() == time() else value)
    return str(value)


def _digits(raw: object) -> str:
    """A number's digits exactly. Raises CellFault where Excel has rounded them away."""
    is_number = isinstance(raw, int | float) and not isinstance(raw, bool)
    if (is_number and abs(raw) >= MOST_DIGITS) or (isinstance(raw, str) and _EXPONENT.fullmatch(_half_width(raw))):  # type: ignore[arg-type]
        raise CellFault("digits_lost")
    return _plain(raw)


def _as_code(value: str) -> str:
    if not _CODE.fullmatch(value):
        raise CellFault("bad_code")
    return value


def _as_phone(value: str) -> str:
    value = re.sub(r"\.0+$", "", value)  # a number that went through another program
    value = re.sub(r"[\s()\u8f6c\u2010-\u2015\u2212]+", "-", value).strip("-")
    value = re.sub(r"-{2,}", "-", value)
    if not _PHONE.fullmatch(value):
        raise CellFault("bad_phone")
    return value


def _number(raw: object) -> int:
    if isinstance(raw, str):
        if not _INT.fullmatch(_half_width(raw)):
            raise CellFault("digits_lost" if _EXPONENT.fullmatch(_half_width(raw)) else "bad_int")
        return int(_half_width(raw).replace(",", "").partition(".")[0])
    if isinstance(raw, bool) or not isinstance(raw, int | float) or not math.isfinite(raw) or raw != int(raw):
        raise CellFault("bad_int")
    if abs(raw) >= MOST_DIGITS:
        raise CellFault("digits_lost")
    return int(raw)


def _day(raw: object, epoch: datetime) -> date:
    if isinstance(raw, datetime):
        return raw.date()
    if isinstance(raw, date):
        return raw
    if isinstance(raw, str):
        found = _half_width(raw)
        match = _DAY.fullmatch(found) or _EIGHT_DIGITS.fullmatch(found)
        if match:
            return _calendar_day(*match.groups())
        raw = int(found) if found.isascii() and found.isdigit() and len(found) < 8 else None
    if isinstance(raw, bool | timedelta) or not isinstance(raw, int | float) or not math.isfinite(raw):
        raise CellFault("bad_date")
    eight = _EIGHT_DIGITS.fullmatch(_plain(raw))
    if eight:
        return _calendar_day(*eight.groups())
    if not _FIRST_SERIAL <= raw <= _LAST_SERIAL:
        raise CellFault("bad_date")
    found_day = from_excel(raw, epoch)
    if not isinstance(found_day, datetime):
        raise CellFault("bad_date")
    return found_day.date()


def _calendar_day(year: str, month: str, day: str) -> date:
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        raise CellFault("bad_date") from None


def _answer(raw: object) -> bool:
    if isinstance(raw, bool):
        return raw
    word = fold(raw)
    for answer in (True, False):
        if word in {fold(known) for known in words_for(answer)}:
            return answer
    raise CellFault("bad_bool")


def _choice(column: Column, raw: object) -> str:
    word = fold(raw)
    for label, code in column.choices:
        if word in (fold(label), code.casefold()):
            return code
    raise CellFault("bad_choice", choices=text_of_choices(column))


def text_of_choices(column: Column) -> str:
    return LIST_MARK.join(label for label, _ in column.choices)
