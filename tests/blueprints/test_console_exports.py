"""Exports over HTTP: a purpose, a file that Excel opens, a second person."""

import io
import re

import pytest
import sqlalchemy as sa
from openpyxl import load_workbook

from server.accounts import exports
from server.accounts.policy import Role
from server.ids import new_public_id
from server.organisations.models import HostKind, ServicePoint
from server.sheets.xlsx import XLSX
from tests.blueprints.staff import Colleague, text_of

WISH = {"kind": "service_points", "purpose": "check", "words": "给街道核对"}


def open_points(world, count, at=None, name="P"):
    rows = [
        {
            "public_id": new_public_id(), "organisation_id": (at or world.root).id, "name": f"{name}{number}",
            "address": "=1+1", "phone": "020-88888888", "hours": "h", "host_kind": HostKind.SCHOOL,
            "accepts_minors": True, "is_barrier_free": False, "is_active": True,
        }
        for number in range(count)
    ]  # fmt: skip
    world.parts.database.write(lambda session: session.execute(sa.insert(ServicePoint), rows))


@pytest.fixture
def clerk(app, world) -> Colleague:
    world.hire("clerk1", role=Role.CLERK, at=world.streets[0], name="办事员甲")
    return Colleague(app).sign_in("clerk1")


@pytest.fixture
def manager(app, world) -> Colleague:
    world.hire("manager1", role=Role.DISTRICT_MANAGER, name="区管理员")
    return Colleague(app).sign_in("manager1")


def ask(colleague, **changed) -> str:
    answer = colleague.post("/console/exports", **{**WISH, **changed})
    assert answer.status_code == 303, text_of(answer)
    return answer.headers["Location"]


def rows_of(answer) -> list[list[object]]:
    assert answer.status_code == 200, text_of(answer)
    return [list(row) for row in load_workbook(io.BytesIO(answer.data)).active.iter_rows(values_only=True)]


def test_a_clerk_takes_out_the_service_points_of_their_street_and_no_other(world, clerk):
    open_points(world, 2, world.communities[0], "here")
    open_points(world, 2, world.communities[1], "there")
    address = ask(clerk)
    assert "还可以下载 3 次" in text_of(clerk.get(address))
    answer = clerk.post(f"{address}/download")
    rows = rows_of(answer)

    assert answer.mimetype == XLSX
    assert answer.headers["Cache-Control"] == "no-store"
    told = answer.headers["Content-Disposition"]
    assert told.startswith("attachment; filename=xinqiao.xlsx; filename*=UTF-8''%E6%9C%8D")
    assert told.isascii(), "gunicorn refuses any other header"
    mark = rows[0][0]
    assert all(said in mark for said in ("仅限「核对资料」", "办事员甲", "2026-11-23 12:00", "给街道核对", "共 2 行"))
    assert [row[1] for row in rows[2:]] == ["here0", "here1"]
    assert [row[2] for row in rows[2:]] == ["=1+1"] * 2
    [act] = world.acts("export.downloaded")
    assert (act.object_id, act.reason) == (address.rsplit("/", 1)[1], "service_points check 2")


def test_several_batches_are_one_file(world, clerk):
    open_points(world, 999, world.streets[0])

    assert len(rows_of(clerk.post(f"{ask(clerk)}/download"))) == 2 + 999


@pytest.mark.parametrize(
    "wrong", [{"purpose": ""}, {"purpose": "curiosity"}, {"words": " "}, {"words": "长" * 101}], ids=str
)
def test_without_a_purpose_nothing_is_asked_for(world, clerk, wrong):
    answer = clerk.post("/console/exports", **{**WISH, **wrong})

    assert answer.status_code == 422
    assert "请选导出用途" in text_of(answer)
    assert world.acts("export.requested") == []


@pytest.mark.parametrize(
    "days", [{}, {"first": "x", "last": "2026-11-01"}, {"first": "2026-11-02", "last": "2026-11-01"}]
)
def test_days_that_are_none_are_asked_for_again(app, world, days):
    world.hire("auditor1", role=Role.AUDITOR)
    answer = Colleague(app).sign_in("auditor1").post("/console/exports", **{**WISH, "kind": "trail", **days})

    assert answer.status_code == 422
    assert "请选好开始和结束日期" in text_of(answer)


