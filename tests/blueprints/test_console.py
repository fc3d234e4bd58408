"""The duty screen over HTTP: it stays awake, it tells who was first, and it shows nobody what is not theirs."""

import re
from datetime import timedelta

import pytest
import sqlalchemy as sa

from server.accounts import residents
from server.accounts.models import StaffSession
from server.accounts.policy import Role
from server.audit.models import AuditEvent
from server.config import ROOT
from server.crisis import service as crisis
from server.crisis.models import Alert, ContactRequest, SourceKind
from server.ids import new_public_id
from server.organisations.models import Organisation
from server.risk.grades import Grade
from tests.blueprints.staff import Colleague
from tests.blueprints.visitor import SOME_DAYS, Page, Visitor
from tests.canaries import PASSWORD, PHONE, WORDS
from tests.conftest import NOW

MARKUP = '<img src=x onerror="alert(1)">'


@pytest.fixture
def colleague(app, world) -> Colleague:
    world.hire("duty1", name="值班员甲")
    return Colleague(app).sign_in("duty1")


def _raise(world, at: Organisation | None = None, *, number: str = "", **changes) -> str:
    """An alert as a response would raise it; with a number it can be reached and rings."""

    def work(session):
        given = {
            "rule": "phq9_item9",
            "grade": Grade.SERIOUS,
            "now": NOW,
            "source_public_id": new_public_id(),
        } | changes
        node = at or world.root
        alert = crisis.raise_alert(
            session, source_kind=SourceKind.RESPONSE, rule_version="1", organisation_id=node.id, is_reachable=False,
            **given,
        )  # fmt: skip
        if number:
            crisis.leave_contact(
                session, source_kind=alert.source_kind, source_public_id=alert.source_public_id,
                organisation_id=node.id, phone=number, call_when="any", is_minor=False, now=given["now"],
            )  # fmt: skip
        return alert.public_id

    return world.parts.database.write(work)


def _text(answer) -> str:
    return answer.get_data(as_text=True)


def _words(answer) -> str:
    return Page(answer, "").words


def _acts(world, action: str) -> list[AuditEvent]:
    return world.all(AuditEvent, AuditEvent.action == action)


# --- signing in ---------------------------------------------------------------------------------------------------------


def test_a_colleague_signs_in_sees_the_duty_screen_and_signs_out(app, colleague, world):
    assert "值班员甲" in _text(colleague.get("/console/duty"))
    assert colleague.get("/console/").headers["Location"] == "/console/duty"
    colleague.post("/console/sign-out")

    assert colleague.get("/console/duty").status_code == 303
    assert all(row.ended_at == NOW for row in world.all(StaffSession))
    assert len(_acts(world, "staff.signed_in")) == 1


def test_an_ended_session_does_not_come_back_with_its_cookie(app, colleague):
    token = colleague.cookie("xq_staff")
    colleague.post("/console/sign-out")
    colleague.client.set_cookie("xq_staff", token, path="/console")

    assert colleague.get("/console/duty").status_code == 303


def test_no_token_stands_in_the_database(colleague, world):
    rows = world.all(StaffSession)

    assert len(rows) == 2
    assert not {colleague.cookie("xq_staff"), colleague.cookie("xq_bell")} & {row.token_hash for row in rows}


@pytest.mark.parametrize(
    ("login_name", "password"),
    [
        ("duty1", "wrong"),
        ("nobody", PASSWORD),
        ("", ""),
        ("值班员甲", PASSWORD),
        ("duty1\x00", PASSWORD),
        ("' OR 1=1", "x"),
    ],
)
def test_a_wrong_name_and_a_wrong_password_are_refused_alike(app, world, login_name, password):
    world.hire("duty1")
    answer = Colleague(app).try_to_sign_in(login_name, password)

    assert answer.status_code == 403
    assert "账号或密码不对" in _text(answer)
    assert "xq_staff" not in str(answer.headers)


def test_a_name_in_capitals_is_the_same_name(app, world):
    world.hire("duty1")

    assert Colleague(app).try_to_sign_in("DUTY1 ", PASSWORD).status_code == 303


