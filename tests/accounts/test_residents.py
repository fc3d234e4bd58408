"""One person behind one openid, whatever the order of events; the openid itself stands nowhere."""

from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from server.accounts.models import Resident, WechatIdentity
from server.accounts.residents import follow, resident_of, unfollow
from server.db import Database, vault_of
from server.migrations.models import METADATA
from server.vault import CannotOpen, Place, Vault
from tests import canaries
from tests.conftest import NOW, run_together

APP = "wx0123456789abcdef"
OPENID = canaries.OPENID
DAY = timedelta(days=1)


def followed(session: Session, *, sent_at: int = 100, now: datetime = NOW, openid: str = OPENID) -> Resident:
    return follow(session, app_id=APP, openid=openid, sent_at=sent_at, now=now)


def left(session: Session, *, sent_at: int, now: datetime = NOW) -> None:
    unfollow(session, app_id=APP, openid=OPENID, sent_at=sent_at, now=now)


def wrote(session: Session, *, openid: str = OPENID, app_id: str = APP) -> Resident:
    return resident_of(session, app_id=app_id, openid=openid, now=NOW)


def identity(session: Session) -> WechatIdentity:
    return session.scalars(sa.select(WechatIdentity)).one()


def count(session: Session, table: type[Resident] | type[WechatIdentity]) -> int:
    return session.scalar(sa.select(sa.func.count()).select_from(table)) or 0


# --- who it is ----------------------------------------------------------------------------------------------------


def test_whoever_follows_becomes_a_resident(session: Session) -> None:
    resident = followed(session)

    found = identity(session)
    assert (found.resident_id, found.is_following, found.app_id) == (resident.id, True, APP)
    assert (found.followed_on, found.unfollowed_on) == (date(2026, 11, 23), None)
    assert resident.created_on == date(2026, 11, 23)


def test_the_day_is_the_day_in_shanghai(session: Session) -> None:
    resident = followed(session, now=NOW.replace(hour=16))

    assert resident.created_on == identity(session).followed_on == date(2026, 11, 24)


def test_whoever_writes_without_ever_having_followed_becomes_one_too(session: Session) -> None:
    """The follow event may have been lost; only followers can write."""
    resident = wrote(session)

    assert identity(session).is_following
    assert wrote(session) is resident
    assert count(session, Resident) == 1


def test_one_person_stays_one_resident_through_all_events(session: Session) -> None:
    first = followed(session)
    left(session, sent_at=200)
    again = followed(session, sent_at=300, now=NOW + DAY)

    assert first.id == again.id == wrote(session).id
    assert (count(session, Resident), count(session, WechatIdentity)) == (1, 1)
    assert identity(session).followed_on == date(2026, 11, 24)


@pytest.mark.parametrize("other", [OPENID.lower(), OPENID.upper(), OPENID + "x", OPENID[:-1]])
def test_openids_that_look_alike_are_different_people(session: Session, other: str) -> None:
    assert followed(session).id != followed(session, openid=other).id


def test_one_openid_at_two_accounts_is_two_people(session: Session) -> None:
    assert wrote(session).id != wrote(session, app_id="wxanother").id


# --- coming and going ---------------------------------------------------------------------------------------------


def test_whoever_leaves_is_remembered_as_gone(session: Session) -> None:
    followed(session)
    left(session, sent_at=200, now=NOW + DAY)

    found = identity(session)
    assert (found.is_following, found.unfollowed_on) == (False, date(2026, 11, 24))


def test_whoever_comes_back_has_not_left(session: Session) -> None:
    followed(session)
    left(session, sent_at=200)
    followed(session, sent_at=300)

    found = identity(session)
    assert (found.is_following, found.unfollowed_on) == (True, None)


def test_a_stranger_who_leaves_leaves_no_trace(session: Session) -> None:
    left(session, sent_at=200)

    assert (count(session, Resident), count(session, WechatIdentity)) == (0, 0)


def test_an_event_that_arrives_late_does_not_undo_a_newer_one(session: Session) -> None:
    followed(session, sent_at=100)
    followed(session, sent_at=300)
    left(session, sent_at=200)
    came_back = identity(session).is_following
    left(session, sent_at=400)
    followed(session, sent_at=350)

    assert came_back
    assert not identity(session).is_following


