"""A consent stands for one purpose and one text, until it is taken back; for a child a guardian's is needed too."""

from datetime import date, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from server.accounts import log_ins
from server.accounts.ages import SPANS, AgeBand, is_minor, needs_guardian
from server.accounts.consents import (
    ConsentHolding,
    NoGuardian,
    agree_as_guardian,
    give_consent,
    has_consent,
    has_guardian_consent,
    is_allowed,
    list_consents,
    withdraw_consent,
)
from server.accounts.models import CodeKind, Resident, ResidentConsent
from server.accounts.purposes import Purpose
from server.accounts.residents import resident_of
from server.db import Database
from server.errors import NotFound
from tests.conftest import NOW, run_together

KEEP, DAY = Purpose.KEEP_RESULTS, timedelta(days=1)
HOLDING = ConsentHolding()


def come(session: Session, openid: str, age: AgeBand = AgeBand.AGE_18_59) -> Resident:
    resident = resident_of(session, app_id="wx", openid=openid, now=NOW)
    resident.age_band = age
    return resident


def agree(session: Session, resident: Resident, version: str = "1", day: int = 0, guardian: Resident | None = None):
    give_consent(session, resident=resident, purpose=KEEP, text_version=version, now=NOW + day * DAY, guardian=guardian)


def rows(session: Session) -> list[ResidentConsent]:
    return list(session.scalars(sa.select(ResidentConsent).order_by(ResidentConsent.given_on)))


def withdraw(session: Session, resident: Resident, day: int = 0) -> None:
    [standing] = [row for row in rows(session) if row.standing]
    withdraw_consent(session, resident=resident, public_id=standing.public_id, now=NOW + day * DAY)


def test_what_was_agreed_to_stands_until_it_is_taken_back_and_the_history_stays(session):
    resident = come(session, "o-1")
    agree(session, resident)
    assert has_consent(session, resident=resident, purpose=KEEP)
    withdraw(session, resident, day=3)
    assert not has_consent(session, resident=resident, purpose=KEEP)
    agree(session, resident, day=5)

    assert [(row.given_on, row.withdrawn_on) for row in rows(session)] == [
        (date(2026, 11, 23), date(2026, 11, 26)),
        (date(2026, 11, 28), None),
    ]


def test_a_newer_text_takes_the_place_of_the_older_and_is_asked_for_anew(session):
    resident = come(session, "o-1")
    agree(session, resident, "1")
    assert not has_consent(session, resident=resident, purpose=KEEP, text_version="2")
    agree(session, resident, "2", day=1)

    assert has_consent(session, resident=resident, purpose=KEEP, text_version="2")
    assert [row.text_version for row in rows(session) if row.standing] == ["2"]


def test_eight_taps_at_once_are_one_consent(database: Database):
    database.write(lambda session: come(session, "o-1"))

    def tap(_number: int) -> None:
        database.write(lambda session: agree(session, come(session, "o-1")))

    run_together(8, tap)

    assert len(database.read(rows)) == 1


def test_nobody_takes_back_what_is_not_theirs(session):
    agree(session, come(session, "o-1"))
    [row] = rows(session)

    for public_id in (row.public_id, "x" * 22, "不"):
        with pytest.raises(NotFound):
            withdraw_consent(session, resident=come(session, "o-2"), public_id=public_id, now=NOW)
    assert row.standing is KEEP


@pytest.mark.parametrize("age", AgeBand)
def test_under_fourteen_the_childs_word_alone_is_not_enough(session, age):
    child, guardian = come(session, "o-1", age), come(session, "o-2")
    agree(session, child)
    assert is_allowed(session, resident=child, purpose=KEEP) is (SPANS[age].low >= 14)
    agree(session, child, guardian=guardian)

    assert is_allowed(session, resident=child, purpose=KEEP)
    assert has_guardian_consent(session, resident=child, purpose=KEEP)
    assert not has_consent(session, resident=guardian, purpose=KEEP)


def test_the_guardians_word_alone_is_not_enough_either(session):
    child = come(session, "o-1", AgeBand.UNDER_12)
    agree(session, child, guardian=come(session, "o-2"))

    assert not is_allowed(session, resident=child, purpose=KEEP)


