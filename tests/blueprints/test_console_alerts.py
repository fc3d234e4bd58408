"""One alert over HTTP: who takes it over, who may see it, and that each look is kept."""

import re
from datetime import timedelta

import pytest

from server.accounts import residents
from server.accounts.policy import Role
from server.accounts.staff import IDLE
from server.crisis import service as crisis
from server.crisis.models import Alert, ContactRequest
from server.ids import new_public_id
from server.risk.grades import Grade
from tests.blueprints.staff import Colleague, text_of
from tests.canaries import PHONE, WORDS
from tests.conftest import NOW

MARKUP = '<img src=x onerror="alert(1)">'


@pytest.fixture
def colleague(app, world) -> Colleague:
    world.hire("duty1", name="值班员甲")
    return Colleague(app).sign_in("duty1")


# --- taking over --------------------------------------------------------------------------------------------------------


def test_of_two_officers_the_second_reads_who_was_first_and_when(app, world, colleague):
    world.hire("duty2", name="值班员乙")
    second = Colleague(app).sign_in("duty2")
    alert = world.raise_alert(number=PHONE)
    first_answer = colleague.post(f"/console/duty/alerts/{alert}/acknowledge")
    answer = second.post(f"/console/duty/alerts/{alert}/acknowledge")

    assert first_answer.headers["Location"] == f"/console/duty/alerts/{alert}"
    assert answer.status_code == 409
    assert re.search(r"值班员甲 已在 ?今天 12:00 接手，您不用再处理", text_of(answer))
    assert "要马上看的" in text_of(answer), "the board stands below the notice"
    assert len(world.acts("alert.acknowledged")) == 1


def test_a_double_tap_of_the_same_officer_is_one_act(world, colleague):
    alert = world.raise_alert(number=PHONE)
    for _ in range(2):
        assert colleague.post(f"/console/duty/alerts/{alert}/acknowledge").status_code == 303

    assert len(world.acts("alert.acknowledged")) == 1


def test_a_name_with_markup_is_escaped_for_the_second(app, world, colleague):
    world.hire("duty2", name=MARKUP)
    alert = world.raise_alert(number=PHONE)
    Colleague(app).sign_in("duty2").post(f"/console/duty/alerts/{alert}/acknowledge")
    html = text_of(colleague.post(f"/console/duty/alerts/{alert}/acknowledge"))

    assert "<img" not in html
    assert "&lt;img" in html


# --- scope --------------------------------------------------------------------------------------------------------------


def test_an_officer_at_a_street_sees_only_alerts_below_it(app, world):
    world.hire("street1", at=world.streets[0])
    officer = Colleague(app).sign_in("street1")
    world.raise_alert(world.communities[0], number=PHONE)
    world.raise_alert(world.communities[1], number=PHONE)
    world.raise_alert(world.root, number=PHONE)
    answer = officer.poll()

    assert answer.headers["X-Ringing"] == "1"
    assert "云岭街道新庄社区" in text_of(answer)
    assert "荷溪街道" not in text_of(answer)
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
    foreign = world.raise_alert(world.communities[1], number=PHONE)
    answers = [
        colleague.without_request_id(colleague.call(method, address.format(public_id), **fields))
        for public_id in (foreign, new_public_id(), "x", "不存在")
    ]

    assert answers[0][0] == 404
    assert all(answer == answers[0] for answer in answers)
    assert world.only(Alert).acknowledged_at is None
    assert world.acts("contact.read") == []


def test_a_supervisor_watches(app, world):
    world.hire("boss", role=Role.SUPERVISOR)
    boss = Colleague(app).sign_in("boss")
    alert = world.raise_alert(number=PHONE)

    assert boss.poll().headers["X-Ringing"] == "1"
    assert boss.get(f"/console/duty/alerts/{alert}").status_code == 200


# --- numbers and words --------------------------------------------------------------------------------------------------


