"""Codes as the console keeps them, and what of their counts may be shown."""

from datetime import timedelta
from itertools import combinations

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from server.audit.models import AuditEvent
from server.clock import day_bounds, local_day
from server.db import run_before_commit
from server.errors import NotFound
from server.organisations import codes
from server.organisations import service as organisations
from server.organisations.codes import Filters, Hidden, hide_small
from server.organisations.doors import DoorCode, Doors
from server.organisations.models import EntryPoint, EntryPointDay, Level, Organisation
from server.organisations.service import EntryPointState
from server.pagination import Asked
from server.parts import PageDoor
from tests.conftest import NOW

ACTOR = ("staff", "somebody")
DOORS = Doors([PageDoor(DoorCode.HOME, "/h5/"), PageDoor(DoorCode.CONTACT, "/h5/contact")])
DAY = timedelta(days=1)
COUNTS = st.integers(0, 60)


@pytest.fixture
def root(session) -> Organisation:
    return organisations.add_organisation(session, code="D", name="榕江区", level=Level.DISTRICT, parent=None)


def make(session, at: Organisation, *, door: str = "contact", **changes) -> EntryPoint:
    given_ = {"valid_until": None, "now": NOW} | changes
    return codes.make_code(session, doors=DOORS, place=at, door=door, target="", actor=ACTOR, **given_)


def listed(session, *, now=NOW, **filters) -> list[str]:
    page = codes.list_codes(session, doors=DOORS, filters=Filters(**filters), asked=Asked(), now=now)
    return [row.point.code for row in page.rows]


def use(session, point: EntryPoint, day, *counts: int) -> None:
    scans, starts, finishes = counts
    session.add(EntryPointDay(entry_point_id=point.id, day=day, scans=scans, starts=starts, finishes=finishes))
    session.flush()


# --- what of the counts is shown ----------------------------------------------------------------------------------------


@given(COUNTS, COUNTS, COUNTS)
def test_no_number_that_is_shown_is_small_and_no_two_tell_a_small_one_by_their_difference(scans, starts, finishes):
    shown = hide_small(scans, starts, finishes)
    numbers = [cell for cell in (shown.scans, shown.starts, shown.finishes) if not isinstance(cell, Hidden)]

    assert all(number >= codes.SMALLEST_SHOWN for number in numbers)
    assert all(abs(one - other) >= codes.SMALLEST_SHOWN for one, other in combinations(numbers, 2))


@given(COUNTS, COUNTS, COUNTS)
def test_what_is_shown_is_true(scans, starts, finishes):
    shown = hide_small(scans, starts, finishes)
    for cell, count in zip((shown.scans, shown.starts, shown.finishes), (scans, starts, finishes), strict=True):
        assert cell == count or (cell is Hidden.SMALL) == (count < codes.SMALLEST_SHOWN)


def test_who_began_and_did_not_finish_cannot_be_told_from_the_row():
    assert hide_small(40, 20, 17) == codes.Uses(40, 20, Hidden.CLOSE)
    assert hide_small(40, 20, 4) == codes.Uses(40, 20, Hidden.SMALL)
    assert hide_small(40, 20, 15) == codes.Uses(40, 20, 15)


def test_the_last_thirty_whole_days_are_counted_and_today_is_not(session, root):
    point, today = make(session, root), local_day(NOW)
    use(session, point, today, 100, 100, 100)
    use(session, point, today - DAY, 30, 20, 10)
    use(session, point, today - 30 * DAY, 10, 5, 2)
    use(session, point, today - 31 * DAY, 1000, 1000, 1000)
    row = codes.get_code(session, doors=DOORS, code=point.code, now=NOW)

    assert row.uses == codes.Uses(40, 25, 12)


def test_a_code_nobody_used_shows_no_zero(session, root):
    row = codes.get_code(session, doors=DOORS, code=make(session, root).code, now=NOW)

    assert row.uses == codes.Uses(Hidden.SMALL, Hidden.SMALL, Hidden.SMALL)


# --- lists ----------------------------------------------------------------------------------------------------------------


