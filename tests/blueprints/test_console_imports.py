"""Imports over HTTP: template, upload, preview, consent, and the sheet of faults."""

import io
from datetime import timedelta

import pytest
import sqlalchemy as sa
from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

from server.accounts.policy import Role
from server.organisations.imports import DepartmentImporter
from server.organisations.models import Department
from server.sheets.package import LARGEST_FILE
from server.sheets.reading import read_sheet
from tests.blueprints.staff import Colleague, text_of
from tests.canaries import NAME
from tests.sheets.files import cells, xlsx

HEAD = ["条线编号", "条线名称", "在用"]
GOOD = xlsx(HEAD, ["EDU", "教育", "是"], ["HEA", "卫健", None])
BAD = xlsx(HEAD, ["EDU", "教育", "是"], ["HEA", None, "也许"], ["EDU", "又一个", "是"])
HOME = "/console/imports/departments"


@pytest.fixture
def manager(app, world) -> Colleague:
    world.hire("manager1", role=Role.DISTRICT_MANAGER)
    return Colleague(app).sign_in("manager1")


def send(colleague, content: bytes, name="x.xlsx", address=HOME):
    fields = {"csrf_token": colleague.form_token, "file": FileStorage(io.BytesIO(content), name)}
    boundary, body = encode_multipart(fields)
    return colleague.client.post(address, data=body, content_type=f"multipart/form-data; boundary={boundary}")


def upload(colleague, content: bytes) -> str:
    answer = send(colleague, content)
    assert answer.status_code == 303, text_of(answer)
    return answer.headers["Location"]


def mark_in(answer) -> str:
    return text_of(answer).partition('name="mark" value="')[2].partition('"')[0]


def consent(colleague, address: str):
    return colleague.post(address, mark=mark_in(colleague.get(address)))


def codes(world) -> list[str]:
    return sorted(row.code for row in world.all(Department))


def test_a_sheet_is_shown_then_imported_and_a_second_time_there_is_nothing_to_do(world, manager):
    address = upload(manager, GOOD)
    page = text_of(manager.get(address))

    assert "新增 2 行，修改 0 行，0 行和系统里一样" in page
    assert codes(world) == [], "a preview changes nothing"
    done = consent(manager, address)
    assert done.status_code == 303
    assert "已经导入" in text_of(manager.get(done.headers["Location"]))
    assert codes(world) == ["EDU", "HEA"]
    assert [act.actor_kind for act in world.acts("department.added")] == ["staff", "staff"]
    assert "系统里都有了" in text_of(manager.get(upload(manager, GOOD)))


def test_what_would_change_is_shown_with_what_it_was(world, manager):
    consent(manager, upload(manager, GOOD))
    page = text_of(manager.get(upload(manager, xlsx(HEAD, ["EDU", "<b>教育局</b>", "否"]))))

    assert "条线名称：教育 → &lt;b&gt;教育局&lt;/b&gt;" in page
    assert "在用：是 → 否" in page


def test_bad_rows_are_listed_come_back_as_a_sheet_and_nothing_is_imported(world, manager):
    address = upload(manager, BAD)
    page = text_of(manager.get(address))
    answer = manager.get(f"{address}/faults")

    assert "2 行需要修改" in page
    assert "第 3 行「在用」" in page
    assert "第 4 行「条线名称」：和第 2 行重复了" in page
    assert "导入这" not in page
    assert manager.post(address, mark=mark_in(manager.get(address))).status_code == 422
    assert codes(world) == []
    assert "这一格要填" in cells(answer.data)[2][3]
    assert len(read_sheet(answer.data, DepartmentImporter().columns()).rows) == 3


def test_what_was_not_shown_is_not_imported(world, manager):
    address = upload(manager, GOOD)
    mark = mark_in(manager.get(address))
    world.parts.database.write(
        lambda session: session.add(Department(public_id="x" * 22, code="EDU", name="别的", is_active=True))
    )
    answer = manager.post(address, mark=mark)

    assert answer.status_code == 409
    assert "系统里的内容有变化" in text_of(answer)
    assert codes(world) == ["EDU"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "请先选一个文件"),
        (b"%PDF-1.7", "这不是 Excel 表格"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "旧版 .xls"),
        (xlsx(["别的表"], ["x"]), "没有找到这些列：条线编号"),
        (bytes(LARGEST_FILE + 1), "文件太大"),
    ],
    ids=["none", "pdf", "xls", "another", "large"],
)
def test_a_file_that_cannot_be_read_is_told_beside_the_form(manager, content, says):
    answer = send(manager, content)

    assert answer.status_code == 422
    assert says in text_of(answer)
    assert 'type="file"' in text_of(answer)


def test_only_this_form_takes_large_bodies_and_only_up_to_its_limit(world, manager):
    assert send(manager, bytes(LARGEST_FILE + 64 * 1024)).status_code == 413
    assert send(manager, bytes(80 * 1024), address="/console/exports").status_code == 413
    rows = [[f"L{number}", NAME * 8, "是"] for number in range(8000)]
    large = xlsx(HEAD, *rows)
    assert len(large) > 80 * 1024
    assert "新增 8000 行" in text_of(manager.get(upload(manager, large)))


def test_an_upload_is_its_owners_for_half_an_hour(app, world, manager, clock):
    address = upload(manager, GOOD)
    world.hire("manager2", role=Role.DISTRICT_MANAGER)
    other = Colleague(app).sign_in("manager2")

    assert other.get(address).status_code == 404
    assert other.post(address, mark="x").status_code == 404
    assert manager.get(address.replace("departments", "service_points")).status_code == 404
    clock.shift(timedelta(minutes=10))
    manager.get(HOME)
    clock.shift(timedelta(minutes=10))
    manager.get(HOME)
    clock.shift(timedelta(minutes=10))
    assert manager.get(address).status_code == 404


def test_without_a_form_token_nothing_is_taken(app, world, manager):
    answer = manager.client.post(HOME, data={"file": (io.BytesIO(GOOD), "x.xlsx")}, content_type="multipart/form-data")

    assert answer.status_code == 400


@pytest.mark.parametrize("kind", ["departments", "service_points"])
def test_a_template_can_be_had_for_each_kind(manager, kind):
    answer = manager.get(f"/console/imports/{kind}/template")

    assert answer.status_code == 200
    assert cells(answer.data)[0][0] in text_of(manager.get(f"/console/imports/{kind}"))
    assert send(manager, answer.data, address=f"/console/imports/{kind}").status_code == 303


def test_an_unknown_kind_is_not_there(manager):
    assert manager.get("/console/imports/letters").status_code == 404
    assert send(manager, GOOD, address="/console/imports/letters").status_code == 404


def test_two_taps_on_the_button_are_one_import(world, manager):
    address = upload(manager, GOOD)
    mark = mark_in(manager.get(address))
    answers = [manager.post(address, mark=mark).status_code for _ in range(2)]

    assert answers == [303, 303]
    assert len(world.acts("department.added")) == 2
    assert world.parts.database.read(lambda session: session.scalar(sa.select(sa.func.count(Department.id)))) == 2
