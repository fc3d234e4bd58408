"""The xlsx format, as little of it as is needed to be written piece by piece: nothing touches the disk, memory stays small.

openpyxl's write-only mode keeps each sheet in a temporary file; a list of people's alerts must lie in none. What is written
here cannot compute, call or run: every text is an inline string, there is no formula, no link, no macro, no property that
tells whose machine it was.
"""

import io
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, time
from enum import IntEnum
from xml.sax.saxutils import escape, quoteattr

from openpyxl.utils import get_column_letter
from openpyxl.utils.datetime import to_excel

from server.clock import local
from server.sheets.cells import MOST_DIGITS, tidy
from server.sheets.columns import yes_and_no

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
LONGEST_CELL = 32_767  # Excel's own limit
# What a spreadsheet takes for the beginning of a formula, in either width.
STARTS_FORMULA = tuple("=+-@\t\r\n|%\uff1d\uff0b\uff0d\uff20\uff5c\u2212\ufe63")
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_LOOKS_ESCAPED = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")
_CHUNK = 64 * 1024


class Style(IntEnum):
    """Rows of cellXfs below, in their order."""

    PLAIN = 0
    HEAD = 1
    TEXT = 2
    DAY = 3
    MOMENT = 4
    NOTE = 5
    QUOTED = 6  # begins like a formula: stays text when its cell is edited, too
    FAULT = 7
    FAULT_QUOTED = 8


Cell = tuple[object, Style]

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_STYLES = (
    f'{_HEAD}<styleSheet xmlns="{_MAIN}"><numFmts count="2"><numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd"/>'
    '<numFmt numFmtId="165" formatCode="yyyy\\-mm\\-dd\\ hh:mm"/></numFmts>'
    '<fonts count="3"><font><sz val="11"/></font><font><b/><sz val="11"/></font>'
    '<font><sz val="10"/><color rgb="FF5B6A66"/></font></fonts>'
    '<fills count="4"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill>'
    '<fill><patternFill patternType="solid"><fgColor rgb="FFE6F2EE"/></patternFill></fill>'
    '<fill><patternFill patternType="solid"><fgColor rgb="FFFBD9BD"/></patternFill></fill></fills>'
    '<borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs><cellXfs count="9">'
    '<xf xfId="0"/><xf fontId="1" fillId="2" applyFont="1" applyFill="1" xfId="0"/>'
    '<xf numFmtId="49" applyNumberFormat="1" xfId="0"/><xf numFmtId="164" applyNumberFormat="1" xfId="0"/>'
    '<xf numFmtId="165" applyNumberFormat="1" xfId="0"/>'
    '<xf fontId="2" applyFont="1" applyAlignment="1" xfId="0"><alignment vertical="top" wrapText="1"/></xf>'
    '<xf numFmtId="49" quotePrefix="1" applyNumberFormat="1" xfId="0"/>'
    '<xf fillId="3" applyFill="1" xfId="0"/>'
    '<xf numFmtId="49" fillId="3" quotePrefix="1" applyNumberFormat="1" applyFill="1" xfId="0"/>'
    '</cellXfs><cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
)
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_STILL = {
    "[Content_Types].xml": f'{_HEAD}<Types xmlns="{_PACKAGE}/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPE}.sheet.main+xml"/>'
    f'<Override PartName="/xl/styles.xml" ContentType="{_TYPE}.styles+xml"/>'
    f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_TYPE}.worksheet+xml"/></Types>',
    "_rels/.rels": f'{_HEAD}<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/workbook.xml": f'{_HEAD}<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>'
    '<sheet name="Sheet1" sheetId="1" r:id="rId1"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": f'{_HEAD}<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{_OFFICE}/worksheet" Target="worksheets/sheet1.xml"/>'
    f'<Relationship Id="rId2" Type="{_OFFICE}/styles" Target="styles.xml"/></Relationships>',
    "xl/styles.xml": _STYLES,
}


def stream_workbook(
    rows: Iterable[Sequence[Cell]],
    *,
    widths: Sequence[tuple[int, Style]],
    frozen: int,
    lists: Sequence[tuple[int, Sequence[str]]] = (),
) -> Iterator[bytes]:
    """A workbook of one sheet, in pieces.

    `widths`: of each column, with the style of its empty cells. `frozen`: so many rows stay in view. `lists`: columns
    (from 0) whose cells offer these words below the frozen rows.
    """
    sink = _Sink()
    with zipfile.ZipFile(sink, "w") as archive:
        for name, part in _STILL.items():
            archive.writestr(_entry(name), part)
        with archive.open(_entry("xl/worksheets/sheet1.xml"), "w") as sheet:
            for piece in _sheet(rows, widths, frozen, lists):
                sheet.write(piece.encode())
                if sink.size > _CHUNK:
                    yield sink.take()
    yield sink.take()


