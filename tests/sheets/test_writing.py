"""What is written is what was meant, for people and for programs: text stays text, and nothing computes."""

import io
import re
import tracemalloc
import zipfile
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook

from server.sheets.cells import tidy, unescape
from server.sheets.columns import Column, Kind
from server.sheets.faults import RowFault
from server.sheets.reading import read_sheet
from server.sheets.writing import stream_list, write_faults, write_template
from server.sheets.xlsx import LONGEST_CELL, clean
from tests.sheets.files import COLUMNS, HEADERS, cells, part, saved, workbook, xlsx

TEXT = (Column("words", "说明", longest=LONGEST_CELL),)
SHEET = "xl/worksheets/sheet1.xml"
FORMULAS = [
    "=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1+1", "\r=1+1", "\n=1+1", " =1+1", "\u3000=1+1", "\u200b=1+1",
    "＝1+1", "＋1", "－1", "＠A1",
    '=HYPERLINK("http://x.example","点我")', "=cmd|' /C calc'!A0", "@SUM(1+1)*cmd|' /C calc'!A0", "=IMPORTXML(A1)",
    "-2+3+cmd|' /C calc'!A0", '=DDE("cmd";"/C calc";"x")', "%0A=1", "|calc", "−1",
]  # fmt: skip


def written(*words: object, columns=TEXT) -> bytes:
    key = columns[0].key
    return b"".join(stream_list(columns, ({key: word} for word in words), watermark="谁 何时 为何"))


@pytest.mark.parametrize("words", FORMULAS)
def test_nothing_that_looks_like_a_formula_is_one(words):
    content = written(words)
    xml = part(content, SHEET)
    [cell] = [cell for row in load_workbook(io.BytesIO(content)).active.iter_rows(min_row=3) for cell in row]

    assert "<f" not in xml
    assert 't="inlineStr"' in re.search(r'<c r="A3".*?</c>', xml, re.DOTALL)[0]
    assert cell.data_type == "s"
    assert cell.quotePrefix, "it must stay text when somebody edits the cell"
    assert unescape(cell.value) == clean(words)


@settings(max_examples=50, deadline=None)
@given(words=st.text(max_size=200) | st.sampled_from(FORMULAS) | st.from_regex(r"_x[0-9A-F]{4}_.*", fullmatch=True))
def test_any_text_goes_out_as_text_and_comes_back_the_same(words):
    content = written(words, "x")
    xml = part(content, SHEET)
    shown = cells(content)[2][0]

    assert unescape(shown or "") == clean(words)
    assert "<f" not in xml
    assert set(re.findall(r' t="(\w+)"', xml)) == {"inlineStr"}
    meant = tidy(clean(words))
    assert [row.values["words"] for row in read_sheet(content, TEXT).rows] == [*([meant] if meant else []), "x"]


def test_no_more_than_a_cell_holds_is_written():
    assert len(cells(written("字" * 40_000))[2][0]) == LONGEST_CELL


def test_the_head_says_who_took_the_list_and_stays_in_view():
    content = written("x")
    sheet = load_workbook(io.BytesIO(content)).active

    assert [row[0] for row in cells(content)] == ["谁 何时 为何", "说明", "x"]
    assert sheet.freeze_panes == "A3"


def test_values_are_shown_by_their_kinds():
    columns = (
        Column("day", "日", Kind.DATE),
        Column("at", "时", Kind.MOMENT),
        Column("n", "数", Kind.INT),
        Column("long", "长", Kind.CODE),
        Column("yes", "是", Kind.BOOL),
        Column("level", "级", Kind.CHOICE, choices=(("镇街", "street"),)),
    )
    late = datetime(2026, 11, 21, 17, 30, 12, tzinfo=UTC)  # on the 22nd in Shanghai
    row = {"day": date(2026, 11, 22), "at": late, "n": 7, "long": 10**15, "yes": False, "level": "street"}
    content = b"".join(stream_list(columns, [row], watermark="w"))

    expected = [date(2026, 11, 22), datetime.combine(late.date(), late.time()) + timedelta(hours=8)]
    expected = [datetime.combine(expected[0], datetime.min.time()), expected[1].replace(second=0)]
    assert cells(content)[2] == [*expected, 7, str(10**15), "否", "镇街"]