def test_guesses_are_slowed_down_for_right_and_wrong_alike_and_never_for_long(app, world, clock):
    world.hire("duty1")
    guesser = Colleague(app)
    for _ in range(7):
        guesser.try_to_sign_in("duty1", "wrong")
    assert "请等" in _text(guesser.try_to_sign_in("duty1", PASSWORD))
    clock.shift(61)

    assert Colleague(app).try_to_sign_in("duty1", PASSWORD).status_code == 303


def test_the_typed_name_comes_back_escaped(app, world):
    html = _text(Colleague(app).try_to_sign_in(MARKUP, "x"))

    assert "<img" not in html
    assert "&lt;img" in html


# --- the board ----------------------------------------------------------------------------------------------------------


def test_a_danger_sign_of_an_anonymous_test_stands_in_its_lane_without_place_or_person(app, world, colleague):
    code = world.print_code(world.communities[0])
    visitor = Visitor(app)
    visitor.begin(code=code)
    visitor.open("/h5/test/phq9/item/phq9_9")
    visitor.answer(SOME_DAYS)
    html = _text(colleague.get("/console/duty"))

    ringing, unreachable = html.split('id="unreachable"')
    assert "严重" in unreachable
    assert "严重" not in ringing
    assert "新庄社区" not in html
    assert "不要按地点和时间去找人" in html


def test_the_same_sign_rings_with_its_place_as_soon_as_a_number_is_left(app, world, colleague):
    code = world.print_code(world.communities[0])
    visitor = Visitor(app)
    visitor.begin(code=code)
    visitor.open("/h5/test/phq9/item/phq9_9")
    visitor.answer(SOME_DAYS)
    before = colleague.poll("/console/duty/bell").json
    visitor.press("请老师联系我", phone=PHONE)
    answer = colleague.poll()

    assert before["ringing"] == 0
    assert answer.headers["X-Ringing"] == "1"
    assert answer.headers["X-Newest"] > before["newest"] == ""
    ringing = _text(answer).split('id="unreachable"')[0]
    assert "新庄社区" in ringing
    assert re.search(r"答应 ?明天 12:00 前联系", ringing)
    assert PHONE not in ringing


def test_a_broken_promise_is_shown_as_such(world, colleague, clock):
    _raise(world, number=PHONE)
    clock.shift(25 * 3600)
    colleague.try_to_sign_in("duty1", PASSWORD)

    assert re.search(r"已超过答应的时间 ?1 小时", _words(colleague.get("/console/duty")))


def test_the_title_carries_the_count(world, colleague):
    assert "<title>值班台</title>" in _text(colleague.get("/console/duty"))
    _raise(world, number=PHONE)

    assert "<title>（1）值班台</title>" in _text(colleague.get("/console/duty"))


def test_the_page_asks_anew_within_ten_seconds_with_and_without_script(colleague):
    script = (ROOT / "server" / "static" / "console" / "duty.js").read_text(encoding="utf-8")
    poll_ms = int(re.search(r"POLL_MS = (\d+)", script)[1])
    timeout_ms = int(re.search(r"TIMEOUT_MS = (\d+)", script)[1])
    refresh = int(
        re.search(r'<noscript><meta http-equiv="refresh" content="(\d+)">', _text(colleague.get("/console/duty")))[1]
    )

    assert poll_ms <= 10_000
    assert timeout_ms <= 10_000
    assert refresh <= 10


def test_markup_in_names_is_shown_as_it_is_written(world, colleague, database):
    database.write(lambda session: session.execute(sa.update(Organisation).values(name=MARKUP)))
    _raise(world, number=PHONE)
    html = _text(colleague.get("/console/duty"))

    assert "<img" not in html
    assert "&lt;img" in html


# --- awake and asleep ---------------------------------------------------------------------------------------------------


def test_a_screen_that_nobody_touches_locks_though_it_polls(colleague, clock):
    for _ in range(16):
        clock.shift(60)
        last = colleague.poll()

    assert last.status_code == 401
    assert last.json["error"]["code"] == "session_over"


def test_a_screen_that_somebody_touches_stays_open(colleague, clock):
    for _ in range(4):
        clock.shift(14 * 60)
        assert colleague.get("/console/duty").status_code == 200