def test_an_auditor_takes_out_the_trail(app, world):
    world.hire("auditor1", role=Role.AUDITOR)
    auditor = Colleague(app).sign_in("auditor1")
    page = text_of(auditor.get("/console/exports"))
    address = ask(auditor, kind="trail", purpose="inspection", first="2026-11-01", last="2026-11-30")
    rows = rows_of(auditor.post(f"{address}/download"))

    assert "操作记录" in page
    assert "服务点" not in page.partition("<form")[2].partition("</form>")[0]
    assert [row[4] for row in rows[2:]] == ["staff.signed_in", "export.requested", "export.downloaded"]


@pytest.mark.parametrize("kind", ["alerts", "trail", "nothing", ""])
def test_a_list_of_others_is_not_there(clerk, kind):
    answer = clerk.post("/console/exports", **{**WISH, "kind": kind}, first="2026-11-01", last="2026-11-02")

    assert answer.status_code == 404


def test_a_large_list_waits_for_somebody_else(app, world, manager, monkeypatch):
    monkeypatch.setattr(exports, "ALONE", 1)
    open_points(world, 2)
    address = ask(manager)
    number = address.rsplit("/", 1)[1]
    world.hire("person1", role=Role.RESPONSIBLE_PERSON, name="负责人")
    second = Colleague(app).sign_in("person1")

    assert "正在等另一位同事批准" in text_of(manager.get(address))
    assert manager.post(f"{address}/download").status_code == 409
    own = manager.post(f"/console/exports/waiting/{number}/approve")
    assert (own.status_code, "要由另一位同事审批" in text_of(own)) == (403, True)
    assert "没有等您审批" in text_of(manager.get("/console/exports/waiting"))
    waiting = text_of(second.get("/console/exports/waiting"))
    assert all(said in waiting for said in ("区管理员", "给街道核对", "2 行"))
    assert second.post(f"/console/exports/waiting/{number}/approve").status_code == 303
    again = second.post(f"/console/exports/waiting/{number}/refuse")
    assert (again.status_code, "已经处理过" in text_of(again)) == (409, True)
    assert "负责人" in text_of(manager.get(address))
    assert len(rows_of(manager.post(f"{address}/download"))) == 4
    assert second.get(address).status_code == 404


def test_a_refused_export_says_so(app, world, manager, monkeypatch):
    monkeypatch.setattr(exports, "ALONE", 1)
    open_points(world, 2)
    address = ask(manager)
    world.hire("person1", role=Role.RESPONSIBLE_PERSON)
    Colleague(app).sign_in("person1").post(f"/console/exports/waiting/{address.rsplit('/', 1)[1]}/refuse")

    assert "没有批准" in text_of(manager.get(address))
    assert "没有批准" in text_of(manager.get("/console/exports"))


def test_after_three_downloads_it_is_over(world, clerk):
    address = ask(clerk)
    for _ in range(3):
        assert clerk.post(f"{address}/download").status_code == 200
    answer = clerk.post(f"{address}/download")

    assert answer.status_code == 409
    assert "现在不能下载" in text_of(answer)
    assert "已经结束" in text_of(clerk.get(address))
    assert re.search(r"服务点</a>.*已结束", text_of(clerk.get("/console/exports")))


def test_somebody_elses_export_looks_like_none(app, world, clerk, manager):
    address = ask(clerk)
    missing = f"/console/exports/{'A' * 22}"
    for method, tail in (("GET", ""), ("POST", "/download")):
        foreign, none = manager.call(method, address + tail), manager.call(method, missing + tail)
        assert (foreign.status_code, manager.without_request_id(foreign)[1]) == (
            404,
            manager.without_request_id(none)[1],
        )


def test_what_somebody_wrote_as_their_purpose_is_shown_as_written(world, clerk):
    assert "&lt;img" in text_of(clerk.get(ask(clerk, words="<img src=x>")))
