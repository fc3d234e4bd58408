"""What a clerk typed is what was read, or the row says why not."""

import re
from datetime import date, datetime, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.sheets.cells import CellFault, read_cell
from server.sheets.columns import Column, Kind
from server.sheets.faults import HeaderMissing, HeaderTwice, NoSuchSheet
from server.sheets.reading import Sheet, read_sheet
from tests.sheets.files import COLUMNS, HEADERS, part, repacked, saved, workbook, xlsx

DAY = date(2026, 11, 22)
GOOD = ["A1", "甲", "020-88888888", "2026-11-22", 12, "是", "社区"]


def only_row(*cells: object) -> dict[str, object]:
    sheet = read_sheet(xlsx(HEADERS, cells), COLUMNS)
    assert sheet.faults == []
    [row] = sheet.rows
    return row.values


def faults_of(sheet: Sheet) -> list[tuple[int, str, str]]:
    return [(fault.row, fault.column, fault.code) for fault in sheet.faults]


# --- cells ------------------------------------------------------------------------------------------------------------


def test_a_row_is_read_by_the_kinds_of_its_columns():
    assert only_row(*GOOD) == {
        "code": "A1",
        "name": "甲",
        "phone": "020-88888888",
        "since": DAY,
        "people": 12,
        "is_open": True,
        "level": "community",
    }


@pytest.mark.parametrize(
    "typed",
    [
        DAY, datetime.combine(DAY, time()), datetime.combine(DAY, time(9, 30)), 46348, 46348.0, "46348", 20261122, "20261122",
        "2026-11-22", "2026/11/22", "2026.11.22", "2026年11月22日", "2026 年 11 月 22 日", "２０２６－１１－２２",
        " 2026-11-22 ", "2026-11-22 00:00:00", "\u200b2026/11/22\u3000",
    ],
)  # fmt: skip
def test_a_day_is_understood_however_it_is_typed(typed):
    assert only_row("A1", "甲", None, typed)["since"] == DAY


@pytest.mark.parametrize(
    "typed", ["2026-02-30", "26-11-22", "下周一", "22/11/2026", "2026-11", 0, -3, 9e12, True, "2026-11-22 09:30"]
)
def test_a_day_that_nobody_can_know_is_a_fault(typed):
    sheet = read_sheet(xlsx(HEADERS, ["A1", "甲", None, typed]), COLUMNS)

    assert faults_of(sheet) == [(2, "since", "bad_date")]


@given(day=st.dates(date(1950, 1, 1), date(2100, 12, 31)), form=st.sampled_from(["%Y-%m-%d", "%Y/%m/%d", "%Y%m%d"]))
def test_any_day_in_any_form_is_that_day(day, form):
    assert read_cell(Column("d", "d", Kind.DATE), day.strftime(form)) == day


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        (13812345678, "13812345678"), (13812345678.0, "13812345678"), ("13812345678.0", "13812345678"),
        ("138 1234 5678", "138-1234-5678"), ("（020）88888888转801", "020-88888888-801"),
        ("０２０－８８８８８８８８", "020-88888888"), ("+86 20 88888888", "+86-20-88888888"),
    ],
)  # fmt: skip
def test_a_number_to_call_keeps_every_digit(typed, read):
    assert only_row("A1", "甲", typed)["phone"] == read


@pytest.mark.parametrize("typed", ["1.38E+10", "1.38e10", 1.2345678901234568e17, 123456789012345678])
@pytest.mark.parametrize("place", [0, 2])
def test_digits_that_excel_has_rounded_away_are_asked_for_again(typed, place):
    row = ["A1", "甲", "020-88888888"]
    row[place] = typed
    sheet = read_sheet(xlsx(HEADERS, row), COLUMNS)

    assert faults_of(sheet) == [(2, COLUMNS[place].key, "digits_lost")]


@given(number=st.integers(10_000, 10**15 - 1))
def test_a_long_number_comes_back_digit_by_digit_or_not_at_all(number):
    column = Column("c", "c", Kind.CODE)
    assert (
        read_cell(column, number) == read_cell(column, float(number)) == read_cell(column, str(number)) == str(number)
    )
    with pytest.raises(CellFault, match="digits_lost"):
        read_cell(column, number * 10**15)


