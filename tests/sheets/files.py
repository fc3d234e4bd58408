"""Files as people send them: workbooks from rows, packages with a part of one's own, and columns to read them by."""

import io
import zipfile
from collections.abc import Sequence
from pathlib import Path

from openpyxl import Workbook, load_workbook

from server.sheets.columns import Column, Kind

COLUMNS = (
    Column("code", "编号", Kind.CODE, ("代码",), True, "必填", "SAMPLE", longest=32),
    Column("name", "名称", Kind.TEXT, (), True, "最长 10 个字", "示例名称", longest=10),
    Column("phone", "电话", Kind.PHONE, ("联系电话",), longest=32),
    Column("since", "开始日期", Kind.DATE),
    Column("people", "人数", Kind.INT),
    Column("is_open", "开放", Kind.BOOL),
    Column("level", "级别", Kind.CHOICE, choices=(("镇街", "street"), ("社区", "community"))),
)
HEADERS = [column.header for column in COLUMNS]


def workbook(*rows: Sequence[object], title: str = "Sheet1") -> Workbook:
    book = Workbook()
    book.active.title = title
    for row in rows:
        book.active.append(list(row))
    return book


def saved(book: Workbook) -> bytes:
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def xlsx(*rows: Sequence[object]) -> bytes:
    return saved(workbook(*rows))


def repacked(content: bytes, **parts: bytes) -> bytes:
    """The package with some parts replaced or added; a keyword's double underscore stands for a slash, a single for a dot."""
    stream = io.BytesIO()
    wanted = {name.replace("__", "/").replace("_", "."): body for name, body in parts.items()}
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            if name not in wanted:
                new.writestr(name, old.read(name))
        for name, body in wanted.items():
            new.writestr(name, body)
    return stream.getvalue()


def part(content: bytes, name: str) -> str:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return archive.read(name).decode()


def cells(content: bytes | Path) -> list[list[object]]:
    """What openpyxl, another reader, finds in the first sheet."""
    source = io.BytesIO(content) if isinstance(content, bytes) else content
    return [list(row) for row in load_workbook(source).worksheets[0].iter_rows(values_only=True)]