def test_the_bell_outlives_the_locked_screen_and_tells_only_counts(world, colleague, clock):
    clock.shift(13 * 3600)
    _raise(world, number=PHONE)
    answer = colleague.poll("/console/duty/bell")

    assert colleague.poll().status_code == 401
    assert answer.status_code == 200
    assert set(answer.json) == {"ringing", "unreachable", "newest"}
    assert answer.json["ringing"] == 1


def test_the_bell_says_when_it_is_over(colleague, clock):
    clock.shift(15 * 3600)
    answer = colleague.poll("/console/duty/bell")

    assert (answer.status_code, answer.json["error"]["code"]) == (401, "bell_over")


def test_with_the_store_away_the_poll_is_told_so(colleague, lose_store):
    lose_store()

    assert colleague.poll().status_code == 503
    assert colleague.poll("/console/duty/bell").status_code == 503


# --- taking over --------------------------------------------------------------------------------------------------------


def test_of_two_officers_the_second_reads_who_was_first_and_when(app, world, colleague):
    world.hire("duty2", name="值班员乙")
    second = Colleague(app).sign_in("duty2")
    alert = _raise(world, number=PHONE)
    first_answer = colleague.post(f"/console/duty/alerts/{alert}/acknowledge")
    answer = second.post(f"/console/duty/alerts/{alert}/acknowledge")

    assert first_answer.headers["Location"] == f"/console/duty/alerts/{alert}"
    assert answer.status_code == 409
    assert re.search(r"值班员甲 已在 ?今天 12:00 接手，您不用再处理", _text(answer))
    assert "要马上看的" in _text(answer), "the board stands below the notice"
    assert len(_acts(world, "alert.acknowledged")) == 1


def test_a_double_tap_of_the_same_officer_is_one_act(world, colleague):
    alert = _raise(world, number=PHONE)
    for _ in range(2):
        assert colleague.post(f"/console/duty/alerts/{alert}/acknowledge").status_code == 303

    assert len(_acts(world, "alert.acknowledged")) == 1


def test_a_name_with_markup_is_escaped_for_the_second(app, world, colleague):
    world.hire("duty2", name=MARKUP)
    alert = _raise(world, number=PHONE)
    Colleague(app).sign_in("duty2").post(f"/console/duty/alerts/{alert}/acknowledge")
    html = _text(colleague.post(f"/console/duty/alerts/{alert}/acknowledge"))

    assert "<img" not in html
    assert "&lt;img" in html


# --- scope --------------------------------------------------------------------------------------------------------------


def test_an_officer_at_a_street_sees_only_alerts_below_it(app, world):
    world.hire("street1", at=world.streets[0])
    officer = Colleague(app).sign_in("street1")
    _raise(world, world.communities[0], number=PHONE)
    _raise(world, world.communities[1], number=PHONE)
    _raise(world, world.root, number=PHONE)
    answer = officer.poll()

    assert answer.headers["X-Ringing"] == "1"
    assert "云岭街道新庄社区" in _text(answer)
    assert "荷溪街道" not in _text(answer)
    assert officer.poll("/console/duty/bell").json["ringing"] == 1


LOOK = ("GET", "/console/duty/alerts/{}", {})
TAKE_OVER = ("POST", "/console/duty/alerts/{}/acknowledge", {})
READ = ("POST", "/console/duty/alerts/{}/contact", {"purpose": "call"})


@pytest.mark.parametrize(
    ("who", "act"),
    [("street officer", act) for act in (LOOK, TAKE_OVER, READ)] + [("supervisor", act) for act in (TAKE_OVER, READ)],
)
def test_what_somebody_may_not_touch_answers_exactly_like_what_is_missing(app, world, who, act):
    method, address, fields = act
    role, at = (Role.SUPERVISOR, world.root) if who == "supervisor" else (Role.DUTY_OFFICER, world.streets[0])
    world.hire("somebody", role=role, at=at)
    colleague = Colleague(app).sign_in("somebody")
    foreign = _raise(world, world.communities[1], number=PHONE)
    answers = [
        colleague.without_request_id(colleague.call(method, address.format(public_id), **fields))
        for public_id in (foreign, new_public_id(), "x", "不存在")
    ]

    assert answers[0][0] == 404
    assert all(answer == answers[0] for answer in answers)
    assert world.only(Alert).acknowledged_at is None
    assert _acts(world, "contact.read") == []