@pytest.mark.parametrize(
    ("place", "typed", "code"),
    [
        (0, None, "required"), (0, " \u3000\u200b", "required"), (0, "编号一", "bad_code"), (0, "A 1", "bad_code"),
        (1, "十一个字的名称太长太长", "too_long"), (2, "没有电话", "bad_phone"), (2, "12", "bad_phone"),
        (4, "十二", "bad_int"), (4, 1.5, "bad_int"), (4, "1.38E+10", "digits_lost"), (5, "也许", "bad_bool"),
        (6, "省", "bad_choice"), (1, "#REF!", "formula_error"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_told_in_a_sentence(place, typed, code):
    row = list(GOOD)
    row[place] = typed
    sheet = read_sheet(xlsx(HEADERS, row), COLUMNS)

    assert faults_of(sheet) == [(2, COLUMNS[place].key, code)]
    assert sheet.faults[0].sentence


@pytest.mark.parametrize(
    ("typed", "read"), [("是", True), ("√", True), ("Y", True), (True, True), (1, True), ("否", False), ("无", False)]
)
def test_yes_and_no_have_many_words(typed, read):
    assert only_row("A1", "甲", None, None, None, typed)["is_open"] is read


@pytest.mark.parametrize("typed", ["1,234", "1234.0", 1234, 1234.0, "１２３４"])
def test_a_count_is_a_count(typed):
    assert only_row("A1", "甲", None, None, typed)["people"] == 1234


def test_what_excel_escapes_is_read_as_it_was_typed():
    assert only_row("A1", "_x005F_x41_")["name"] == "_x41_"


# --- rows -------------------------------------------------------------------------------------------------------------


def test_names_of_columns_are_found_in_any_order_below_a_title_and_with_stars():
    content = xlsx(["2026 年服务点统计表"], [], [" 名 称*", "备注", "代码（必填）"], ["甲", "x", "A1"])
    sheet = read_sheet(content, COLUMNS)

    assert [(row.number, row.values) for row in sheet.rows] == [(4, {"code": "A1", "name": "甲"})]
    assert sheet.ignored == ("备注",)


def test_notes_sample_and_empty_rows_are_passed_over():
    content = xlsx(
        HEADERS, ["必填", "最长 10 个字"], ["SAMPLE", "示例名称"], [], [None, " "], ["A1", "甲"], [], ["A2", "乙"]
    )
    sheet = read_sheet(content, COLUMNS)

    assert [(row.number, row.values["code"]) for row in sheet.rows] == [(6, "A1"), (8, "A2")]
    assert sheet.faults == []


def test_a_missing_column_is_named():
    with pytest.raises(HeaderMissing) as missing:
        read_sheet(xlsx(["编号", "电话"], ["A1", "1"]), COLUMNS)
    assert missing.value.facts == {"names": "名称"}


def test_a_column_that_stands_there_twice_is_named():
    with pytest.raises(HeaderTwice) as twice:
        read_sheet(xlsx(["编号", "名称", "代码"], ["A1", "甲", "A2"]), COLUMNS)
    assert twice.value.facts == {"name": "编号"}


def test_merged_cells_are_a_fault_and_a_merged_title_is_none():
    book = workbook(["标题"], HEADERS, ["A1", "甲"], ["A2", None])
    book.active.merge_cells("A1:G1")
    book.active.merge_cells("B3:B4")

    assert faults_of(read_sheet(saved(book), COLUMNS)) == [(3, "name", "merged"), (4, "name", "required")]


def test_a_row_that_nobody_sees_is_a_fault():
    book = workbook(HEADERS, ["A1", "甲"], ["A2", "乙"])
    book.active.row_dimensions[3].hidden = True

    assert faults_of(read_sheet(saved(book), COLUMNS)) == [(3, "", "hidden")]


def test_a_formula_counts_by_what_it_shows_and_without_that_is_a_fault():
    content = xlsx(HEADERS, ["A1", "=1+1"], ["A2", "乙"])
    assert faults_of(read_sheet(content, COLUMNS)) == [(2, "name", "formula_empty")]

    computed = re.sub(r"<v ?/>|<v></v>", "<v>2</v>", part(content, "xl/worksheets/sheet1.xml"))
    sheet = read_sheet(repacked(content, xl__worksheets__sheet1_xml=computed.encode()), COLUMNS)
    assert [row.values["name"] for row in sheet.rows] == ["2", "乙"]


def test_of_several_sheets_the_first_shown_or_the_named_one_is_read():
    book = workbook(["说明"], title="隐藏")
    book.active.sheet_state = "hidden"
    for title, code in (("一", "A1"), ("二", "A2")):
        page = book.create_sheet(title)
        page.append(HEADERS)
        page.append([code, "甲"])
    content = saved(book)

    assert read_sheet(content, COLUMNS).rows[0].values["code"] == "A1"
    assert read_sheet(content, COLUMNS, sheet="二").rows[0].values["code"] == "A2"
    with pytest.raises(NoSuchSheet):
        read_sheet(content, COLUMNS, sheet="三")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
@pytest.mark.parametrize("separator", [",", "\t", ";"])
def test_a_csv_is_read_in_the_encodings_that_people_have(encoding, separator):
    lines = [HEADERS, GOOD]
    content = "\r\n".join(separator.join(map(str, line)) for line in lines).encode(encoding)

    assert read_sheet(content, COLUMNS).rows[0].values == only_row(*GOOD)
