"""请老师联系我: what is promised, what is kept, and that nobody who asks is sent away."""

import re
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from server.assessment.models import Response
from server.clock import utc_now
from server.crisis import service as crisis
from server.crisis.models import Alert, CallWhen, ContactRequest, SourceKind
from server.texts.moments import say_when
from server.vault import Place
from tests.blueprints.visitor import HALF, SOME_DAYS, ZERO, Visitor
from tests.blueprints.world import EVERY_DAY, World
from tests.canaries import PHONE
from tests.conftest import NOW

ASK = "请老师联系我"


def _to_care(visitor: Visitor, **begin):
    visitor.begin(**begin)
    visitor.open_item(9)
    return visitor.answer(SOME_DAYS)


def _open_phone(world: World, request: ContactRequest) -> str:
    place = Place("contact_requests", request.public_id, "phone")
    return world.parts.database.vault.open_text(request.phone_sealed, place)


# --- from the red-flag screen -------------------------------------------------------------------------------------------


def test_a_number_from_the_red_flag_screen_makes_its_alert_ring_and_says_by_when_somebody_calls(visitor, world):
    _to_care(visitor)
    page = visitor.press(ASK, phone=PHONE, call_when="evening")

    alert, request = world.only(Alert), world.only(ContactRequest)
    assert (alert.is_reachable, alert.rings_since, alert.acknowledged_at) == (True, NOW, None)
    assert (request.alert_id, request.call_when) == (alert.id, CallWhen.EVENING)
    assert _open_phone(world, request) == PHONE
    assert world.only(Response).is_contact_left
    assert f"老师会在{say_when(request.promised_by, NOW)} 前打给您" in page.words
    assert "tel:12356" in page.links


def test_the_number_stands_nowhere_in_plain(visitor, world, database):
    _to_care(visitor)
    visitor.press(ASK, phone=PHONE)

    with database.engine.connect() as connection:
        for table in ("contact_requests", "alerts", "responses", "audit_events"):
            assert PHONE not in str([tuple(row) for row in connection.execute(sa.text(f"SELECT * FROM {table}"))])
            assert PHONE.encode() not in b"".join(
                value
                for row in connection.execute(sa.text(f"SELECT * FROM {table}"))
                for value in row
                if isinstance(value, bytes)
            )


def test_the_sentence_on_the_red_flag_screen_is_the_stored_promise(visitor, world):
    _to_care(visitor)
    done = visitor.press(ASK, phone=PHONE)
    assert done.links.count("/h5/test/phq9/care") == 1, "the way back leads to where the person was"
    page = visitor.open("/h5/test/phq9/care")

    promise = world.only(ContactRequest).promised_by
    assert f"老师会在{say_when(promise, NOW)} 前联系您" in page.words
    assert "您现在是匿名的" not in page.words


def test_a_promise_that_has_passed_is_not_repeated(visitor, world, clock):
    _to_care(visitor)
    visitor.press(ASK, phone=PHONE)
    clock.move_to(world.only(ContactRequest).promised_by + timedelta(minutes=1))
    visitor.open("/h5/test/phq9")
    page = visitor.press("继续")

    assert page.path == "/h5/test/phq9/care"
    assert "老师会在" not in page.words
    assert "答应的时间已经过了" in page.words
    assert "/h5/test/phq9/contact" in page.links


def test_without_duty_hours_nothing_is_promised(app, clock):
    world = World.build(app, hours=[])
    visitor = Visitor(app)
    _to_care(visitor)
    told = visitor.press(ASK, phone=PHONE)

    assert world.only(ContactRequest).promised_by is None
    for page in (told, visitor.open("/h5/test/phq9/care")):
        assert "老师会在" not in page.words
        assert "没有公布值班时间" in page.words
        assert not re.search(r"\d{1,2}:\d{2} 前", page.words)


def test_a_minor_is_promised_a_call_on_the_same_day(app, world):
    visitor = Visitor(app)
    visitor.open("/h5/contact")
    visitor.press(ASK, phone=PHONE, minor="1")

    assert world.only(ContactRequest).promised_by == datetime.fromisoformat("2026-11-23T22:00:00+08:00")
    assert world.only(Alert).is_minor


def test_a_danger_sign_after_the_number_was_left_brings_the_promised_call_nearer(visitor, world):
    token = visitor.begin().question.fields["token"]
    visitor.open("/h5/test/phq9/contact")
    visitor.press(ASK, phone=PHONE)
    general = world.only(ContactRequest).promised_by
    page = visitor.post("/h5/test/phq9/answer", {"token": token, "item": "phq9_9", "code": "2"})

    serious = world.only(ContactRequest).promised_by
    assert serious == NOW + timedelta(days=1) < general
    assert f"老师会在{say_when(serious, NOW)} 前联系您" in page.words
    assert {alert.rule: alert.is_reachable for alert in world.alerts()} == {
        "asked_to_be_called": True,
        "phq9_item9": True,
    }


