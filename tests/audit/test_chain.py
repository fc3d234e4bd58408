"""The trail is whole after any race, any length and any change of keys."""

import secrets
from datetime import UTC, datetime, timedelta, timezone
from functools import partial

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import DBAPIError, StatementError
from sqlalchemy.orm import Session

from server.audit import service
from server.audit.models import AuditEvent, AuditHead
from server.audit.service import Verdict, record, verify
from server.db import Database, run_before_commit
from server.errors import Conflict
from server.vault import Vault
from tests.audit.trail import act, acts, change, fault, head, tamper, verdict
from tests.conftest import NOW, run_together

# --- recording ----------------------------------------------------------------------------------------------------


def test_a_trail_without_acts_is_whole(database: Database) -> None:
    assert verdict(database) == Verdict(0, 0, "0" * 64, None)
    assert head(database) == (0, "0" * 64)


def test_acts_are_chained_in_their_order(database: Database) -> None:
    acts(database, 3)

    rows = database.read(lambda session: session.scalars(sa.select(AuditEvent).order_by(AuditEvent.seq)).all())
    assert [(row.seq, row.object_id) for row in rows] == [(1, "alert-1"), (2, "alert-2"), (3, "alert-3")]
    assert [row.previous for row in rows] == [bytes(32), rows[0].digest, rows[1].digest]
    assert head(database) == (3, rows[2].digest.hex())
    assert verdict(database) == Verdict(3, 3, rows[2].digest.hex(), None)


def test_an_act_says_who_did_what_to_what_when_and_why(database: Database) -> None:
    def work(session: Session) -> None:
        record(
            session,
            actor=service.SYSTEM,
            action="contact.read",
            object_kind="alert",
            object_id="a-1",
            now=NOW,
            reason="handover",
        )

    database.write(work)

    row = database.read(lambda session: session.scalars(sa.select(AuditEvent)).one())
    assert (row.actor_kind, row.actor_id, row.action) == ("system", "-", "contact.read")
    assert (row.object_kind, row.object_id, row.reason, row.at) == ("alert", "a-1", "handover", NOW)


def test_several_acts_of_one_transaction_follow_each_other(database: Database) -> None:
    database.write(lambda session: [act(session, number) for number in range(5)])

    assert verdict(database).rows == 5
    assert fault(database) is None


def test_a_refused_transaction_leaves_no_row(database: Database) -> None:
    acts(database, 1)
    before = head(database)

    def work(session: Session) -> None:
        act(session, 2)
        raise Conflict

    with pytest.raises(Conflict):
        database.write(work)

    assert head(database) == before
    assert verdict(database).rows == 1


def test_a_commit_that_fails_leaves_no_row_either(database: Database) -> None:
    acts(database, 1)

    def work(session: Session) -> None:
        act(session, 2)
        session.execute(sa.text("INSERT INTO no_such_table VALUES (1)"))

    with pytest.raises(DBAPIError):
        database.write(work)

    assert verdict(database).rows == 1


def test_reading_records_nothing(database: Database) -> None:
    database.read(act)

    assert verdict(database).rows == 0


@pytest.mark.parametrize(
    "now",
    [
        NOW.astimezone(timezone(timedelta(hours=8))),
        NOW.astimezone(timezone(-timedelta(hours=9, minutes=30))),
        datetime(2026, 11, 23, 4, 0, 0, 1, tzinfo=UTC),
        datetime(2026, 11, 23, 4, 0, 0, 123400, tzinfo=UTC),
    ],
)
def test_an_act_may_be_told_in_any_time_zone(database: Database, now: datetime) -> None:
    database.write(lambda session: act(session, now=now))

    assert fault(database) is None


def test_an_act_without_a_time_zone_is_refused(database: Database) -> None:
    with pytest.raises(StatementError, match="naive"):
        database.write(lambda session: act(session, now=datetime(2026, 11, 23, 4, 0)))  # noqa: DTZ001 - the point

    assert verdict(database).rows == 0


