"""A whole file to rows: the names of the columns wherever they stand, notes and sample passed over, faults by row."""

import csv
import io
import warnings
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from openpyxl import load_workbook
from openpyxl.utils.datetime import WINDOWS_EPOCH

from server.sheets.cells import CellFault, Value, fault_in, fold, read_cell, tidy, unescape
from server.sheets.columns import LIST_MARK, Column, Columns
from server.sheets.faults import (
    BrokenSheet,
    HeaderMissing,
    HeaderTwice,
    NoSuchSheet,
    NotASheet,
    RowFault,
    TooManyColumns,
    TooManyRows,
)
from server.sheets.package import MOST_COLUMNS, MOST_ROWS, Survey, is_package, load_bytes, look_over, reading, survey

_HEADER_WITHIN = 10
_CSV_ENCODINGS = ("utf-8-sig", "gb18030")


@dataclass(frozen=True, slots=True)
class Row:
    """`values` by key, only for columns that the sheet has; None where nothing was typed."""

    number: int
    values: dict[str, Value]


@dataclass(frozen=True, slots=True)
class Sheet:
    """What was read. `ignored`: names of columns that nobody asked for."""

    rows: list[Row]
    faults: list[RowFault]
    ignored: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Grid:
    """Rows with something in them, by their number, as they stand."""

    rows: list[tuple[int, tuple[object, ...]]]
    survey: Survey = field(default_factory=Survey)
    epoch: datetime = WINDOWS_EPOCH


@dataclass(frozen=True, slots=True)
class Head:
    """Where the names of the columns stand, and which column stands where."""

    row: int
    names: tuple[str, ...]
    places: dict[int, Column]


def read_sheet(source: bytes | Path, columns: Columns, *, sheet: str = "") -> Sheet:
    """The rows of the named sheet, or of the first that is shown. Raises one of the faults of a whole file (faults.py)."""
    grid = read_grid(source, sheet=sheet)
    head = find_head(grid, columns)
    found = Sheet([], [], tuple(name for place, name in enumerate(head.names) if name and place not in head.places))
    for number, cells in _below(grid, head):
        if number in grid.survey.hidden:
            found.faults.append(RowFault(number, "", "hidden"))
        found.rows.append(_read_row(number, cells, head, grid, found.faults))
    if len(found.rows) > MOST_ROWS:
        raise TooManyRows(most=MOST_ROWS)
    found.faults.extend(_merged(grid, head))
    found.faults.sort(key=lambda fault: fault.row)
    return found


def read_grid(source: bytes | Path, *, sheet: str = "") -> Grid:
    """The cells of one sheet, without asking what they mean."""
    content = load_bytes(source)
    return _read_package(content, sheet) if is_package(content) else _read_csv(content)


def find_head(grid: Grid, columns: Columns) -> Head:
    """The row that names most of the columns. Raises HeaderMissing, HeaderTwice."""
    known = {fold_name(name): column for column in columns for name in (column.header, *column.aliases)}
    best = Head(0, (), {})
    for number, cells in grid.rows[:_HEADER_WITHIN]:
        names = tuple(tidy(str(cell)) if isinstance(cell, str) else "" for cell in cells)
        places = {place: known[fold_name(name)] for place, name in enumerate(names) if fold_name(name) in known}
        if len(places) > len(best.places):
            best = Head(number, names, places)
    found = [column.key for column in best.places.values()]
    missing = [column.header for column in columns if column.is_required and column.key not in found]
    if missing or not found:
        raise HeaderMissing(names=LIST_MARK.join(missing or [column.header for column in columns]))
    for column in columns:
        if found.count(column.key) > 1:
            raise HeaderTwice(name=column.header)
    return best


def fold_name(name: str) -> str:
    """A column's name without the marks that people add: a star, and what stands in brackets."""
    return fold(name).partition("(")[0].strip("*:")


