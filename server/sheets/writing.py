"""Lists, templates and sheets of faults, as files that Excel opens."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from server.sheets.columns import AS_TEXT, Column, Columns, Kind, yes_and_no
from server.sheets.faults import RowFault
from server.sheets.reading import find_head, fold_name, read_grid
from server.sheets.xlsx import Cell, Style, stream_workbook
from server.texts import text

_LONGEST_LIST = 255
_REASON_WIDTH = 48


def stream_list(columns: Columns, rows: Iterable[Mapping[str, object]], *, watermark: str) -> Iterator[bytes]:
    """A list in pieces, as its rows come: who took it and for what, the names, the rows."""
    return stream_workbook(
        _list_rows(columns, rows, watermark), widths=[(column.width, Style.PLAIN) for column in columns], frozen=2
    )


def _list_rows(columns: Columns, rows: Iterable[Mapping[str, object]], watermark: str) -> Iterator[list[Cell]]:
    yield [(watermark, Style.PLAIN)]
    yield [(column.header, Style.HEAD) for column in columns]
    for row in rows:
        yield [(_shown(column, row.get(column.key)), _style_of(column)) for column in columns]


def write_template(columns: Columns) -> bytes:
    """An empty sheet to fill in: names, notes, one row as an example, drop-downs, long numbers as text."""
    head: list[list[Cell]] = [
        [(column.header, Style.HEAD) for column in columns],
        [(column.note, Style.NOTE) for column in columns],
        [(column.sample, Style.TEXT) for column in columns],
    ]
    widths = [(column.width, Style.TEXT if column.kind in AS_TEXT else Style.PLAIN) for column in columns]
    return b"".join(stream_workbook(head, widths=widths, frozen=2, lists=_lists(enumerate(columns))))


def write_faults(source: bytes | Path, columns: Columns, faults: Sequence[RowFault], *, sheet: str = "") -> bytes:
    """The same sheet once more, with a column that says what is wrong in a row, and its cells coloured.

    Values only: what a file from outside computes or links to does not come back from us.
    """
    grid = read_grid(source, sheet=sheet)
    head = find_head(grid, columns)
    reason = text("sheets.reason")
    by_row: dict[int, list[RowFault]] = {}
    for fault in faults:
        by_row.setdefault(fault.row, []).append(fault)
    last = max(place for place, name in enumerate(head.names) if name)
    # A sheet that came back once has the column already.
    kept = [place for place in range(last + 1) if fold_name(head.names[place]) != fold_name(reason)]
    found = dict(grid.rows)
    rows = (
        [*_kept(found[number], kept, head.places, wrong), _reason(number == head.row, reason, wrong)]
        if number in found
        else []  # an empty row keeps its place, so that the numbers of the others stay what they were
        for number in range(1, max(found) + 1)
        for wrong in [by_row.get(number, [])]
    )
    widths = [(head.places[place].width if place in head.places else 16, Style.PLAIN) for place in kept]
    there = ((kept.index(place), column) for place, column in head.places.items())
    pieces = stream_workbook(rows, widths=[*widths, (_REASON_WIDTH, Style.PLAIN)], frozen=head.row, lists=_lists(there))
    return b"".join(pieces)


def _kept(
    cells: Sequence[object], kept: Sequence[int], places: Mapping[int, Column], wrong: Sequence[RowFault]
) -> list[Cell]:
    keys = {fault.column for fault in wrong}
    return [
        (
            cells[place] if place < len(cells) else None,
            Style.FAULT if place in places and places[place].key in keys else Style.PLAIN,
        )
        for place in kept
    ]


def _reason(is_head: bool, name: str, wrong: Sequence[RowFault]) -> Cell:
    if is_head:
        return name, Style.HEAD
    return "".join(fault.sentence for fault in wrong), Style.FAULT if wrong else Style.PLAIN


def _lists(columns: Iterable[tuple[int, Column]]) -> list[tuple[int, list[str]]]:
    offered = []
    for place, column in columns:
        words = list(yes_and_no()) if column.kind is Kind.BOOL else [label for label, _ in column.choices]
        if words and len(",".join(words)) <= _LONGEST_LIST:
            offered.append((place, words))
    return offered


def _shown(column: Column, value: object) -> object:
    if column.kind is Kind.CHOICE:
        return next((label for label, code in column.choices if code == value), value)
    return value


def _style_of(column: Column) -> Style:
    return {Kind.DATE: Style.DAY, Kind.MOMENT: Style.MOMENT}.get(
        column.kind, Style.TEXT if column.kind in AS_TEXT else Style.PLAIN
    )
