"""The duty desk: who sees what, who was first, and that each look is kept."""

import threading
from datetime import timedelta

import pytest
import sqlalchemy as sa

from server.accounts import residents
from server.accounts.policy import Role
from server.audit.models import AuditEvent
from server.audit.service import verify
from server.crisis import desk
from server.crisis import service as crisis
from server.crisis.models import Alert, Outcome, SourceKind
from server.db import run_before_commit
from server.errors import NotFound
from server.ids import new_public_id
from server.risk.grades import Grade
from tests.canaries import PHONE, WORDS
from tests.conftest import NOW
from tests.crisis.district import District

LATER = NOW + timedelta(hours=1)


@pytest.fixture
def district(session) -> District:
    return District(session)


@pytest.fixture
def officer(district):
    return district.hire("duty1")


def _ids(rows):
    return [row.public_id for row in rows]


def _minutes(number: int):
    return NOW + timedelta(minutes=number)


# --- the board ----------------------------------------------------------------------------------------------------------


def test_the_most_urgent_stand_first_and_among_them_the_oldest(district, session, officer):
    def ring(grade, minute):
        return district.alert(grade=grade, is_reachable=True, now=_minutes(minute)).public_id

    late_serious, high, early_serious, general = (
        ring(Grade.SERIOUS, 5), ring(Grade.HIGH, 9), ring(Grade.SERIOUS, 1), ring(Grade.GENERAL, 0),
    )  # fmt: skip

    assert _ids(desk.board(session, staff=officer).ringing) == [high, early_serious, late_serious, general]


def test_who_cannot_be_reached_stands_in_a_lane_of_their_own_without_a_place(district, session, officer):
    ringing = district.alert(district.street, is_reachable=True)
    silent = district.alert(district.street)
    board = desk.board(session, staff=officer)

    assert _ids(board.ringing) == [ringing.public_id]
    assert _ids(board.unreachable) == [silent.public_id]
    assert (board.ringing[0].place, board.unreachable[0].place) == ("S1", None)


def test_the_lane_of_the_unreachable_is_in_the_same_order_and_never_rings(district, session, officer):
    first = district.alert(now=_minutes(1))
    second = district.alert(now=_minutes(0), grade=Grade.HIGH)
    board = desk.board(session, staff=officer)

    assert _ids(board.unreachable) == [second.public_id, first.public_id]
    assert (board.ringing_count, board.unreachable_count, board.newest) == (0, 2, "")


def test_what_was_taken_over_leaves_the_lanes_and_keeps_its_name(district, session, officer):
    alert = district.alert(is_reachable=True)
    desk.acknowledge(session, public_id=alert.public_id, staff=officer, now=LATER)
    board = desk.board(session, staff=officer)

    assert (board.ringing, board.ringing_count) == ([], 0)
    [taken] = board.taken
    assert (taken.public_id, taken.acknowledged_by, taken.acknowledged_at) == (alert.public_id, "duty1", LATER)


def test_a_row_holds_no_words_and_no_number(district, session, officer):
    alert = district.alert()
    district.leave_number(alert)
    [row] = desk.board(session, staff=officer).ringing

    assert not {"phone", "words", "source_public_id"} & set(type(row).__slots__)
    assert PHONE not in repr(row)


def test_the_count_goes_on_where_the_page_ends(district, session, officer):
    for number in range(desk.PAGE + 3):
        district.alert(is_reachable=True, now=_minutes(number))
    board = desk.board(session, staff=officer)

    assert len(board.ringing) == desk.PAGE
    assert board.ringing_count == desk.PAGE + 3


def test_the_mark_changes_when_another_one_begins_to_ring(district, session, officer):
    def mark():
        return desk.count_waiting(session, staff=officer)

    silent = district.alert(now=_minutes(0))
    assert mark() == (0, 1, "")
    district.alert(is_reachable=True, now=_minutes(1))
    first = mark()
    district.leave_number(silent, now=_minutes(2))
    second = mark()

    assert (first[:2], second[:2]) == ((1, 1), (2, 0))
    assert second[2] > first[2] > ""


def test_the_promise_stands_beside_each_alert_of_the_same_person(district, session, officer):
    source = new_public_id()
    for rule in ("one", "two"):
        district.alert(source_public_id=source, rule=rule)
    promise = district.leave_number(session.scalars(sa.select(Alert)).first())

    assert [row.promised_by for row in desk.board(session, staff=officer).ringing] == [promise, promise]


def test_a_promise_that_was_broken_stays_on_the_board_when_the_person_writes_again(district, session, officer):
    alert = district.alert()
    broken = district.leave_number(alert)
    district.leave_number(alert, phone="020-81899120", now=broken + timedelta(hours=2))
    [row] = desk.board(session, staff=officer).ringing

    assert row.promised_by == broken


