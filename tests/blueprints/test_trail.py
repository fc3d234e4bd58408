"""The trail's pages: who may follow whom, filters, that looking is an act too, and the verdict on the chain."""

import re
from datetime import timedelta

import pytest
import sqlalchemy as sa

from server.accounts.policy import Role
from server.audit import service as audit
from server.audit.actions import Action
from server.audit.models import AuditEvent
from server.blueprints.console import trail
from server.ids import new_public_id
from tests.blueprints.staff import Colleague, text_of
from tests.canaries import PHONE, WORDS
from tests.conftest import NOW


@pytest.fixture
def auditor(app, world) -> Colleague:
    world.hire("auditor1", role=Role.AUDITOR, name="审计甲")
    return Colleague(app).sign_in("auditor1")


def table(answer) -> str:
    return text_of(answer).partition("<tbody>")[2].partition("</tbody>")[0]


def rows(answer) -> int:
    return table(answer).count("<tr>")


def record(world, count: int = 1, **changes) -> None:
    given = {
        "actor": audit.SYSTEM, "action": Action.ALERT_RAISED, "object_kind": "alert", "object_id": "x", "now": NOW
    } | changes  # fmt: skip

    def work(session):
        for _ in range(count):
            audit.record(session, **given)

    world.parts.database.write(work)


# --- who may follow whom ------------------------------------------------------------------------------------------------


def test_an_auditor_reads_who_did_what_in_words_and_nothing_that_anybody_wrote(app, world, auditor):
    world.hire("duty1", name="值班员甲")
    officer = Colleague(app).sign_in("duty1")
    alert = world.raise_alert(number=PHONE)
    officer.post(f"/console/duty/alerts/{alert}/acknowledge")
    officer.post(f"/console/duty/alerts/{alert}/contact", purpose="call")
    shown = table(auditor.get("/console/trail"))

    for words in ("值班员甲", "接手提醒", "查看联系方式和原话", "打电话联系", "系统", "出现提醒"):
        assert words in shown
    assert PHONE not in shown
    assert WORDS not in shown


def test_a_supervisor_follows_the_team_below_and_themselves(app, world):
    boss_id = world.hire("boss", role=Role.SUPERVISOR, at=world.streets[0], name="督导甲")
    for name, at in (("inside", world.communities[0]), ("outside", world.communities[1])):
        world.hire(name, at=at, name=name)
        Colleague(app).sign_in(name)
    boss = Colleague(app).sign_in("boss")
    boss.get("/console/trail/team")
    shown = table(boss.get("/console/trail/team"))

    assert "inside" in shown
    assert boss_id in shown
    assert "outside" not in shown
    assert "系统" not in shown
    assert boss.get("/console/trail").status_code == 404


def test_a_supervisor_who_asks_for_a_foreign_colleague_finds_what_is_found_for_nobody(app, world):
    world.hire("boss", role=Role.SUPERVISOR, at=world.streets[0])
    foreign = world.hire("outside", at=world.streets[1])
    Colleague(app).sign_in("outside")
    boss = Colleague(app).sign_in("boss")
    answers = [
        text_of(boss.get(f"/console/trail/team?actor={who}")).replace(who, "-")
        for who in ("outside", foreign, new_public_id())
    ]

    assert all("没有符合条件的记录" in answer for answer in answers)
    assert len({re.sub(r'csrf_token" value="[^"]+"', "", answer) for answer in answers}) == 1


def test_everybody_reads_their_own_acts_and_nobody_elses(app, world):
    world.hire("editor1", role=Role.EDITOR, name="编辑甲")
    world.hire("duty1", name="值班员甲")
    Colleague(app).sign_in("duty1")
    editor = Colleague(app).sign_in("editor1")
    shown = table(editor.get("/console/trail/mine"))

    assert "编辑甲" in shown
    assert "值班员甲" not in shown
    assert editor.get("/console/trail").status_code == 404
    assert editor.get("/console/trail/team").status_code == 404


def test_looking_at_others_is_an_act_once_a_list_and_at_oneself_none(world, auditor, clock):
    record(world, 60)
    first = auditor.get("/console/trail")
    following = re.search(r'rel="next" href="([^"]+)"', text_of(first))[1].replace("&amp;", "&")
    auditor.get(following)
    auditor.get("/console/trail/mine")
    assert len(world.acts("trail.listed")) == 1

    auditor.get(f"/console/trail?actor=auditor1&day={NOW:%Y-%m-%d}")
    [act] = world.acts("trail.searched")
    assert (act.object_kind, act.reason) == ("staff", "actor,day")