def test_an_event_that_is_sent_three_times_changes_nothing(session: Session) -> None:
    followed(session)
    for _ in range(3):
        left(session, sent_at=200)

    assert identity(session).unfollowed_on == date(2026, 11, 23)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    events=st.lists(
        st.tuples(st.integers(1, 50), st.booleans()), min_size=1, max_size=8, unique_by=lambda event: event[0]
    )
)
def test_the_newest_event_decides_in_whatever_order_they_arrive(
    session: Session, events: list[tuple[int, bool]]
) -> None:
    session.execute(sa.delete(WechatIdentity))
    session.execute(sa.delete(Resident))
    session.expunge_all()
    wrote(session)  # somebody who is known

    for sent_at, comes in events:
        if comes:
            followed(session, sent_at=sent_at)
        else:
            left(session, sent_at=sent_at)

    session.flush()
    newest = max(events)
    assert identity(session).is_following is newest[1]
    assert (identity(session).unfollowed_on is None) is newest[1]


@pytest.mark.parametrize("is_known", [False, True])
def test_eight_events_of_one_person_at_once_make_one_resident(database: Database, is_known: bool) -> None:
    if is_known:
        database.write(followed)

    def event(number: int) -> int:
        if number % 2:
            return database.write(wrote).id
        return database.write(lambda session: followed(session, sent_at=number)).id

    ids = run_together(8, event)

    assert len(set(ids)) == 1
    assert database.read(lambda session: (count(session, Resident), count(session, WechatIdentity))) == (1, 1)


# --- what is stored -----------------------------------------------------------------------------------------------


def test_the_openid_can_be_had_back_to_send_to_it_but_only_for_its_own_resident(session: Session) -> None:
    resident = followed(session)
    stranger = followed(session, openid="o-stranger")
    sealed = session.scalars(
        sa.select(WechatIdentity.openid_sealed).where(WechatIdentity.resident_id == resident.id)
    ).one()

    vault = vault_of(session)
    assert vault.open_text(sealed, Place("wechat_identities", resident.public_id, "openid")) == OPENID
    with pytest.raises(CannotOpen):
        vault.open_text(sealed, Place("wechat_identities", stranger.public_id, "openid"))


def test_a_person_is_found_again_while_keys_rotate(database: Database) -> None:
    old, new = ("old", b"o" * 32), ("new", b"n" * 32)
    before = Database(database.engine, Vault([old])).write(followed)

    rotating = Database(database.engine, Vault([new, old]))

    assert rotating.write(wrote).id == before.id
    assert rotating.write(lambda session: followed(session, sent_at=500)).id == before.id
    rotating.write(lambda session: left(session, sent_at=600))
    assert not rotating.read(identity).is_following


def test_without_the_key_nobody_can_look_for_an_openid(database: Database) -> None:
    """A stranger with the database and another key does not find the row that the openid has."""
    known = database.write(followed)

    assert Database(database.engine, Vault([("test", b"x" * 32)])).write(wrote).id != known.id


def everything_stored(database: Database) -> bytes:
    """Every byte of the file and its log, or every value of every column."""
    if database.engine.dialect.name == "sqlite":
        assert database.engine.url.database is not None
        file = Path(database.engine.url.database)
        return b"".join(part.read_bytes() for part in sorted(file.parent.glob(f"{file.name}*")))
    with database.engine.connect() as connection:
        rows = [row for table in METADATA.sorted_tables for row in connection.execute(table.select())]
    return b"\n".join(value if isinstance(value, bytes) else str(value).encode() for row in rows for value in row)


def test_the_openid_stands_nowhere_in_the_database(own_database: Database) -> None:
    resident = own_database.write(followed)
    own_database.write(lambda session: left(session, sent_at=200))
    own_database.write(lambda session: wrote(session, app_id="wxanother"))

    stored = everything_stored(own_database)

    assert resident.public_id.encode() in stored, "the search finds what is there"
    for form in (
        OPENID,
        OPENID.lower(),
        OPENID[:16],
        OPENID.encode().hex(),
        OPENID.encode("utf-16-le").decode("latin-1"),
    ):
        assert form.encode() not in stored


def test_no_table_of_residents_holds_a_time_of_day() -> None:
    """An instant could be matched with the instant of an anonymous answer."""
    instants = [
        f"{table.name}.{column.name}"
        for table in (Resident.__table__, WechatIdentity.__table__)
        for column in table.columns
        if column.type.python_type is datetime
    ]

    assert instants == []


def test_whoever_writes_after_leaving_follows_again(session):
    follow(session, app_id="wx", openid="o1", sent_at=10, now=NOW)
    unfollow(session, app_id="wx", openid="o1", sent_at=20, now=NOW)

    resident_of(session, app_id="wx", openid="o1", sent_at=15, now=NOW)
    assert not session.scalars(sa.select(WechatIdentity)).one().is_following

    resident_of(session, app_id="wx", openid="o1", sent_at=21, now=NOW)
    assert session.scalars(sa.select(WechatIdentity)).one().is_following