@pytest.mark.parametrize("age", [age for age in AgeBand if is_minor(age)])
def test_a_minor_is_nobodys_guardian(session, age):
    child, other = come(session, "o-1", AgeBand.UNDER_12), come(session, "o-2", age)
    code = log_ins.make_code(session, resident=child, kind=CodeKind.GUARDIAN, purpose=KEEP, now=NOW)

    with pytest.raises(NoGuardian):
        agree_as_guardian(session, guardian=other, code=code, purpose_versions={KEEP: "1"}, now=NOW)
    assert rows(session) == []


def test_who_needs_a_guardian_is_a_minor():
    assert {age for age in AgeBand if needs_guardian(age)} == {AgeBand.UNDER_12, AgeBand.AGE_12_13}
    assert all(is_minor(age) for age in AgeBand if needs_guardian(age))


def test_a_guardian_who_is_forgotten_no_longer_agrees_and_is_not_named(session):
    child, guardian = come(session, "o-1", AgeBand.UNDER_12), come(session, "o-2")
    agree(session, child, guardian=guardian)
    HOLDING.erase(session, resident=guardian, now=NOW + DAY)

    [row] = rows(session)
    assert (row.guardian_id, row.standing, row.withdrawn_on) == (None, None, date(2026, 11, 24))
    assert not has_guardian_consent(session, resident=child, purpose=KEEP)


# --- two residents that turn out to be one ------------------------------------------------------------------------


def join(session: Session, survivor: Resident, emptied: Resident) -> None:
    HOLDING.move(session, emptied=emptied, survivor=survivor, now=NOW + 90 * DAY)


def test_after_a_joining_the_newest_of_two_stands(session):
    first, second = come(session, "o-1"), come(session, "o-2")
    agree(session, first, "1", day=1)
    agree(session, second, "2", day=2)
    join(session, first, second)

    assert [row.text_version for row in rows(session) if row.standing] == ["2"]
    assert {row.resident_id for row in rows(session)} == {first.id}


def test_what_was_taken_back_on_one_side_does_not_stand_because_of_the_other(session):
    first, second = come(session, "o-1"), come(session, "o-2")
    agree(session, second, day=1)
    withdraw(session, second, day=5)
    agree(session, first, day=2)
    join(session, first, second)

    assert not has_consent(session, resident=first, purpose=KEEP)


def test_who_agreed_for_the_other_half_of_themselves_agreed_for_nobody(session):
    first, second = come(session, "o-1"), come(session, "o-2", AgeBand.UNDER_12)
    agree(session, second, guardian=first)
    join(session, first, second)

    assert rows(session) == []


def test_a_guardian_stays_the_guardian(session):
    first, second, child = come(session, "o-1"), come(session, "o-2"), come(session, "o-3", AgeBand.UNDER_12)
    agree(session, child, guardian=second)
    join(session, first, second)

    assert has_guardian_consent(session, resident=child, purpose=KEEP)
    assert [given.for_child for given in list_consents(session, resident=first)] == [True]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(acts=st.lists(st.tuples(st.sampled_from([0, 1]), st.booleans()), max_size=8))
def test_whatever_two_did_at_most_one_consent_stands_and_no_row_is_lost(
    session: Session, acts: list[tuple[int, bool]]
) -> None:
    session.execute(sa.delete(ResidentConsent))
    session.expire_all()
    pair = (come(session, "o-1"), come(session, "o-2"))
    for day, (who, gives) in enumerate(acts):
        if gives:
            agree(session, pair[who], str(day), day=day)
        else:
            for row in rows(session):
                if row.resident_id == pair[who].id and row.standing:
                    withdraw_consent(session, resident=pair[who], public_id=row.public_id, now=NOW + day * DAY)
    before = len(rows(session))
    join(session, *pair)

    after = rows(session)
    assert len(after) == before
    assert len([row for row in after if row.standing]) <= 1
    assert {row.resident_id for row in after} <= {pair[0].id}
