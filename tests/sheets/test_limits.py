"""What a file may not be, and that it is refused before anything is unpacked."""

import io
import time
import tracemalloc
import zipfile

import pytest

from server.errors import DomainError
from server.sheets import faults
from server.sheets.package import LARGEST_FILE, MOST_COLUMNS, MOST_ROWS
from server.sheets.reading import read_sheet
from server.texts import text
from tests.sheets.files import COLUMNS, HEADERS, part, repacked, xlsx

GOOD = xlsx(HEADERS, ["A1", "甲"])
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def fault_of(content: bytes) -> type[DomainError]:
    with pytest.raises(DomainError) as raised:
        read_sheet(content, COLUMNS)
    assert text(f"errors.{raised.value.code}", **raised.value.facts)
    return type(raised.value)


def test_a_good_file_passes():
    assert read_sheet(GOOD, COLUMNS).rows


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (OLE + bytes(512) + "Workbook".encode("utf-16-le"), faults.OldExcel),
        (OLE + bytes(512) + "EncryptedPackage".encode("utf-16-le"), faults.PasswordProtected),
        (b"%PDF-1.7 \n", faults.NotASheet),
        (b"\x89PNG\r\n\x1a\n\0\0", faults.NotASheet),
        (b"<html><table><tr><td>x</td></tr></table></html>", faults.NotASheet),
        (b'{"a": 1}', faults.NotASheet),
        (b"\xff\xff\xff\xff", faults.NotASheet),
        (b"", faults.NotASheet),
        (b"  \n ", faults.NotASheet),
        (GOOD[: len(GOOD) // 2], faults.BrokenSheet),
        (b"PK\x03\x04" + bytes(100), faults.BrokenSheet),
        ("你好,世界\n".encode(), faults.HeaderMissing),
        (bytes(LARGEST_FILE + 1), faults.SheetTooLarge),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_what_is_no_sheet_is_told_so(content, fault):
    assert fault_of(content) is fault


def package(**parts: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in parts.items():
            archive.writestr(name, body)
    return stream.getvalue()


def test_another_package_is_no_sheet():
    assert fault_of(package(mimetype=b"application/vnd.oasis.opendocument.spreadsheet")) is faults.NotASheet


def test_a_bomb_is_refused_before_it_is_unpacked():
    bomb = repacked(GOOD, xl__worksheets__sheet1_xml=b"<worksheet>" + b" " * (60 * 1024 * 1024))
    many = repacked(GOOD, **{f"x{number}": b"" for number in range(1001)})
    pieces = repacked(GOOD, **{f"xl__media__{number}_png": bytes(30 * 1024 * 1024) for number in range(3)})
    slow_styles = repacked(GOOD, xl__styles_xml=b"<a>" + b"<b/>" * (2 * 1024 * 1024))
    for content in (bomb, many, pieces, slow_styles):
        assert len(content) < LARGEST_FILE
        tracemalloc.start()
        began = time.perf_counter()
        assert fault_of(content) is faults.SheetTooLarge
        assert time.perf_counter() - began < 1
        assert tracemalloc.get_traced_memory()[1] < 8 * 1024 * 1024
        tracemalloc.stop()


ENTITIES = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c SYSTEM "file:///etc/passwd">]>'


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize(
    "name", ["xl/worksheets/sheet1.xml", "xl/workbook.xml", "xl/styles.xml", "[Content_Types].xml", "_rels/.rels"]
)
def test_a_part_that_declares_entities_is_refused(name, encoding):
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(GOOD)) as old, zipfile.ZipFile(stream, "w") as new:
        for entry in old.namelist():
            body = old.read(entry)
            if entry == name:
                inner = body.decode().partition("?>")[2] if body.startswith(b"<?xml") else body.decode()
                body = f'<?xml version="1.0" encoding="{encoding}"?>\n<!-- x -->{ENTITIES}{inner}'.encode(encoding)
            new.writestr(entry, body)

    assert fault_of(stream.getvalue()) is faults.BrokenSheet


@pytest.mark.parametrize(
    "body", [b"", b"<", b"<worksheet/>", b"<worksheet><sheetData><row r='x'/></sheetData></worksheet>"]
)
def test_a_part_that_is_no_sheet_is_a_fault_of_the_file_and_no_bug(body):
    assert issubclass(fault_of(repacked(GOOD, xl__worksheets__sheet1_xml=body)), DomainError)


@pytest.mark.parametrize("kind", ["xlsx", "csv"])
def test_more_rows_than_allowed_are_refused(kind):
    rows = [["A1", "甲"]] * (MOST_ROWS + 1)
    content = xlsx(HEADERS, *rows) if kind == "xlsx" else "\n".join(",".join(row) for row in [HEADERS, *rows]).encode()

    assert fault_of(content) is faults.TooManyRows


def test_coloured_empty_rows_do_not_count():
    sheet = part(GOOD, "xl/worksheets/sheet1.xml")
    empty = "".join(f'<row r="{number}"><c r="A{number}" s="0"/></row>' for number in range(3, 60_000))
    content = repacked(GOOD, xl__worksheets__sheet1_xml=sheet.replace("</sheetData>", f"{empty}</sheetData>").encode())

    assert len(read_sheet(content, COLUMNS).rows) == 1


@pytest.mark.parametrize("kind", ["xlsx", "csv"])
def test_more_columns_than_allowed_are_refused(kind):
    row = ["A1", "甲", *[None] * MOST_COLUMNS, "x"]
    content = (
        xlsx(HEADERS, row) if kind == "xlsx" else "\n".join(",".join(map(str, r)) for r in [HEADERS, row]).encode()
    )

    assert fault_of(content) is faults.TooManyColumns