def test_the_file_tells_nothing_of_the_machine_and_calls_nobody():
    content = written("x")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = set(archive.namelist())
        dates = {entry.date_time for entry in archive.infolist()}

    assert names == {
        "[Content_Types].xml", "_rels/.rels", "xl/workbook.xml", "xl/_rels/workbook.xml.rels", "xl/styles.xml", SHEET,
    }  # fmt: skip
    assert dates == {(1980, 1, 1, 0, 0, 0)}
    assert not any('TargetMode="External"' in part(content, name) for name in names)


@pytest.mark.slow
def test_a_hundred_thousand_rows_pass_through_little_memory():
    columns = tuple(Column(f"c{number}", f"列{number}") for number in range(3))
    rows = ({"c0": str(number), "c1": "=甲" * 5, "c2": number} for number in range(100_000))
    tracemalloc.start()
    size = sum(len(piece) for piece in stream_list(columns, rows, watermark="w"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert size > 1024 * 1024
    assert peak < 4 * 1024 * 1024


# --- templates --------------------------------------------------------------------------------------------------------


def test_a_template_is_read_as_an_empty_sheet():
    sheet = read_sheet(write_template(COLUMNS), COLUMNS)

    assert (sheet.rows, sheet.faults, sheet.ignored) == ([], [], ())


def test_a_template_offers_its_choices_and_keeps_long_numbers_as_text():
    page = load_workbook(io.BytesIO(write_template(COLUMNS))).active
    offered = {str(rule.sqref): rule.formula1 for rule in page.data_validations.dataValidation}

    assert [cell.value for cell in page[1]] == HEADERS
    assert [cell.value for cell in page[2]][:2] == ["必填", "最长 10 个字"]
    assert offered == {"F3:F20100": '"是,否"', "G3:G20100": '"镇街,社区"'}
    assert page.freeze_panes == "A3"
    styles = re.findall(r'<col [^>]*style="(\d)"', part(write_template(COLUMNS), SHEET))
    assert styles == ["2", "2", "2", "0", "0", "0", "0"], "code, name and number are text"


# --- faults -----------------------------------------------------------------------------------------------------------

BAD = [["统计表"], HEADERS, ["A1", "甲", "没有"], [], ["=1+1", "乙", None, "2026-02-30"], ["A3", "丙"]]


def come_back(content: bytes) -> bytes:
    return write_faults(content, COLUMNS, read_sheet(content, COLUMNS).faults)


def test_the_sheet_comes_back_with_reasons_in_its_own_rows():
    returned = come_back(xlsx(*BAD))
    rows = cells(returned)

    assert [row[:3] for row in rows[:3]] == [["统计表", None, None], HEADERS[:3], ["A1", "甲", "没有"]]
    assert rows[1][7] == "需要修改的原因"
    assert "电话号码没有看懂" in rows[2][7]
    assert rows[3] == [None] * 8
    assert "公式" in rows[4][7]
    assert "日期没有看懂" in rows[4][7]
    assert rows[5][7] is None
    page = load_workbook(io.BytesIO(returned)).active
    assert page["C3"].fill.fgColor.rgb == page["D5"].fill.fgColor.rgb == "FFFBD9BD"
    assert page["C6"].fill.fill_type is None
    assert len(page.data_validations.dataValidation) == 2


def test_a_sheet_that_comes_back_twice_has_one_column_of_reasons():
    once = come_back(xlsx(*BAD))
    twice = come_back(once)

    assert [str(cell) for cell in cells(twice)[1]].count("需要修改的原因") == 1
    assert cells(twice)[2] == cells(once)[2]


def test_nothing_that_computes_or_calls_comes_back():
    book = workbook(HEADERS, ["A1", "甲", "x"])
    book.active["B2"] = '=HYPERLINK("http://x.example")'
    book.active["A2"].hyperlink = "http://x.example"
    returned = come_back(saved(book))

    with zipfile.ZipFile(io.BytesIO(returned)) as archive:
        everything = b"".join(archive.read(name) for name in archive.namelist())
    assert b"x.example" not in everything
    assert b"<f>" not in everything


def test_a_csv_comes_back_as_a_sheet():
    content = "编号,名称,电话\n=1+1,甲,1\n".encode("gb18030")
    assert "编号只能用" in cells(come_back(content))[1][3]


def test_a_fault_speaks_its_sentence():
    assert RowFault(3, "name", "too_long", {"longest": 10}).sentence == "太长了，最多 10 个字。"