def test_a_promise_that_was_kept_does_not_stand_beside_a_new_wish(district, session, officer):
    alert = district.alert()
    kept = district.leave_number(alert)
    desk.acknowledge(session, public_id=alert.public_id, staff=officer, now=LATER)
    renewed = district.leave_number(alert, phone="020-81899120", now=kept + timedelta(days=5))
    [row] = desk.board(session, staff=officer).ringing

    assert row.promised_by == renewed > kept


# --- scope --------------------------------------------------------------------------------------------------------------


def test_an_officer_sees_their_node_and_all_below_and_nothing_beside_or_above(district, session):
    own, below = district.alert(district.street, is_reachable=True), district.alert(district.community)
    district.alert(district.other_street, is_reachable=True)
    district.alert(district.root)
    officer = district.hire("street1", district.street)
    board = desk.board(session, staff=officer)

    assert (_ids(board.ringing), _ids(board.unreachable)) == ([own.public_id], [below.public_id])
    assert desk.count_waiting(session, staff=officer)[:2] == (1, 1)


def test_a_path_that_begins_alike_is_no_node_below(district, session):
    """/1/2/ and /1/20/ share their first letters."""
    alike = district._add("S20", district.root)
    alike.path = f"{district.street.path[:-1]}0/"
    session.flush()
    district.alert(alike, is_reachable=True)

    assert desk.count_waiting(session, staff=district.hire("street1", district.street))[0] == 0


def test_two_posts_see_both_areas(district, session):
    both = district.hire("both", district.street, also=district.other_street)
    for node in (district.street, district.other_street, district.root):
        district.alert(node, is_reachable=True)

    assert desk.count_waiting(session, staff=both)[0] == 2


def test_without_a_post_nothing_is_seen(district, session, officer):
    nobody = type(officer)(officer.id, officer.public_id, officer.display_name, ())
    alert = district.alert(is_reachable=True)

    assert desk.count_waiting(session, staff=nobody) == (0, 0, "")
    with pytest.raises(NotFound):
        desk.get_alert(session, public_id=alert.public_id, staff=nobody)


def acts_of_alerts(session):
    events = sa.select(AuditEvent.action).where(AuditEvent.object_kind == "alert").order_by(AuditEvent.seq)
    return list(session.scalars(events))


@pytest.mark.parametrize(
    "use_case",
    [
        lambda session, public_id, staff: desk.get_alert(session, public_id=public_id, staff=staff),
        lambda session, public_id, staff: desk.acknowledge(session, public_id=public_id, staff=staff, now=NOW),
        lambda session, public_id, staff: desk.read_contacts(
            session, public_id=public_id, staff=staff, purpose="call", now=NOW
        ),
        lambda session, public_id, staff: desk.close(
            session, public_id=public_id, staff=staff, outcome=Outcome.REACHED, now=NOW
        ),
    ],
)
def test_a_foreign_alert_is_a_missing_one(district, session, use_case):
    foreign = district.alert(district.other_street, is_reachable=True)
    officer = district.hire("street1", district.street)
    faults = []
    for public_id in (foreign.public_id, new_public_id(), "", "中文"):
        with pytest.raises(NotFound) as caught:
            use_case(session, public_id, officer)
        faults.append((type(caught.value), caught.value.code))

    assert len(set(faults)) == 1
    assert foreign.acknowledged_at is None
    run_before_commit(session)
    assert acts_of_alerts(session) == ["alert.raised"], "a try leaves no act"


def test_a_supervisor_watches_and_takes_nothing_over(district, session):
    alert = district.alert(is_reachable=True)
    supervisor = district.hire("boss", role=Role.SUPERVISOR)

    assert desk.get_alert(session, public_id=alert.public_id, staff=supervisor).public_id == alert.public_id
    with pytest.raises(NotFound):
        desk.acknowledge(session, public_id=alert.public_id, staff=supervisor, now=NOW)
    with pytest.raises(NotFound):
        desk.read_contacts(session, public_id=alert.public_id, staff=supervisor, purpose="call", now=NOW)


# --- taking over --------------------------------------------------------------------------------------------------------


def test_the_second_officer_reads_who_was_first(district, session, officer):
    alert = district.alert(is_reachable=True)
    desk.acknowledge(session, public_id=alert.public_id, staff=officer, now=NOW)
    with pytest.raises(desk.AlreadyAcknowledged) as refusal:
        desk.acknowledge(session, public_id=alert.public_id, staff=district.hire("duty2"), now=LATER)

    assert (refusal.value.by, refusal.value.at) == ("duty1", NOW)
    assert alert.acknowledged_by == officer.id


def test_taking_over_twice_is_harmless_and_one_act(district, session, officer):
    alert = district.alert(is_reachable=True)
    for at in (NOW, LATER):
        desk.acknowledge(session, public_id=alert.public_id, staff=officer, now=at)
    run_before_commit(session)

    assert alert.acknowledged_at == NOW
    assert acts_of_alerts(session) == ["alert.raised", "alert.acknowledged"]