# --- from the result ----------------------------------------------------------------------------------------------------


def test_the_result_offers_it_joins_the_answers_and_leads_back(visitor, world):
    page = visitor.finish([HALF] * 5 + [ZERO] * 4)
    assert "/h5/test/phq9/contact" in page.links
    page = visitor.open("/h5/test/phq9/contact")
    assert "这一次的回答会和这个号码放在一起" in page.words
    page = visitor.press(ASK, phone=PHONE)

    assert world.only(Alert).source_public_id == world.only(Response).public_id
    assert "/h5/test/phq9/result" in page.links
    page = visitor.open("/h5/test/phq9/result")
    assert f"老师会在{say_when(world.only(ContactRequest).promised_by, NOW)} 前联系您" in page.words


def test_somebody_who_picks_up_the_phone_leaves_a_number_that_joins_nothing(visitor, world, clock):
    visitor.finish([HALF] * 5 + [ZERO] * 4)
    clock.shift(31 * 60)
    page = visitor.open("/h5/test/phq9/contact")

    assert page.path == "/h5/contact"
    visitor.press(ASK, phone=PHONE)
    assert world.only(Alert).source_kind is SourceKind.CONTACT_PAGE
    assert not world.only(Response).is_contact_left


@pytest.mark.parametrize("how", ["cleared", "finished"])
def test_a_page_whose_response_was_closed_meanwhile_still_takes_the_number(visitor, world, how):
    care = _to_care(visitor)
    if how == "cleared":
        visitor.open("/h5/test/phq9")
        visitor.press("清除，不做了")
    else:
        visitor.press("我现在是安全的，继续")
        visitor.open_item(1)
        for _ in range(8):
            visitor.answer(ZERO)
        visitor.open_item(9)
        visitor.answer(ZERO)
        visitor.press("看结果")
    page = visitor.press(ASK, care, phone=PHONE)

    assert page.status == 200
    alert = world.only(Alert)
    assert alert.is_reachable
    assert alert.rings_since == NOW
    if how == "cleared":
        assert "开始前请看一下" in visitor.open("/h5/test/phq9").words, "the phone does not remember it anew"


@pytest.mark.parametrize("token", ["", "unknown", "不认识"])
def test_a_response_that_cannot_be_found_costs_nobody_the_call(visitor, world, token):
    fields = {"token": token, "phone": PHONE}
    page = visitor.post("/h5/test/phq9/contact", fields)

    assert page.status == 200
    assert "老师会在" in page.words
    assert world.only(Alert).source_kind is SourceKind.CONTACT_PAGE
    if token:
        visitor.post("/h5/test/phq9/contact", fields)
        assert len(world.alerts()) == 1


# --- the page of its own ------------------------------------------------------------------------------------------------


def test_a_number_without_any_test_raises_an_alert_that_rings(visitor, world):
    visitor.open("/h5/contact")
    page = visitor.press(ASK, phone=PHONE)

    alert = world.only(Alert)
    assert (alert.rule, alert.grade, alert.is_reachable, alert.rings_since) == (
        "asked_to_be_called", "general", True, NOW,
    )  # fmt: skip
    assert alert.resident_id is None
    assert "老师会在" in page.words


def test_a_double_tap_is_one_request_with_one_promise(visitor, world, clock):
    form_page = visitor.open("/h5/contact")
    first = visitor.press(ASK, form_page, phone=PHONE)
    clock.shift(2)
    second = visitor.press(ASK, form_page, phone=f" {PHONE[:3]}-{PHONE[3:]}")

    assert len(world.alerts()) == len(world.all(ContactRequest)) == 1
    assert re.search(r"老师会在(.+?) 前", first.words)[1] == re.search(r"老师会在(.+?) 前", second.words)[1]


def test_two_forms_are_two_people(app, world):
    for _ in range(2):
        visitor = Visitor(app)
        visitor.open("/h5/contact")
        visitor.press(ASK, phone=PHONE)

    assert len(world.alerts()) == 2


@pytest.mark.parametrize("phone", ["", "123", "13812", "我的号码", "1381234567", "138123456789", "<script>", "9" * 40])
def test_a_bad_number_keeps_what_was_typed_and_says_what_to_do(visitor, world, phone):
    visitor.open("/h5/contact")
    page = visitor.press(ASK, phone=phone, call_when="evening", minor="1")

    assert page.status == 422
    assert "手机号是 11 位，座机请带区号" in page.words
    fields = page.form_with(ASK).fields
    assert (fields["phone"], fields["call_when"], fields["minor"]) == (phone, "evening", "1")
    assert world.alerts() == []
    visitor.press(ASK, phone=PHONE)
    assert world.only(ContactRequest).call_when is CallWhen.EVENING


