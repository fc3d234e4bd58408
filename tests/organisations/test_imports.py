"""Places from sheets: all or nothing, and a second time nothing."""

from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.accounts.policy import Permission, Role
from server.accounts.scope import seen_by
from server.accounts.staff import Post, Staff
from server.audit.models import AuditEvent
from server.db import Database
from server.organisations import service as organisations
from server.organisations.imports import DepartmentImporter, ServicePointImporter
from server.organisations.models import Department, Level, Organisation, ServicePoint
from server.sheets.importing import ImportOvertaken, RowsAtFault, mark_of, plan_import, run_import
from server.sheets.reading import read_sheet
from server.sheets.writing import stream_list, write_template
from tests.conftest import NOW, run_together
from tests.sheets.files import xlsx

DEPARTMENTS, POINTS = DepartmentImporter(), ServicePointImporter()
LINE_HEAD = ["条线编号", "条线名称", "在用"]
POINT_HEAD = [column.header for column in POINTS.columns()]
POINT = ["S1", "新庄心理服务站", "新庄路 1 号", "020-88888888", "周一至周五 9:00-17:00", "社区", "是", "否", "是"]
ACTOR = ("cli", "-")


@pytest.fixture
def tree(database: Database) -> dict[str, Organisation]:
    def work(session):
        root = organisations.add_organisation(session, code="D", name="榕江区", level=Level.DISTRICT, parent=None)
        streets = [
            organisations.add_organisation(session, code=code, name=code, level=Level.STREET, parent=root)
            for code in ("S1", "S2")
        ]
        return {node.code: node for node in (root, *streets)}

    return database.write(work)


def do(database: Database, importer, content, **previewed):
    sheet = read_sheet(content, importer.columns())
    return database.write(lambda session: run_import(session, importer, sheet, actor=ACTOR, now=NOW, **previewed))


def previewed_mark(database: Database, content: bytes) -> str:
    sheet = read_sheet(content, DEPARTMENTS.columns())
    return mark_of(database.read(lambda session: plan_import(session, DEPARTMENTS, sheet, now=NOW)))


def rows_of(database: Database, model) -> list[tuple]:
    names = [column.key for column in model.__table__.columns if column.key not in {"id", "public_id"}]
    return database.read(
        lambda session: sorted(tuple(getattr(row, name) for name in names) for row in session.scalars(sa.select(model)))
    )


def acts(database: Database) -> list[str]:
    return database.read(lambda session: list(session.scalars(sa.select(AuditEvent.action).order_by(AuditEvent.seq))))


def test_a_sheet_of_departments_is_imported_and_a_second_time_changes_nothing(database):
    content = xlsx(LINE_HEAD, ["EDU", "教育", None], ["HEA", "卫健", "否"])
    first = do(database, DEPARTMENTS, content)
    rows = rows_of(database, Department)
    second = do(database, DEPARTMENTS, content)

    assert (first.added, first.changed, first.unchanged) == (2, 0, 0)
    assert rows == [("EDU", "教育", True), ("HEA", "卫健", False)]
    assert (second.added, second.changed, second.unchanged) == (0, 0, 2)
    assert rows_of(database, Department) == rows
    assert acts(database) == ["department.added"] * 2


def test_what_differs_is_changed_and_what_is_left_empty_stays(database):
    do(database, DEPARTMENTS, xlsx(LINE_HEAD, ["EDU", "教育", "否"], ["HEA", "卫健", "是"]))
    plan = do(database, DEPARTMENTS, xlsx(LINE_HEAD, ["EDU", "教育局", None], ["HEA", "卫健", None]))

    assert rows_of(database, Department) == [("EDU", "教育局", False), ("HEA", "卫健", True)]
    [change] = plan.changes
    assert (change.before, change.after) == ({"条线名称": "教育"}, {"条线名称": "教育局"})
    assert acts(database)[2:] == ["department.changed"]


def test_a_service_point_is_known_by_its_place_and_name(database, tree):
    do(database, POINTS, xlsx(POINT_HEAD, POINT, ["S2", *POINT[1:]]))
    do(database, POINTS, xlsx(POINT_HEAD, ["S2", POINT[1], "荷溪路 2 号", *POINT[3:]]))

    found = {row[0]: row[2] for row in rows_of(database, ServicePoint)}
    assert found == {tree["S1"].id: "新庄路 1 号", tree["S2"].id: "荷溪路 2 号"}


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (["NOWHERE", *POINT[1:]], "no_such_place"),
        (POINT, "twice"),
        (["S1", "另一个", POINT[2], "没有", *POINT[4:]], "bad_phone"),
        (["S1", None, *POINT[2:]], "required"),
        (["S1", "长" * 61, *POINT[2:]], "too_long"),
    ],
)
def test_one_bad_row_and_nothing_is_imported(database, tree, bad, code):
    with pytest.raises(RowsAtFault) as refused:
        do(database, POINTS, xlsx(POINT_HEAD, POINT, bad))

    assert [(fault.row, fault.code) for fault in refused.value.faults] == [(3, code)]
    assert rows_of(database, ServicePoint) == []
    assert acts(database) == []


def test_all_that_is_wrong_is_told_at_once(database, tree):
    with pytest.raises(RowsAtFault) as refused:
        do(database, POINTS, xlsx(POINT_HEAD, ["NOWHERE", POINT[1], POINT[2], "没有", *POINT[4:]], POINT, POINT))

    found = [(fault.row, fault.code) for fault in refused.value.faults]
    assert found == [(2, "bad_phone"), (2, "no_such_place"), (4, "twice")]