def test_the_number_is_shown_to_who_took_over_and_each_look_is_an_act(world, colleague):
    alert = world.raise_alert(number=PHONE)
    colleague.post(f"/console/duty/alerts/{alert}/acknowledge")
    assert PHONE not in text_of(colleague.get(f"/console/duty/alerts/{alert}"))
    for purpose in ("call", "handover"):
        html = text_of(colleague.post(f"/console/duty/alerts/{alert}/contact", purpose=purpose))
        assert f'href="tel:{PHONE}"' in html

    assert [act.reason for act in world.acts("contact.read")] == ["call", "handover"]


def test_only_who_took_over_is_offered_to_look(app, world, colleague):
    alert = world.raise_alert(number=PHONE)
    address = f"/console/duty/alerts/{alert}"
    world.hire("boss", role=Role.SUPERVISOR)
    boss = Colleague(app).sign_in("boss")
    before = text_of(colleague.get(address))
    colleague.post(f"{address}/acknowledge")

    assert f"{address}/contact" in text_of(colleague.get(address))
    for html in (before, text_of(boss.get(address))):
        assert f"{address}/contact" not in html


def test_it_is_not_shown_before_taking_over_nor_to_another(app, world, colleague):
    alert = world.raise_alert(number=PHONE)
    before = colleague.post(f"/console/duty/alerts/{alert}/contact", purpose="call")
    world.hire("duty2")
    Colleague(app).sign_in("duty2").post(f"/console/duty/alerts/{alert}/acknowledge")
    after = colleague.post(f"/console/duty/alerts/{alert}/contact", purpose="call")

    for answer in (before, after):
        assert answer.status_code == 404
        assert PHONE not in text_of(answer)
    assert world.acts("contact.read") == []


@pytest.mark.parametrize("purpose", ["", "curiosity", "CALL", "好奇"])
def test_without_a_purpose_nothing_is_shown(world, colleague, purpose):
    alert = world.raise_alert(number=PHONE)
    colleague.post(f"/console/duty/alerts/{alert}/acknowledge")
    answer = colleague.post(f"/console/duty/alerts/{alert}/contact", purpose=purpose)

    assert answer.status_code == 422
    assert "请先选一下查看的用途" in text_of(answer)
    assert PHONE not in text_of(answer)
    assert world.acts("contact.read") == []


def test_a_page_with_a_number_leaves_the_screen_by_itself_also_without_script(world, colleague):
    alert = world.raise_alert(number=PHONE)
    colleague.post(f"/console/duty/alerts/{alert}/acknowledge")
    html = text_of(colleague.post(f"/console/duty/alerts/{alert}/contact", purpose="call"))
    refresh = re.search(r'<noscript><meta http-equiv="refresh" content="(\d+);url=/console/duty">', html)

    assert PHONE in html
    assert IDLE < timedelta(seconds=int(refresh[1])) < IDLE + timedelta(seconds=30)


def test_words_from_the_chat_are_shown_as_they_were_written(world, colleague, database):
    def distress(session):
        resident = residents.resident_of(session, app_id="wx", openid="o1", now=NOW)
        crisis.hear_distress(
            session, resident_id=resident.id, organisation_id=world.root.id, grade=Grade.HIGH, rule_version="1",
            words=f"{WORDS}{MARKUP}", now=NOW,
        )  # fmt: skip

    database.write(distress)
    alert = world.only(Alert).public_id
    assert WORDS not in text_of(colleague.get("/console/duty"))
    colleague.post(f"/console/duty/alerts/{alert}/acknowledge")
    html = text_of(colleague.post(f"/console/duty/alerts/{alert}/contact", purpose="call"))

    assert WORDS in html
    assert "<img" not in html
    assert "&lt;img src=x onerror=&#34;alert(1)&#34;&gt;" in html


def test_an_alert_taken_over_comes_back_when_a_number_is_left_later(world, colleague, clock):
    alert = world.raise_alert()
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
