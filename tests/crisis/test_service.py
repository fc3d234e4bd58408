"""Alerts and numbers: raised once, never lost, promised only what the roster keeps."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from server.accounts import residents
from server.audit.models import AuditEvent
from server.crisis import service as crisis
from server.crisis.models import Alert, AlertWords, CallWhen, ContactRequest, SourceKind
from server.db import run_before_commit
from server.ids import new_public_id
from server.risk.grades import Grade
from server.vault import Place
from tests.canaries import PHONE, WORDS
from tests.conftest import NOW
from tests.crisis.district import District

LATER = NOW + timedelta(hours=1)


@pytest.fixture
def district(session) -> District:
    return District(session)


def _all(session, model):
    return session.scalars(sa.select(model)).all()


def _acknowledge(alert, staff, at=NOW):
    alert.acknowledged_at, alert.acknowledged_by = at, staff.id


# --- alerts -------------------------------------------------------------------------------------------------------------


def test_the_same_source_and_rule_raise_one_alert_and_the_first_one_stands(district, session):
    source = new_public_id()
    first = district.alert(source_public_id=source)
    again = district.alert(source_public_id=source, now=LATER, grade=Grade.HIGH)

    assert again is first
    assert (first.raised_at, first.grade) == (NOW, Grade.SERIOUS)
    assert len(_all(session, Alert)) == 1


def test_another_rule_of_the_same_source_is_another_alert(district, session):
    source = new_public_id()
    district.alert(source_public_id=source)
    district.alert(source_public_id=source, rule="other")

    assert len(_all(session, Alert)) == 2


def test_who_cannot_be_reached_is_silent_and_who_can_rings(district):
    assert district.alert().rings_since is None
    assert district.alert(is_reachable=True).rings_since == NOW


def test_an_alert_is_a_row_of_the_trail_without_its_source(district, session):
    alert = district.alert()
    run_before_commit(session)
    [event] = _all(session, AuditEvent)

    assert (event.action, event.object_id, event.reason) == ("alert.raised", alert.public_id, "serious")
    assert alert.source_public_id not in str(vars(event))


def test_a_repeated_sign_is_no_second_row_of_the_trail(district, session):
    source = new_public_id()
    for _ in range(2):
        district.alert(source_public_id=source)
    run_before_commit(session)

    assert len(_all(session, AuditEvent)) == 1


# --- phone numbers ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "digits"),
    [
        ("13812345678", "13812345678"),
        (" 138 1234 5678 ", "13812345678"),
        ("138-1234-5678", "13812345678"),
        ("138－1234－5678", "13812345678"),
        ("１３８１２３４５６７８", "13812345678"),
        ("+86 138 1234 5678", "13812345678"),
        ("＋86-13812345678", "13812345678"),
        ("0086 13812345678", "13812345678"),
        ("8613812345678", "13812345678"),
        ("(+86) 138 1234 5678", "13812345678"),
        ("138.1234.5678", "13812345678"),
        ("\u202d138 1234 5678\u202c", "13812345678"),
        ("138\u200b12345678", "13812345678"),
        ("138\u00a01234\u30005678", "13812345678"),
        ("١٣٨١٢٣٤٥٦٧٨", "13812345678"),
        ("020-8189 9120", "02081899120"),
        ("（020）81899120", "02081899120"),
        ("0755 2562 9459", "075525629459"),
        ("+86 20 8189 9120", "02081899120"),
        ("+86 020 8189 9120", "02081899120"),
        ("010/12345678", "01012345678"),
    ],
)
def test_a_number_is_read_as_people_type_it(typed, digits):
    assert crisis.read_phone(typed) == digits


@pytest.mark.parametrize(
    "typed",
    ["", " ", "110", "1381234567", "138123456789", "23812345678", "12812345678", "81899120", "+1 212 555 0100",
     "+86 1381234567", "电话13812345678", "13812345678转", "1381234567x", "--", "+86", "²38¹2345678"],
)  # fmt: skip
def test_what_nobody_could_call_is_refused(typed):
    with pytest.raises(crisis.BadPhone):
        crisis.read_phone(typed)


WIDE = str.maketrans("0123456789", "０１２３４５６７８９")


@st.composite
def typed_mobiles(draw):
    digits = draw(st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True))
    between = st.sampled_from(["", " ", "-", "－", "\u3000", "\u00a0", "—", ".", "\u202c", "  "])
    written = "".join(letter + draw(between) for letter in digits)
    if draw(st.booleans()):
        written = written.translate(WIDE)
    return digits, draw(st.sampled_from(["", "+86", "+86 ", "86", "0086 ", "(+86)", "＋８６ ", "\u202d"])) + written


@given(typed_mobiles())
def test_every_way_to_type_a_mobile_gives_its_digits(both):
    digits, written = both

    assert crisis.read_phone(written) == digits


@given(st.text(max_size=40))
def test_whatever_is_typed_is_a_number_to_call_or_is_refused(typed):
    try:
        digits = crisis.read_phone(typed)
    except crisis.BadPhone:
        return
    assert digits.isascii()
    assert digits.isdigit()
    assert 10 <= len(digits) <= 12
    assert crisis.read_phone(digits) == digits


# --- leaving a number ---------------------------------------------------------------------------------------------------


def test_a_number_makes_every_alert_of_its_source_ring_and_no_other(district):
    source = new_public_id()
    mine = [district.alert(source_public_id=source, rule=rule) for rule in ("one", "two")]
    other = district.alert()
    district.leave_number(mine[0], now=LATER)

    assert [(alert.is_reachable, alert.rings_since) for alert in mine] == [(True, LATER)] * 2
    assert (other.is_reachable, other.rings_since) == (False, None)


def test_a_source_of_another_kind_with_the_same_id_is_another_source(district):
    alert = district.alert()
    crisis.leave_contact(
        district.session, source_kind=SourceKind.CONTACT_PAGE, source_public_id=alert.source_public_id,
        organisation_id=district.root.id, phone=PHONE, call_when=CallWhen.ANY, is_minor=False, now=LATER,
    )  # fmt: skip

    assert not alert.is_reachable


def test_an_alert_that_was_seen_silent_rings_when_a_number_comes(district):
    alert = district.alert()
    _acknowledge(alert, district.hire("duty1"))
    district.leave_number(alert, now=LATER)

    assert (alert.acknowledged_at, alert.acknowledged_by, alert.rings_since) == (None, None, LATER)


def test_an_alert_that_was_taken_over_rings_again_for_another_number(district):
    alert = district.alert()
    district.leave_number(alert)
    _acknowledge(alert, district.hire("duty1"))
    district.leave_number(alert, phone="020-81899120", now=LATER)

    assert (alert.acknowledged_at, alert.acknowledged_by, alert.rings_since) == (None, None, LATER)


def test_it_rings_again_for_the_same_number_because_nobody_has_called(district, session):
    alert = district.alert()
    first = district.leave_number(alert)
    _acknowledge(alert, district.hire("duty1"))
    again = district.leave_number(alert, now=first + timedelta(hours=1), call_when=CallWhen.EVENING)

    request = session.scalars(sa.select(ContactRequest)).one()
    assert again > first
    assert (request.promised_by, request.call_when) == (again, CallWhen.EVENING)
    assert alert.acknowledged_at is None
    assert alert.rings_since == first + timedelta(hours=1)


def test_a_double_tap_rings_nobody_again_and_repeats_the_promise(district, session):
    alert = district.alert()
    first = district.leave_number(alert)
    _acknowledge(alert, district.hire("duty1"))
    again = district.leave_number(alert, phone=f"+86 {PHONE}", now=NOW + timedelta(seconds=3))

    assert again == first
    assert alert.acknowledged_at is not None
    assert len(_all(session, ContactRequest)) == 1


def test_a_second_number_never_moves_the_promised_call_away(district):
    alert = district.alert()
    first = district.leave_number(alert)
    second = district.leave_number(alert, phone="020-81899120", now=LATER)

    assert first == second == NOW + timedelta(days=1)
    assert (
        crisis.promise_for(district.session, source_kind=alert.source_kind, source_public_id=alert.source_public_id)
        == first
    )


def test_without_a_danger_sign_the_wish_alone_is_an_alert_that_rings(district, session):
    source = new_public_id()
    promise = crisis.leave_contact(
        session, source_kind=SourceKind.CONTACT_PAGE, source_public_id=source, organisation_id=district.street.id,
        phone=PHONE, call_when=CallWhen.MORNING, is_minor=True, now=NOW,
    )  # fmt: skip
    alert = session.scalars(sa.select(Alert)).one()

    assert (alert.rule, alert.grade, alert.is_reachable, alert.rings_since, alert.is_minor) == (
        crisis.RULE_ASKED, Grade.GENERAL, True, NOW, True,
    )  # fmt: skip
    assert alert.organisation_id == district.street.id
    assert promise == NOW.replace(hour=14), "a minor: the same day, 22:00 in Shanghai"


def test_who_says_later_that_they_are_a_minor_is_one(district):
    alert = district.alert()
    district.leave_number(alert, is_minor=True)

    assert alert.is_minor


def test_a_bad_number_changes_nothing(district):
    alert = district.alert()
    with pytest.raises(crisis.BadPhone):
        district.leave_number(alert, phone="123")

    assert not alert.is_reachable


def test_a_danger_sign_of_somebody_who_left_a_number_rings_and_brings_the_promise_nearer(district):
    source = new_public_id()
    asked = district.alert(source_public_id=source, rule=crisis.RULE_ASKED, grade=Grade.GENERAL, is_reachable=True)
    general = district.leave_number(asked)
    sign = district.alert(source_public_id=source, is_reachable=True, now=LATER)
    promise = crisis.promise_for(district.session, source_kind=sign.source_kind, source_public_id=source)

    assert sign.rings_since == LATER
    assert promise == LATER + timedelta(days=1) < general


def test_a_number_and_its_index_cannot_be_read_without_the_key(district, session):
    alert = district.alert()
    district.leave_number(alert)
    request = session.scalars(sa.select(ContactRequest)).one()
    vault = session.info["xinqiao_vault"]

    assert PHONE.encode() not in request.phone_sealed + request.phone_index
    assert vault.open_text(request.phone_sealed, Place("contact_requests", request.public_id, "phone")) == PHONE
    assert request.phone_index == vault.blind_index("contact_requests.phone", PHONE)


# --- duty hours ---------------------------------------------------------------------------------------------------------


def test_the_nearest_node_with_hours_of_its_own_decides(district, session):
    def opening(node):
        windows = crisis.duty_windows(session, organisation_id=node.id, now=LATER)
        return sorted({window.opens_minute for window in windows})

    crisis.set_duty_hours(session, organisation=district.street, hours=[(0, 540, 720)], now=NOW)

    assert opening(district.community) == [540]
    assert opening(district.street) == [540]
    assert opening(district.other_street) == opening(district.root) == [480]


def test_new_hours_replace_the_old_ones_from_today_on(district, session):
    crisis.set_duty_hours(session, organisation=district.root, hours=[(0, 540, 720)], now=NOW)
    windows = crisis.duty_windows(session, organisation_id=district.root.id, now=NOW)

    assert [(window.weekday, window.opens_minute) for window in windows] == [(0, 540)]


# --- words from the chat ------------------------------------------------------------------------------------------------


def _hear(district, resident_id, words=WORDS, grade=Grade.SERIOUS, now=NOW):
    crisis.hear_distress(
        district.session, resident_id=resident_id, organisation_id=district.root.id, grade=grade,
        rule_version="1", words=words, now=now,
    )  # fmt: skip


@pytest.fixture
def resident_id(session) -> int:
    return residents.resident_of(session, app_id="wx", openid="o1", now=NOW).id


def test_messages_before_anybody_took_over_are_one_alert_and_none_is_lost(district, session, resident_id):
    for minute in range(3):
        _hear(district, resident_id, words=f"{WORDS}{minute}", now=NOW + timedelta(minutes=minute))

    alert = session.scalars(sa.select(Alert)).one()
    assert len(_all(session, AlertWords)) == 3
    assert alert.rings_since == NOW
    assert all(WORDS.encode() not in row.words_sealed for row in _all(session, AlertWords))


def test_a_worse_message_raises_the_grade_and_rings_anew_and_a_milder_one_does_not(district, session, resident_id):
    _hear(district, resident_id)
    _hear(district, resident_id, grade=Grade.HIGH, now=LATER)
    _hear(district, resident_id, grade=Grade.SERIOUS, now=LATER + timedelta(hours=1))

    alert = session.scalars(sa.select(Alert)).one()
    assert (alert.grade, alert.urgency, alert.rings_since) == (Grade.HIGH, Grade.HIGH.rank, LATER)


def test_a_message_after_somebody_took_over_is_a_new_alert(district, session, resident_id):
    _hear(district, resident_id)
    _acknowledge(session.scalars(sa.select(Alert)).one(), district.hire("duty1"))
    _hear(district, resident_id, now=LATER)

    assert [alert.acknowledged_at is None for alert in _all(session, Alert)] == [False, True]
