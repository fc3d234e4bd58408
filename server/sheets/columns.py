"""What a sheet holds, as data: one row of names, kinds and limits from which reading, templates and exports follow."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from server.texts import has_text, text

LIST_MARK = "\u3001"  # between the words of a list


class Kind(StrEnum):
    TEXT = "text"
    CODE = "code"  # letters and digits; a number is given back digit by digit
    PHONE = "phone"
    INT = "int"
    DATE = "date"
    MOMENT = "moment"  # written only: a day with its time, in Shanghai
    BOOL = "bool"
    CHOICE = "choice"


# Kinds whose column Excel must not take for a number.
AS_TEXT = frozenset({Kind.TEXT, Kind.CODE, Kind.PHONE})


@dataclass(frozen=True, slots=True)
class Column:
    """`choices`: the word that people see, and the code behind it."""

    key: str
    header: str
    kind: Kind = Kind.TEXT
    aliases: tuple[str, ...] = ()
    is_required: bool = False
    note: str = ""
    sample: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    longest: int = 200
    width: int = 16


Columns = tuple[Column, ...]


def column(
    sheet: str,
    key: str,
    kind: Kind = Kind.TEXT,
    *,
    is_required: bool = False,
    choices: Iterable[str] = (),
    longest: int = 200,
    width: int = 16,
) -> Column:
    """A column whose words stand in the texts under `columns.<sheet>.<key>`."""
    return Column(
        key=key,
        header=text(f"columns.{sheet}.{key}"),
        kind=kind,
        aliases=_words(f"columns.{sheet}.{key}_also"),
        is_required=is_required,
        note=_word(f"columns.{sheet}.{key}_note"),
        sample=_word(f"columns.{sheet}.{key}_sample"),
        choices=tuple((text(f"columns.{sheet}.{key}_{code}"), str(code)) for code in choices),
        longest=longest,
        width=width,
    )


def yes_and_no() -> tuple[str, str]:
    return text("columns.yes"), text("columns.no")


def words_for(answer: bool) -> frozenset[str]:
    """What people type for yes, or for no."""
    if answer:
        return frozenset({text("columns.yes"), *text("columns.yes_also").split("|")})
    return frozenset({text("columns.no"), *text("columns.no_also").split("|")})


def _word(key: str) -> str:
    return text(key) if has_text(key) else ""


def _words(key: str) -> tuple[str, ...]:
    return tuple(text(key).split("|")) if has_text(key) else ()