def test_filters_narrow_by_place_door_and_state(session, root):
    street = organisations.add_organisation(session, code="S1", name="S1", level=Level.STREET, parent=root)
    here, home = make(session, root), make(session, street, door="home")
    expired = make(session, street, valid_until=NOW + DAY)
    revoked = make(session, root)
    codes.revoke_code(session, code=revoked.code, actor=ACTOR, now=NOW)
    later = NOW + 2 * DAY

    assert listed(session) == [revoked.code, expired.code, home.code, here.code]
    assert listed(session, within=street) == [expired.code, home.code]
    assert listed(session, door="home") == [home.code]
    assert listed(session, state=EntryPointState.OPEN, now=later) == [home.code, here.code]
    assert listed(session, state=EntryPointState.EXPIRED, now=later) == [expired.code]
    assert listed(session, state=EntryPointState.REVOKED, now=later) == [revoked.code]


@given(st.sampled_from([None, -2, 0, 2]), st.sampled_from([None, -2, 0, 2]), st.sampled_from([-2, 0, 2]))
@settings(deadline=None)  # each makes a store
def test_the_filter_and_the_row_say_the_same_of_a_state(until, revoked, since):
    def instant(days):
        return None if days is None else NOW + days * DAY

    point = EntryPoint(valid_from=instant(since), valid_until=instant(until), revoked_at=instant(revoked))
    engine = sa.create_engine("sqlite://")
    EntryPoint.__table__.create(engine)
    values = {"code": "x", "organisation_id": 1, "door": "", "target": "", "wechat_url": "", "created_at": NOW}
    with engine.connect() as connection:
        connection.execute(
            sa.insert(EntryPoint).values(
                valid_from=point.valid_from, valid_until=point.valid_until, revoked_at=point.revoked_at, **values
            )
        )
        found = [
            state
            for state in EntryPointState
            if connection.execute(sa.select(EntryPoint.id).where(organisations.is_in_state(state, NOW))).all()
        ]
    engine.dispose()

    assert found == [organisations.state_of(point, NOW)]


def test_a_code_whose_door_was_closed_since_is_named_so_and_not_printed(session, root):
    point = make(session, root)
    row = codes.get_code(session, doors=Doors([]), code=point.code, now=NOW)

    assert (row.opens, row.may_be_printed) == (None, False)


def test_several_codes_come_in_the_order_asked_for_each_once_and_not_too_many(session, root):
    made = [make(session, root).code for _ in range(codes.MOST_AT_ONCE + 2)]
    rows = codes.get_codes(session, doors=DOORS, codes=[*reversed(made), made[0]], now=NOW)

    assert [row.point.code for row in rows] == made[:1:-1]


@pytest.mark.parametrize("missing", ["2" * 10, "", "九" * 10, "x"])
def test_one_code_that_is_not_there_makes_all_of_them_missing(session, root, missing):
    with pytest.raises(NotFound):
        codes.get_codes(session, doors=DOORS, codes=[make(session, root).code, missing], now=NOW)


# --- making and revoking ----------------------------------------------------------------------------------------------------


def test_made_and_revoked_are_acts_and_a_second_time_is_none(session, root):
    point = make(session, root)
    for _ in range(2):
        codes.revoke_code(session, code=point.code, actor=ACTOR, now=NOW)
    run_before_commit(session)
    acts = session.execute(sa.select(AuditEvent.action, AuditEvent.object_id).order_by(AuditEvent.seq)).all()

    assert [tuple(act) for act in acts] == [("entry_point.made", point.code), ("entry_point.revoked", point.code)]


def test_the_last_day_is_today_at_the_earliest(session, root):
    today = local_day(NOW)
    assert make(session, root, valid_until=day_bounds(today)[1]).valid_until > NOW
    with pytest.raises(codes.BadLastDay):
        make(session, root, valid_until=day_bounds(today - DAY)[1])


def test_what_does_not_exist_cannot_be_revoked(session, root):
    with pytest.raises(NotFound):
        codes.revoke_code(session, code="2" * 10, actor=ACTOR, now=NOW)
