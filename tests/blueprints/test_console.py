"""The duty screen over HTTP: who gets in, what stands on it, and that it stays awake."""

import re

import pytest
import sqlalchemy as sa

from server.accounts.staff_models import StaffSession
from server.config import ROOT
from server.organisations.models import Organisation
from tests.blueprints.staff import Colleague, text_of
from tests.blueprints.visitor import SOME_DAYS, Page, Visitor
from tests.canaries import PASSWORD, PHONE
from tests.conftest import NOW

MARKUP = '<img src=x onerror="alert(1)">'


@pytest.fixture
def colleague(app, world) -> Colleague:
    world.hire("duty1", name="值班员甲")
    return Colleague(app).sign_in("duty1")


def _words(answer) -> str:
    return Page(answer, "").words


# --- signing in ---------------------------------------------------------------------------------------------------------


def test_a_colleague_signs_in_sees_the_duty_screen_and_signs_out(app, colleague, world):
    assert "值班员甲" in text_of(colleague.get("/console/duty"))
    assert "值班员甲" in text_of(colleague.get("/console/"))
    colleague.post("/console/sign-out")

    assert colleague.get("/console/duty").status_code == 303
    assert all(row.ended_at == NOW for row in world.all(StaffSession))
    assert len(world.acts("staff.signed_in")) == 1


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
    assert "账号或密码不对" in text_of(answer)
    assert "xq_staff" not in str(answer.headers)


def test_a_name_in_capitals_is_the_same_name(app, world):
    world.hire("duty1")

    assert Colleague(app).try_to_sign_in("DUTY1 ", PASSWORD).status_code == 303


def test_guesses_are_slowed_down_for_right_and_wrong_alike_and_never_for_long(app, world, clock):
    world.hire("duty1")
    guesser = Colleague(app)
    for _ in range(7):
        guesser.try_to_sign_in("duty1", "wrong")
    assert "请等" in text_of(guesser.try_to_sign_in("duty1", PASSWORD))
    clock.shift(61)

    assert Colleague(app).try_to_sign_in("duty1", PASSWORD).status_code == 303


def test_the_typed_name_comes_back_escaped(app, world):
    html = text_of(Colleague(app).try_to_sign_in(MARKUP, "x"))

    assert "<img" not in html
    assert "&lt;img" in html


# --- the board ----------------------------------------------------------------------------------------------------------


def test_a_danger_sign_of_an_anonymous_test_stands_in_its_lane_without_place_or_person(app, world, colleague):
    code = world.print_code(world.communities[0])
    visitor = Visitor(app)
    visitor.begin(code=code)
    visitor.open("/h5/test/phq9/item/phq9_9")
    visitor.answer(SOME_DAYS)
    html = text_of(colleague.get("/console/duty"))

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
    ringing = text_of(answer).split('id="unreachable"')[0]
    assert "新庄社区" in ringing
    assert re.search(r"答应 ?明天 12:00 前联系", ringing)
    assert PHONE not in ringing


def test_a_broken_promise_is_shown_as_such(world, colleague, clock):
    world.raise_alert(number=PHONE)
    clock.shift(25 * 3600)
    colleague.try_to_sign_in("duty1", PASSWORD)

    assert re.search(r"已超过答应的时间 ?1 小时", _words(colleague.get("/console/duty")))


def test_the_title_carries_the_count(world, colleague):
    assert "<title>值班台</title>" in text_of(colleague.get("/console/duty"))
    world.raise_alert(number=PHONE)

    assert "<title>（1）值班台</title>" in text_of(colleague.get("/console/duty"))


def test_the_page_asks_anew_within_ten_seconds_with_and_without_script(colleague):
    script = (ROOT / "server" / "static" / "console" / "duty.js").read_text(encoding="utf-8")
    poll_ms = int(re.search(r"POLL_MS = (\d+)", script)[1])
    timeout_ms = int(re.search(r"TIMEOUT_MS = (\d+)", script)[1])
    refresh = int(
        re.search(r'<noscript><meta http-equiv="refresh" content="(\d+)">', text_of(colleague.get("/console/duty")))[1]
    )

    assert poll_ms <= 10_000
    assert timeout_ms <= 10_000
    assert refresh <= 10


def test_markup_in_names_is_shown_as_it_is_written(world, colleague, database):
    database.write(lambda session: session.execute(sa.update(Organisation).values(name=MARKUP)))
    world.raise_alert(number=PHONE)
    html = text_of(colleague.get("/console/duty"))

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
    world.raise_alert(number=PHONE)
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