codes = st.text(st.sampled_from('abc/:-_."\\[]{},0 '), min_size=1, max_size=16)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(words=st.tuples(codes, codes, codes, codes, codes, codes))
def test_an_act_of_any_words_is_verified(session: Session, words: tuple[str, ...]) -> None:
    kind, who, action, object_kind, object_id, reason = words
    record(
        session, actor=(kind, who), action=action, object_kind=object_kind, object_id=object_id, now=NOW, reason=reason
    )
    run_before_commit(session)

    assert verify(session).fault is None


@pytest.mark.parametrize("is_first", [True, False])
def test_eight_threads_leave_no_gap_and_no_duplicate(database: Database, is_first: bool) -> None:
    """Also when nobody had ever acted before: then all of them want to write the head."""
    if not is_first:
        acts(database, 1)

    def run(number: int) -> None:
        for step in range(5):
            database.write(partial(act, number=number * 100 + step))

    run_together(8, run)

    found = verdict(database)
    assert (found.rows, found.fault) == (40 if is_first else 41, None)
    rows = database.read(lambda session: session.scalars(sa.select(AuditEvent.seq).order_by(AuditEvent.seq)).all())
    assert list(rows) == list(range(1, found.rows + 1))


def test_a_chain_that_grows_while_it_is_verified_is_whole(database: Database) -> None:
    """Verifying a year takes minutes, and the service is not stopped for it."""
    acts(database, 4)

    def run(number: int) -> list[str | None]:
        if number:
            acts(database, 25)
            return []
        return [verdict(database, page_size=3).fault for _ in range(60)]

    faults = run_together(3, run)[0]

    assert set(faults) == {None}
    assert verdict(database).rows == 54


# --- keys ---------------------------------------------------------------------------------------------------------

OLD, NEW = ("old", secrets.token_bytes(32)), ("new", secrets.token_bytes(32))


def test_a_new_key_in_data_keys_leaves_the_chain_whole_and_growing(database: Database) -> None:
    acts(Database(database.engine, Vault([OLD])), 3)
    rotated = Database(database.engine, Vault([NEW, OLD]))

    acts(rotated, 3)

    assert (verdict(rotated).rows, fault(rotated)) == (6, None)


def test_without_its_key_the_chain_says_so_instead_of_calling_every_row_changed(database: Database) -> None:
    acts(Database(database.engine, Vault([OLD])), 3)

    assert fault(Database(database.engine, Vault([NEW]))) == "key_unreadable"


def test_nobody_without_the_key_can_compute_the_next_row(database: Database) -> None:
    """The chain's key lies sealed: the database alone does not hold it."""
    acts(database, 1)
    row = database.read(lambda session: session.scalars(sa.select(AuditEvent)).one())
    entry = service.Entry(row.at, row.actor_kind, row.actor_id, row.action, row.object_kind, row.object_id, row.reason)
    sealed = database.read(lambda session: session.get_one(AuditHead, 1).key_sealed)

    for guess in (b"", bytes(32), sealed, sealed[-32:], row.digest):
        assert service._digest(guess, 1, entry, bytes(32)) != row.digest


# --- length -------------------------------------------------------------------------------------------------------


def write_many(database: Database, count: int) -> None:
    def work(session: Session) -> None:
        for number in range(count):
            act(session, number)

    database.write(work)


@pytest.mark.parametrize("beyond", [-1, 0, 1])
def test_a_chain_of_a_page_and_one_more_or_less_is_read_to_its_end(database: Database, beyond: int) -> None:
    last = 20 + beyond
    write_many(database, last)

    whole = verdict(database, page_size=10)
    tamper(database, change(last, reason="because"))

    assert (whole.rows, whole.fault) == (last, None)
    assert verdict(database, page_size=10).fault == f"changed_{last}"


@pytest.mark.slow
def test_a_years_trail_is_verified_page_by_page_and_a_change_in_its_midst_is_found(database: Database) -> None:
    """Fifty acts a working day."""
    write_many(database, 12_500)
    assert (verdict(database).rows, fault(database)) == (12_500, None)

    tamper(database, change(7_001, actor_id="somebody-else"))

    assert fault(database) == "changed_7001"