@pytest.mark.parametrize("number", range(3))
def test_of_officers_who_press_at_once_one_wins_and_the_others_read_the_name(database, number):
    def prepare(session):
        district = District(session)
        return [district.hire(f"duty{n}") for n in range(4)], district.alert(is_reachable=True).public_id

    officers, public_id = database.write(prepare)
    together, outcomes = threading.Barrier(len(officers)), []

    def press(officer):
        together.wait()
        try:
            database.write(lambda session: desk.acknowledge(session, public_id=public_id, staff=officer, now=NOW))
            outcomes.append(("won", officer.display_name))
        except desk.AlreadyAcknowledged as refusal:
            outcomes.append(("lost to", refusal.by))

    threads = [threading.Thread(target=press, args=(officer,)) for officer in officers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    [winner] = [name for outcome, name in outcomes if outcome == "won"]
    assert sorted(outcomes) == sorted([("won", winner)] + [("lost to", winner)] * 3)
    acts = database.read(lambda session: session.scalars(sa.select(AuditEvent.action)).all())
    assert acts.count("alert.acknowledged") == 1
    assert database.read(verify).fault is None


# --- reading numbers and words ------------------------------------------------------------------------------------------


def test_the_number_is_read_by_who_took_over_and_each_look_is_an_act(district, session, officer):
    alert = district.alert(is_reachable=True)
    district.leave_number(alert)
    desk.acknowledge(session, public_id=alert.public_id, staff=officer, now=NOW)
    for purpose in ("call", "handover"):
        contacts, said = desk.read_contacts(
            session, public_id=alert.public_id, staff=officer, purpose=purpose, now=LATER
        )
        assert ([contact.phone for contact in contacts], said) == ([PHONE], [])
    run_before_commit(session)

    looks = session.scalars(sa.select(AuditEvent).where(AuditEvent.action == "contact.read")).all()
    assert [(look.actor_id, look.object_id, look.reason) for look in looks] == [
        (officer.public_id, alert.public_id, "call"),
        (officer.public_id, alert.public_id, "handover"),
    ]
    assert all(PHONE not in str(vars(look)) for look in looks)


def test_nobody_else_reads_it_before_or_after(district, session, officer):
    alert = district.alert(is_reachable=True)
    district.leave_number(alert)
    other = district.hire("duty2")

    def read(staff):
        desk.read_contacts(session, public_id=alert.public_id, staff=staff, purpose="call", now=NOW)

    with pytest.raises(NotFound):
        read(officer)
    desk.acknowledge(session, public_id=alert.public_id, staff=other, now=NOW)
    with pytest.raises(NotFound):
        read(officer)
    run_before_commit(session)
    assert "contact.read" not in session.scalars(sa.select(AuditEvent.action)).all()


def test_who_had_it_before_it_rang_again_takes_it_over_anew(district, session, officer):
    alert = district.alert(is_reachable=True)
    district.leave_number(alert)
    desk.acknowledge(session, public_id=alert.public_id, staff=officer, now=NOW)
    district.leave_number(alert, phone="020-81899120", now=LATER)
    with pytest.raises(NotFound):
        desk.read_contacts(session, public_id=alert.public_id, staff=officer, purpose="call", now=LATER)
    desk.acknowledge(session, public_id=alert.public_id, staff=officer, now=LATER)
    contacts, _ = desk.read_contacts(session, public_id=alert.public_id, staff=officer, purpose="call", now=LATER)

    assert [contact.phone for contact in contacts] == ["02081899120", PHONE]


def test_the_numbers_and_words_of_one_person_only(district, session, officer):
    mine, other = district.alert(is_reachable=True), district.alert(is_reachable=True)
    district.leave_number(mine)
    district.leave_number(other, phone="13900000000")
    desk.acknowledge(session, public_id=mine.public_id, staff=officer, now=NOW)
    contacts, _ = desk.read_contacts(session, public_id=mine.public_id, staff=officer, purpose="call", now=NOW)

    assert [contact.phone for contact in contacts] == [PHONE]


def test_the_words_of_a_chat_are_read_by_who_took_over(district, session, officer):
    resident = residents.resident_of(session, app_id="wx", openid="o1", now=NOW)
    for minute in range(2):
        crisis.hear_distress(
            session, resident_id=resident.id, organisation_id=district.root.id, grade=Grade.HIGH, rule_version="1",
            words=f"{WORDS}{minute}", now=_minutes(minute),
        )  # fmt: skip
    alert = session.scalars(sa.select(Alert)).one()
    assert alert.source_kind is SourceKind.CHAT
    desk.acknowledge(session, public_id=alert.public_id, staff=officer, now=LATER)
    _, said = desk.read_contacts(session, public_id=alert.public_id, staff=officer, purpose="call", now=LATER)

    assert [message.words for message in said] == [f"{WORDS}1", f"{WORDS}0"]