def test_what_somebody_types_into_the_search_never_stands_in_the_trail(world, auditor):
    auditor.get(f"/console/trail?actor={PHONE}&object={WORDS[:20]}")

    assert {(act.object_id, act.reason) for act in world.acts("trail.searched")} == {("-", "actor,object")}


# --- filters and pages --------------------------------------------------------------------------------------------------


def test_filters_find_by_act_colleague_object_and_day(app, world, auditor, clock):
    world.hire("duty1", name="值班员甲")
    Colleague(app).sign_in("duty1")
    record(world, object_id="the-object")
    record(world, now=NOW - timedelta(days=2), object_id="an-older-one")

    assert rows(auditor.get("/console/trail?action=alert.raised")) == 2
    assert rows(auditor.get("/console/trail?actor=duty1")) == 1
    assert rows(auditor.get("/console/trail?object=the-object")) == 1
    assert rows(auditor.get("/console/trail?action=alert.raised&day=2026-11-21")) == 1
    assert "请填一个日期" in text_of(auditor.get("/console/trail?day=gestern"))


def test_the_trail_is_read_by_pages_the_newest_first(world, auditor):
    record(world, 60, object_id="old")
    first = auditor.get("/console/trail?action=alert.raised")
    following = re.search(r'rel="next" href="([^"]+)"', text_of(first))[1].replace("&amp;", "&")

    assert (rows(first), rows(auditor.get(following))) == (50, 10)


def test_a_code_that_nobody_gave_a_word_shows_itself(world, auditor):
    record(world, action="door.painted", object_kind="door", reason="green")

    for code in ("door.painted", "door", "green"):
        assert code in table(auditor.get("/console/trail"))


# --- the verdict --------------------------------------------------------------------------------------------------------


def test_a_whole_chain_is_called_whole_and_the_verdict_is_an_act(world, auditor):
    record(world, 5)
    answer = auditor.post("/console/trail/verify")

    assert re.search(r"完整：\d+ 条全部对得上", text_of(answer))
    assert [act.reason for act in world.acts("trail.verified")] == ["whole"]


def test_a_changed_row_is_named(world, auditor, database):
    record(world, 5)
    database.write(
        lambda session: session.execute(sa.update(AuditEvent).where(AuditEvent.seq == 3).values(reason="other"))
    )

    assert "第 3 条被改动过" in text_of(auditor.post("/console/trail/verify"))
    assert [act.reason for act in world.acts("trail.verified")] == ["changed_3"]


def test_a_long_chain_is_walked_in_parts_and_each_part_goes_on_where_the_last_one_ended(world, auditor, monkeypatch):
    monkeypatch.setattr(trail, "SECONDS_A_REQUEST", -1.0)  # a single page of the chain a request
    record(world, 2100)
    said, token = [], ""
    for _ in range(5):
        html = text_of(auditor.post("/console/trail/verify", progress=token))
        found = re.search(r'name="progress" value="([^"]+)"', html)
        said += re.findall(r"已核对 (\d+) 条", html)
        if found is None:
            break
        token = found[1]

    assert said[:2] == ["1000", "2000"]
    assert "条全部对得上" in html
    assert len(world.acts("trail.verify_started")) == 1
    assert len(world.acts("trail.verified")) == 1


def test_nobody_begins_behind_a_fault(app, world, auditor, monkeypatch):
    monkeypatch.setattr(trail, "SECONDS_A_REQUEST", -1.0)
    record(world, 1100)
    token = re.search(r'name="progress" value="([^"]+)"', text_of(auditor.post("/console/trail/verify")))[1]
    world.hire("auditor2", role=Role.AUDITOR)
    other = Colleague(app).sign_in("auditor2")

    for forged, who in ((token, other), (token[:-2] + "00", auditor), ("ff", auditor), ("x", auditor)):
        answer = who.post("/console/trail/verify", progress=forged)
        assert answer.status_code == 422
        assert "进度已经失效" in text_of(answer)


@pytest.mark.parametrize(
    "fault",
    [
        "missing_3", "changed_3", "rewritten_before_3", "truncated_after_3", "shorter_than_known_9", "head_missing",
        "key_unreadable",
    ],
)  # fmt: skip
def test_every_fault_has_its_words(fault):
    assert re.search(r"[一-鿿]", trail._fault_in_words(fault))