def test_a_bad_number_on_the_red_flag_screen_keeps_the_way_back_and_the_response(visitor, world):
    _to_care(visitor)
    page = visitor.press(ASK, phone="1381234")
    assert page.status == 422
    page = visitor.press(ASK, phone=PHONE)

    assert world.only(Response).is_contact_left
    assert "/h5/test/phq9/care" in page.links


@pytest.mark.parametrize("call_when", ["", "midnight", "晚上", "ANY"])
def test_a_time_of_day_that_is_not_offered_counts_as_any(visitor, world, call_when):
    visitor.open("/h5/contact")
    visitor.press(ASK, phone=PHONE, call_when=call_when)

    assert world.only(ContactRequest).call_when is CallWhen.ANY


@pytest.mark.parametrize("form_id", ["", "short", "x" * 300, "中" * 22])
def test_a_forged_form_id_costs_nobody_the_call(visitor, world, form_id):
    visitor.open("/h5/contact")

    assert visitor.press(ASK, phone=PHONE, form_id=form_id).status == 200
    assert len(world.alerts()) == 1


def test_with_the_store_away_the_number_stands_in_the_page(visitor, world, lose_store):
    visitor.open("/h5/contact")
    give_back = lose_store()
    page = visitor.press(ASK, phone=PHONE, call_when="morning")

    assert page.status == 503
    assert "您写的还在这里" in page.words
    assert (page.form_with(ASK).fields["phone"], page.form_with(ASK).fields["call_when"]) == (PHONE, "morning")
    give_back()
    visitor.press(ASK)
    assert world.only(ContactRequest).call_when is CallWhen.MORNING


def test_what_was_typed_is_escaped(visitor):
    visitor.open("/h5/contact")
    page = visitor.press(ASK, phone='"><script>alert(1)</script>')

    assert "<script>" not in page.html
    assert page.form_with(ASK).fields["phone"] == '"><script>alert(1)</script>'


@pytest.mark.parametrize(
    "back",
    [
        "//evil.example", "https://evil.example/h5/test/phq9/care", "/h5/\\evil.example", "/h5/../console",
        "javascript:alert(1)", "/h5/test/phq9/care?x=1", "/h5/test/phq9/care/../..", "\t//evil.example",
        "/h5/test/phq9/carex", "/h5/test/phq9/care\n//evil.example",
    ],
)  # fmt: skip
def test_the_way_back_never_leads_off_the_site(visitor, back):
    visitor.open("/h5/contact")
    bad = visitor.press(ASK, phone="1", back=back)
    assert bad.form_with(ASK).fields["back"] == ""
    page = visitor.press(ASK, visitor.history[0], phone=PHONE, back=back)

    assert page.status == 200
    leading = [link for link in page.links if not link.startswith(("tel:", "/h5/notice/"))]
    assert leading == ["/h5/", "/h5/", "/h5/help"]


# --- who is on duty -----------------------------------------------------------------------------------------------------


def test_the_page_says_who_is_on_duty_now(visitor):
    assert "值班老师现在在，到今天 22:00" in visitor.open("/h5/contact").words


def test_the_page_says_when_somebody_will_be(visitor, clock):
    clock.shift(11 * 3600)  # 23:00

    assert "下一次值班是明天 08:00" in visitor.open("/h5/contact").words


def test_the_page_claims_nothing_without_a_roster(app, clock):
    World.build(app, hours=[])

    assert "没有公布值班时间" in Visitor(app).open("/h5/contact").words


def test_the_page_stands_before_any_place_is_known(app, clock):
    assert "没有公布值班时间" in Visitor(app).open("/h5/contact").words


def test_round_the_clock_is_said_as_such(app, clock):
    World.build(app, hours=[(day, 0, 24 * 60) for day in range(7)])
    page = Visitor(app).open("/h5/contact")

    assert "24 小时都有人" in page.words
    assert "12月" not in page.words


def test_a_place_with_hours_of_its_own_promises_by_them(visitor, world, database):
    street = world.streets[0]
    database.write(
        lambda session: crisis.set_duty_hours(
            session, organisation=session.merge(street), hours=[(2, 600, 720)], now=utc_now()
        )
    )
    code = world.print_code(world.communities[0], door="contact", target="")
    page = visitor.open(f"/q/{code}")
    assert "11月25日 周三 10:00" in page.words
    visitor.press(ASK, phone=PHONE, minor="1")

    assert world.only(ContactRequest).promised_by == datetime.fromisoformat("2026-11-25T12:00:00+08:00")
    assert EVERY_DAY, "the district's own hours would have promised today"