def test_a_supervisor_watches(app, world):
    world.hire("boss", role=Role.SUPERVISOR)
    boss = Colleague(app).sign_in("boss")
    alert = _raise(world, number=PHONE)

    assert boss.poll().headers["X-Ringing"] == "1"
    assert boss.get(f"/console/duty/alerts/{alert}").status_code == 200


# --- numbers and words --------------------------------------------------------------------------------------------------


def test_the_number_is_shown_to_who_took_over_and_each_look_is_an_act(world, colleague):
    alert = _raise(world, number=PHONE)
    colleague.post(f"/console/duty/alerts/{alert}/acknowledge")
    assert PHONE not in _text(colleague.get(f"/console/duty/alerts/{alert}"))
    for purpose in ("call", "handover"):
        html = _text(colleague.post(f"/console/duty/alerts/{alert}/contact", purpose=purpose))
        assert f'href="tel:{PHONE}"' in html

    assert [act.reason for act in _acts(world, "contact.read")] == ["call", "handover"]


def test_it_is_not_shown_before_taking_over_nor_to_another(app, world, colleague):
    alert = _raise(world, number=PHONE)
    before = colleague.post(f"/console/duty/alerts/{alert}/contact", purpose="call")
    world.hire("duty2")
    Colleague(app).sign_in("duty2").post(f"/console/duty/alerts/{alert}/acknowledge")
    after = colleague.post(f"/console/duty/alerts/{alert}/contact", purpose="call")

    for answer in (before, after):
        assert answer.status_code == 404
        assert PHONE not in _text(answer)
    assert _acts(world, "contact.read") == []


@pytest.mark.parametrize("purpose", ["", "curiosity", "CALL", "好奇"])
def test_without_a_purpose_nothing_is_shown(world, colleague, purpose):
    alert = _raise(world, number=PHONE)
    colleague.post(f"/console/duty/alerts/{alert}/acknowledge")
    answer = colleague.post(f"/console/duty/alerts/{alert}/contact", purpose=purpose)

    assert answer.status_code == 422
    assert "请先选一下查看的用途" in _text(answer)
    assert PHONE not in _text(answer)
    assert _acts(world, "contact.read") == []


def test_words_from_the_chat_are_shown_as_they_were_written(world, colleague, database):
    def distress(session):
        resident = residents.resident_of(session, app_id="wx", openid="o1", now=NOW)
        crisis.hear_distress(
            session, resident_id=resident.id, organisation_id=world.root.id, grade=Grade.HIGH, rule_version="1",
            words=f"{WORDS}{MARKUP}", now=NOW,
        )  # fmt: skip

    database.write(distress)
    alert = world.only(Alert).public_id
    assert WORDS not in _text(colleague.get("/console/duty"))
    colleague.post(f"/console/duty/alerts/{alert}/acknowledge")
    html = _text(colleague.post(f"/console/duty/alerts/{alert}/contact", purpose="call"))

    assert WORDS in html
    assert "<img" not in html
    assert "&lt;img src=x onerror=&#34;alert(1)&#34;&gt;" in html


def test_an_alert_taken_over_comes_back_when_a_number_is_left_later(world, colleague, clock):
    alert = _raise(world)
    colleague.post(f"/console/duty/alerts/{alert}/acknowledge")
    assert colleague.poll().headers["X-Ringing"] == "0"
    clock.shift(timedelta(minutes=5))
    row = world.only(Alert)
    world.parts.database.write(
        lambda session: crisis.leave_contact(
            session, source_kind=row.source_kind, source_public_id=row.source_public_id,
            organisation_id=row.organisation_id, phone=PHONE, call_when="any", is_minor=False,
            now=NOW + timedelta(minutes=5),
        )
    )  # fmt: skip

    assert colleague.poll().headers["X-Ringing"] == "1"
    assert world.only(ContactRequest).alert_id == row.id
