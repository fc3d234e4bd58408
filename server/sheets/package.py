"""A file is looked over before anything is parsed: what it is, how large it becomes, and that no part of it declares entities.

A sheet is a zip of XML, so a small upload may unpack to a huge one, and XML may define words that multiply. openpyxl guards
against the second only where defusedxml is installed.
"""

import io
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, cast
from xml.parsers import expat

from openpyxl.utils import range_boundaries
from openpyxl.utils.cell import column_index_from_string as index_of
from openpyxl.utils.cell import coordinate_from_string

from server.errors import DomainError
from server.sheets.faults import (
    BrokenSheet,
    NotASheet,
    OldExcel,
    PasswordProtected,
    SheetTooLarge,
    TooManyColumns,
    TooManyRows,
)

MEGABYTE = 1024 * 1024
LARGEST_FILE = 5 * MEGABYTE
MOST_ROWS, MOST_COLUMNS = 20_000, 60
_LARGEST_UNPACKED = 64 * MEGABYTE
# Styles, names, properties: openpyxl reads these slowly and whole.
_LARGEST_OTHER_PART = 4 * MEGABYTE
_MOST_PARTS = 1_000
_STEEPEST = 300  # times smaller packed; the emptiest of real sheets stay below 150
_STEEP_FROM = MEGABYTE
_ABOVE_THE_ROWS = 10  # titles, names of columns, notes
_ZIP, _OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_CHUNK = 64 * 1024


def load_bytes(source: bytes | Path) -> bytes:
    """Raises SheetTooLarge before a large file is read."""
    if isinstance(source, Path):
        if source.stat().st_size > LARGEST_FILE:
            raise _too_large()
        source = source.read_bytes()
    if len(source) > LARGEST_FILE:
        raise _too_large()
    return source


def is_package(content: bytes) -> bool:
    """Whether these bytes are a zip, as xlsx is. Raises OldExcel, PasswordProtected for Excel's other containers."""
    if content.startswith(_OLE):
        raise PasswordProtected if _ENCRYPTED in content else OldExcel
    return content.startswith(_ZIP)


def look_over(content: bytes) -> None:
    """Raises SheetTooLarge, NotASheet, PasswordProtected, BrokenSheet. What passes may be parsed."""
    with reading(), zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = archive.infolist()
        if len(parts) > _MOST_PARTS or sum(part.file_size for part in parts) > _LARGEST_UNPACKED:
            raise _too_large()
        if "xl/workbook.xml" not in archive.namelist():
            raise NotASheet
        for part in parts:
            if part.flag_bits & 1:
                raise PasswordProtected
            if part.file_size > _STEEP_FROM and part.file_size > _STEEPEST * part.compress_size:
                raise _too_large()
            is_rows = part.filename.startswith(("xl/worksheets/", "xl/sharedStrings", "xl/media/"))
            if not is_rows and part.file_size > _LARGEST_OTHER_PART:
                raise _too_large()
            with archive.open(part) as stream:
                _refuse_declarations(stream)


@contextmanager
def reading() -> Iterator[None]:
    """Whatever a parser stumbles over becomes one fault: a file from outside must never look like a bug of ours."""
    try:
        yield
    except DomainError:
        raise
    except (zipfile.BadZipFile, zlib.error, expat.ExpatError, EOFError) as fault:
        raise BrokenSheet from fault
    except Exception as fault:  # openpyxl raises what its descriptors raise: KeyError, TypeError, AttributeError …
        raise BrokenSheet from fault


def _refuse_declarations(stream: IO[bytes]) -> None:
    """A document type can only stand before the first element; a part that is no XML has neither."""
    parser, found = expat.ParserCreate(), []
    parser.StartDoctypeDeclHandler = lambda *_: found.append("doctype")
    parser.StartElementHandler = lambda *_: found.append("element")
    try:
        while not found and (chunk := stream.read(_CHUNK)):
            parser.Parse(chunk, False)
    except expat.ExpatError:
        pass  # a picture, or broken: then openpyxl will say so
    if "doctype" in found:
        raise BrokenSheet


@dataclass(slots=True)
class Survey:
    """What the reader of values does not tell: hidden rows, merged cells, formulas that nobody has computed."""

    last_row: int = 0
    hidden: set[int] = field(default_factory=set)
    merged: list[tuple[int, int, int, int]] = field(default_factory=list)  # first column and row, last column and row
    uncomputed: set[tuple[int, int]] = field(default_factory=set)  # row and column


def survey(stream: IO[bytes]) -> Survey:
    """One pass over a sheet's XML, which stops at the first row or column too many. Raises TooManyRows, TooManyColumns."""
    seeing = _Surveyor()
    parser = expat.ParserCreate(namespace_separator="}")
    parser.StartElementHandler, parser.EndElementHandler = seeing.start, seeing.end
    parser.CharacterDataHandler = seeing.say
    parser.buffer_text = True
    while chunk := stream.read(_CHUNK):
        parser.Parse(chunk, False)
    parser.Parse(b"", True)
    return seeing.seen


class _Surveyor:
    def __init__(self) -> None:
        self.seen = Survey()
        self._row = self._column = self._filled = 0
        self._is_hidden = self._has_formula = self._has_value = self._is_in_value = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        match name.rpartition("}")[2]:
            case "row":
                self._row = int(attributes.get("r", self._row + 1))
                self._column = 0
                self._is_hidden = attributes.get("hidden") in ("1", "true")
            case "c":
                reference = attributes.get("r")
                self._column = index_of(coordinate_from_string(reference)[0]) if reference else self._column + 1
                self._has_formula = False
                # A formula may well have computed an empty text; an empty number it cannot.
                self._has_value = attributes.get("t") == "str"
            case "f":
                self._has_formula = True
            case "v" | "is":
                self._is_in_value = True
            case "mergeCell":
                self.seen.merged.append(cast("tuple[int, int, int, int]", range_boundaries(attributes["ref"])))

    def say(self, _words: str) -> None:
        self._has_value = self._has_value or self._is_in_value

    def end(self, name: str) -> None:
        local_name = name.rpartition("}")[2]
        if local_name in ("v", "is"):
            self._is_in_value = False
        if local_name != "c":
            return
        if self._has_formula and not self._has_value:
            self.seen.uncomputed.add((self._row, self._column))
        if not self._has_formula and not self._has_value:
            return  # coloured, and empty
        if self._column > MOST_COLUMNS:
            raise TooManyColumns(most=MOST_COLUMNS)
        if self._row != self.seen.last_row:
            self.seen.last_row = self._row
            self._filled += 1
            if self._filled > MOST_ROWS + _ABOVE_THE_ROWS:
                raise TooManyRows(most=MOST_ROWS)
            if self._is_hidden:
                self.seen.hidden.add(self._row)


def _too_large() -> SheetTooLarge:
    return SheetTooLarge(megabytes=LARGEST_FILE // MEGABYTE)