def _below(grid: Grid, head: Head) -> Iterator[tuple[int, tuple[object, ...]]]:
    """The rows of data: without what stands above, the notes right below the names, and the sample."""
    is_first = True
    for number, cells in grid.rows:
        if number <= head.row:
            continue
        filled = [
            (column, fold(cells[place]))
            for place, column in head.places.items()
            if place < len(cells) and cells[place] not in (None, "") and fold(cells[place])
        ]
        is_notes = is_first and any(column.note and said == fold(column.note) for column, said in filled)
        is_first = False
        is_sample = len(filled) > 1 and all(column.sample and said == fold(column.sample) for column, said in filled)
        if filled and not is_notes and not is_sample:
            yield number, cells


def _read_row(number: int, cells: Sequence[object], head: Head, grid: Grid, faults: list[RowFault]) -> Row:
    values: dict[str, Value] = {}
    for place, column in head.places.items():
        try:
            if (number, place + 1) in grid.survey.uncomputed:
                raise CellFault("formula_empty")
            raw = cells[place] if place < len(cells) else None
            values[column.key] = read_cell(column, raw, epoch=grid.epoch)
        except CellFault as fault:
            faults.append(fault_in(column, number, fault))
            values[column.key] = None
    return Row(number, values)


def _merged(grid: Grid, head: Head) -> Iterator[RowFault]:
    """Only the first of merged cells holds the value: whether the others mean the same, nobody can tell."""
    for first_column, first_row, last_column, last_row in grid.survey.merged:
        touched = [head.places[place] for place in range(first_column - 1, last_column) if place in head.places]
        if touched and last_row > head.row and first_row <= grid.survey.last_row:
            yield RowFault(max(first_row, head.row + 1), touched[0].key, "merged")


# --- files ------------------------------------------------------------------------------------------------------------


def _read_package(content: bytes, wanted: str) -> Grid:
    look_over(content)
    with reading(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of styles and extensions, which are not looked at
        workbook = load_workbook(io.BytesIO(content), read_only=True, data_only=True, keep_links=False)
        try:
            shown = [found for found in workbook.worksheets if found.sheet_state == "visible"]
            named = [found for found in workbook.worksheets if found.title == wanted] if wanted else shown[:1]
            if not named:
                raise NoSuchSheet(name=wanted or "-")
            chosen = named[0]
            # The one thing that openpyxl does not tell aloud: which part of the package this sheet is.
            path: str = chosen._worksheet_path  # type: ignore[attr-defined]
            with zipfile.ZipFile(io.BytesIO(content)) as archive, archive.open(path) as stream:
                seen = survey(stream)
            chosen.reset_dimensions()  # what a file says of its size is often wrong
            values = chosen.iter_rows(max_row=seen.last_row or 1, max_col=MOST_COLUMNS, values_only=True)
            rows = list(_filled(enumerate(values, start=1), seen))
            return Grid(rows, seen, workbook.epoch)
        finally:
            workbook.close()


def _filled(
    rows: Iterable[tuple[int, Sequence[object]]], seen: Survey | None = None
) -> Iterator[tuple[int, tuple[object, ...]]]:
    uncomputed = {row for row, _ in seen.uncomputed} if seen else set()
    for number, cells in rows:
        if number in uncomputed or any(cell not in (None, "") for cell in cells):
            yield number, tuple(unescape(cell) if isinstance(cell, str) else cell for cell in cells)


def _read_csv(content: bytes) -> Grid:
    """Raises NotASheet for what is no text, or a page of the web under another name."""
    said = _decode(content)
    first = said.lstrip()[:1]
    if "\0" in said or first in ("", "<", "{", "%"):
        raise NotASheet
    line = said.lstrip().splitlines()[0]
    separator = max((",", "\t", ";"), key=line.count)
    rows: list[tuple[int, tuple[object, ...]]] = []
    try:
        for number, cells in enumerate(csv.reader(io.StringIO(said, newline=""), delimiter=separator), start=1):
            if len(cells) > MOST_COLUMNS and any(cells[MOST_COLUMNS:]):
                raise TooManyColumns(most=MOST_COLUMNS)
            if any(cell.strip() for cell in cells):
                rows.append((number, tuple(cells)))
            if len(rows) > MOST_ROWS + _HEADER_WITHIN:
                raise TooManyRows(most=MOST_ROWS)
    except csv.Error as fault:
        raise BrokenSheet from fault
    return Grid(rows)


def _decode(content: bytes) -> str:
    for encoding in _CSV_ENCODINGS:
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise NotASheet