def test_a_place_outside_ones_scope_is_not_found(database, tree):
    clerk = Staff(1, "x", "x", (Post(Role.DISTRICT_MANAGER, tree["S1"].path),))

    def plan(session):
        with seen_by(session, clerk, Permission.MANAGE_PLACES):
            return plan_import(
                session, POINTS, read_sheet(xlsx(POINT_HEAD, POINT, ["S2", *POINT[1:]]), POINTS.columns()), now=NOW
            )

    found = database.read(plan)
    assert [(fault.row, fault.code) for fault in found.faults] == [(3, "no_such_place")]
    assert [change.row for change in found.changes] == [2]


def test_what_was_not_previewed_is_not_imported(database):
    content = xlsx(LINE_HEAD, ["EDU", "教育", "是"])
    mark = mark_of(
        database.read(
            lambda session: plan_import(session, DEPARTMENTS, read_sheet(content, DEPARTMENTS.columns()), now=NOW)
        )
    )
    do(database, DEPARTMENTS, xlsx(LINE_HEAD, ["EDU", "别的名称", "是"]))
    with pytest.raises(ImportOvertaken):
        do(database, DEPARTMENTS, content, previewed=mark)

    assert rows_of(database, Department) == [("EDU", "别的名称", True)]


def test_a_second_tap_on_the_button_finds_its_own_work(database):
    content = xlsx(LINE_HEAD, ["EDU", "教育", "是"])
    mark = mark_of(
        database.read(
            lambda session: plan_import(session, DEPARTMENTS, read_sheet(content, DEPARTMENTS.columns()), now=NOW)
        )
    )
    for _ in range(2):
        do(database, DEPARTMENTS, content, previewed=mark)

    assert acts(database) == ["department.added"]


def test_the_same_sheet_from_several_at_once_is_imported_once(database):
    content = xlsx(LINE_HEAD, *([f"L{number}", f"条线{number}", "是"] for number in range(5)))

    def work(_number: int) -> bool:
        try:
            return bool(do(database, DEPARTMENTS, content).changes)
        except ImportOvertaken:
            return False

    assert sum(run_together(6, work)) == 1
    assert len(rows_of(database, Department)) == 5
    assert len(acts(database)) == 5


codes = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,8}", fullmatch=True).filter(lambda code: code != "SAMPLE-01")
names = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=40).filter(
    lambda name: not name.startswith("#")
)


@settings(deadline=None, max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.tuples(codes, names, st.booleans()), max_size=6, unique_by=lambda row: row[0]))
def test_any_departments_go_in_once_come_out_and_go_in_again_without_a_change(database, rows):
    head = DEPARTMENTS.columns()
    keyed = [dict(zip(("code", "name", "is_active"), row, strict=True)) for row in rows]
    sheet = read_sheet(b"".join(stream_list(head, keyed, watermark="w")), head)

    def work(session):
        run_import(session, DEPARTMENTS, sheet, actor=ACTOR, now=NOW)
        again = plan_import(session, DEPARTMENTS, sheet, now=NOW)
        stored = {(found.code, found.name, found.is_active) for found in session.scalars(sa.select(Department))}
        session.rollback()
        return again, stored

    again, stored = database.write(work)
    assert stored == set(rows)
    assert (again.changes, again.faults) == ([], [])


@pytest.mark.parametrize("importer", [DEPARTMENTS, POINTS])
def test_every_column_has_its_words_and_an_example_that_could_be_imported(importer):
    columns = importer.columns()
    filled = xlsx([column.header for column in columns], [column.sample for column in columns], ["x"])

    assert all(column.note and column.sample for column in columns)
    assert read_sheet(write_template(columns), columns).rows == []
    assert {fault.row for fault in read_sheet(filled, columns).faults} == {3}, "the example itself is passed over"


# --- the command line ---------------------------------------------------------------------------------------------------


def test_the_command_imports_and_says_how_much(app, tree, tmp_path: Path):
    file = tmp_path / "points.xlsx"
    file.write_bytes(xlsx(POINT_HEAD, POINT))
    arguments = ["organisations", "import", str(file), "--kind", "service-points"]
    said = [app.test_cli_runner().invoke(args=arguments).output for _ in range(2)]

    assert said == ["1 added, 0 changed, 0 unchanged\n", "0 added, 0 changed, 1 unchanged\n"]


def test_the_command_gives_back_the_sheet_with_reasons(app, tree, database, tmp_path: Path):
    file = tmp_path / "points.csv"
    file.write_text("\n".join(",".join(row) for row in (POINT_HEAD, POINT, ["X", *POINT[1:]])), encoding="gb18030")
    done = app.test_cli_runner().invoke(args=["organisations", "import", str(file), "--kind", "service-points"])

    assert done.exit_code == 1
    assert "第 3 行：没有找到这个单位编号" in done.output
    assert "有 1 行需要改" in done.output
    assert rows_of(database, ServicePoint) == []
    again = read_sheet(tmp_path / "points-faults.xlsx", POINTS.columns())
    assert [row.values["place"] for row in again.rows] == ["S1", "X"]
    assert again.ignored == ("需要修改的原因",)


def test_a_file_that_is_no_sheet_is_told_in_one_sentence(app, tmp_path: Path):
    file = tmp_path / "x.xlsx"
    file.write_bytes(b"%PDF-1.7")
    done = app.test_cli_runner().invoke(args=["organisations", "import", str(file), "--kind", "departments"])

    assert (done.exit_code, "这不是 Excel 表格" in done.output) == (1, True)


@pytest.mark.parametrize("kind", ["departments", "service-points"])
def test_the_command_writes_a_template(app, tmp_path: Path, kind):
    file = tmp_path / "template.xlsx"
    done = app.test_cli_runner().invoke(args=["organisations", "template", str(file), "--kind", kind])

    assert done.exit_code == 0
    importer = {"departments": DEPARTMENTS, "service-points": POINTS}[kind]
    assert read_sheet(file, importer.columns()).ignored == ()
