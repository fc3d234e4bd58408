"""Two residents that turn out to be one: everything moves to the older, whatever runs at once or dies in between."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from server.accounts import log_ins
from server.accounts.joining import join_next
from server.accounts.models import CodeKind, Resident, ResidentCode, ResidentSession, WechatIdentity
from server.accounts.residents import openid_place, resident_of
from server.audit.models import AuditEvent
from server.crisis import service as crisis
from server.crisis.models import Alert
from server.db import Database, run_before_commit, vault_of
from server.migrations.models import METADATA
from server.organisations import service as organisations
from server.organisations.models import Level
from server.parts import Parts
from server.risk.grades import Grade
from tests.conftest import NOW, run_together

UNION = "o-union-of-one-person"


def come(session: Session, app_id: str, openid: str, union_id: str | None = None) -> Resident:
    return resident_of(session, app_id=app_id, openid=openid, union_id=union_id, now=NOW)


def make_two(session: Session) -> tuple[int, int]:
    """Known from the account, then from the mini program; each with something of its own. The unionid comes late."""
    root = organisations.add_organisation(session, code="D", name="区", level=Level.DISTRICT, parent=None)
    first, second = come(session, "wxoa", "o-1"), come(session, "wxmp", "m-1")
    for resident in (first, second):
        log_ins.open_session(session, resident=resident, now=NOW)
        log_ins.make_code(session, resident=resident, kind=CodeKind.LOG_IN, now=NOW)
        crisis.hear_distress(
            session,
            resident_id=resident.id,
            organisation_id=root.id,
            grade=Grade.SERIOUS,
            rule_version="1",
            words="金丝雀",
            now=NOW,
        )
    come(session, "wxoa", "o-1", UNION)
    come(session, "wxmp", "m-1", UNION)
    return first.id, second.id


def join_all(database: Database, parts: Parts) -> None:
    while database.write(lambda session: join_next(session, holdings=parts.holdings, now=NOW)):
        pass


def owners(session: Session) -> set[int]:
    """Whoever any row of any table belongs to."""
    found: set[int] = set()
    for table in METADATA.tables.values():
        for key in table.foreign_keys:
            if key.column.table.name == "residents":
                found |= set(session.scalars(sa.select(key.parent).where(key.parent.is_not(None))))
    return found


def test_the_older_one_stays_with_everything_and_the_other_is_gone(database, parts):
    first, _ = database.write(make_two)
    join_all(database, parts)

    assert database.read(owners) == {first}
    assert database.read(lambda session: session.scalars(sa.select(Resident.id)).all()) == [first]
    for model, count in ((WechatIdentity, 2), (ResidentSession, 2), (ResidentCode, 2), (Alert, 2)):
        assert database.read(lambda s, m=model: s.scalar(sa.select(sa.func.count()).select_from(m))) == count


def test_every_openid_still_opens_and_finds_the_one_who_is_left(database, parts):
    first, _ = database.write(make_two)
    join_all(database, parts)

    def openids(session: Session) -> set[str]:
        resident = session.get_one(Resident, first)
        rows = session.scalars(sa.select(WechatIdentity.openid_sealed))
        return {vault_of(session).open_text(row, openid_place(resident)) for row in rows}

    assert database.read(openids) == {"o-1", "m-1"}
    assert database.write(lambda session: come(session, "wxmp", "m-1")).id == first


def test_the_joining_is_in_the_trail_once_and_a_second_run_finds_nothing(database, parts):
    database.write(make_two)
    join_all(database, parts)
    join_all(database, parts)

    acts = database.read(
        lambda session: session.scalars(sa.select(AuditEvent).where(AuditEvent.action == "resident.joined")).all()
    )
    assert len(acts) == 1


def test_two_workers_and_somebody_who_writes_meanwhile_leave_one_resident(database, parts):
    first, _ = database.write(make_two)

    def work(number: int) -> None:
        if number % 2:
            database.write(lambda session: come(session, "wxmp", "m-1"))
        else:
            join_all(database, parts)

    run_together(6, work)

    assert database.read(owners) == {first}


def test_a_run_that_dies_in_the_middle_has_changed_nothing(database, parts):
    first, second = database.write(make_two)

    def die(session: Session) -> None:
        join_next(session, holdings=parts.holdings, now=NOW)
        run_before_commit(session)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        database.write(die)
    assert database.read(owners) == {first, second}

    join_all(database, parts)
    assert database.read(owners) == {first}


def test_three_of_one_person_become_one(database, parts):
    for number in range(3):
        database.write(lambda session, n=number: come(session, f"wx{n}", f"o-{n}"))
    for number in range(3):
        database.write(lambda session, n=number: come(session, f"wx{n}", f"o-{n}", UNION))
    join_all(database, parts)

    assert len(database.read(lambda session: session.scalars(sa.select(Resident.id)).all())) == 1


def test_a_unionid_that_is_known_at_the_first_word_makes_no_second_resident(session):
    first = come(session, "wxoa", "o-1", UNION)

    assert come(session, "wxmp", "m-1", UNION).id == first.id
    assert come(session, "wxmp", "m-2", "o-another-person").id != first.id


def test_people_without_a_unionid_are_never_joined(database, parts):
    for number in range(3):
        database.write(lambda session, n=number: come(session, "wxoa", f"o-{n}"))
    join_all(database, parts)

    assert len(database.read(lambda session: session.scalars(sa.select(Resident.id)).all())) == 3


def test_no_anonymous_table_leads_to_a_resident():
    pointing = {
        table.name
        for table in METADATA.tables.values()
        for key in table.foreign_keys
        if key.column.table.name == "residents"
    }

    assert not pointing & {"responses", "answers", "entry_points", "entry_point_days", "contact_requests"}


def test_the_log_ins_of_both_open_the_one_account(database, parts):
    def two(session: Session) -> list[str]:
        residents = [come(session, "wxoa", "o-1"), come(session, "wxmp", "m-1")]
        tokens = [log_ins.open_session(session, resident=one, now=NOW) for one in residents]
        come(session, "wxoa", "o-1", UNION)
        come(session, "wxmp", "m-1", UNION)
        return tokens

    tokens = database.write(two)
    join_all(database, parts)
    later = NOW + timedelta(days=1)
    found = [database.read(lambda s, t=token: log_ins.find_resident(s, token=t, now=later)) for token in tokens]

    assert found[0] is not None
    assert found[0].id == found[1].id