class _Sink(io.RawIOBase):
    """Where the zip is written to: what has come is taken away, nothing is ever looked at again."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self.size = 0

    def writable(self) -> bool:
        return True

    def write(self, piece: object) -> int:
        taken = bytes(piece)  # type: ignore[call-overload]
        self._pieces.append(taken)
        self.size += len(taken)
        return len(taken)

    def take(self) -> bytes:
        taken = b"".join(self._pieces)
        self._pieces.clear()
        self.size = 0
        return taken


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry


def _sheet(
    rows: Iterable[Sequence[Cell]],
    widths: Sequence[tuple[int, Style]],
    frozen: int,
    lists: Sequence[tuple[int, Sequence[str]]],
) -> Iterator[str]:
    yield f'{_HEAD}<worksheet xmlns="{_MAIN}"><sheetViews><sheetView workbookViewId="0">'
    if frozen:
        yield f'<pane ySplit="{frozen}" topLeftCell="A{frozen + 1}" activePane="bottomLeft" state="frozen"/>'
    yield '</sheetView></sheetViews><sheetFormatPr defaultRowHeight="15"/><cols>'
    for number, (width, style) in enumerate(widths, start=1):
        yield f'<col min="{number}" max="{number}" width="{width}" style="{style:d}" customWidth="1"/>'
    yield "</cols><sheetData>"
    for number, cells in enumerate(rows, start=1):
        if not cells:
            continue
        inside = "".join(_cell(get_column_letter(place) + str(number), cell) for place, cell in enumerate(cells, 1))
        yield f'<row r="{number}">{inside}</row>'
    yield "</sheetData>"
    if lists:
        yield f'<dataValidations count="{len(lists)}">'
        for place, words in lists:
            letter, offered = get_column_letter(place + 1), escape(_offer(words))
            yield (
                '<dataValidation type="list" allowBlank="1" showErrorMessage="1" '
                f"sqref={quoteattr(f'{letter}{frozen + 1}:{letter}20100')}><formula1>{offered}</formula1></dataValidation>"
            )
        yield "</dataValidations>"
    yield "</worksheet>"


def _offer(words: Sequence[str]) -> str:
    """The words of a drop-down as Excel keeps them: one text in quotes, of 255 signs at most."""
    offered = '"' + ",".join(words) + '"'
    assert len(offered) <= 257, "a drop-down holds 255 signs"
    return offered


def _cell(reference: str, cell: Cell) -> str:
    value, style = cell
    if value is None or value == "":
        return f'<c r="{reference}" s="{style:d}"/>' if style else ""
    if isinstance(value, bool):
        value = yes_and_no()[0 if value else 1]
    if isinstance(value, int) and abs(value) < MOST_DIGITS:
        return f'<c r="{reference}" s="{style:d}"><v>{value}</v></c>'
    if isinstance(value, date) and style is not Style.FAULT:  # coloured, its day would show as a bare number
        return _moment(reference, value, style)
    said = clean(str(value))
    if said.startswith(STARTS_FORMULA) or tidy(said).startswith(STARTS_FORMULA):
        style = Style.FAULT_QUOTED if style is Style.FAULT else Style.QUOTED
    inside = escape(_LOOKS_ESCAPED.sub("_x005F_", said))
    return f'<c r="{reference}" s="{style:d}" t="inlineStr"><is><t xml:space="preserve">{inside}</t></is></c>'


def _moment(reference: str, value: date, style: Style) -> str:
    if isinstance(value, datetime):
        naive = local(value).replace(tzinfo=None, second=0, microsecond=0) if value.tzinfo else value
        style = style or (Style.MOMENT if naive.time() != time() else Style.DAY)
        return f'<c r="{reference}" s="{style:d}"><v>{_serial(naive)}</v></c>'
    return f'<c r="{reference}" s="{style or Style.DAY:d}"><v>{_serial(value)}</v></c>'


def _serial(value: date) -> float:
    return to_excel(value)  # type: ignore[no-untyped-call, no-any-return]


def clean(value: str) -> str:
    """Without what XML cannot hold, with one kind of line end, and no longer than a cell may be."""
    return _NOT_XML.sub("", value.replace("\r\n", "\n").replace("\r", "\n"))[:LONGEST_CELL]
