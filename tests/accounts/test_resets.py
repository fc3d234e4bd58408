"""A lost second factor goes by the word of two persons, and never of the one whose it is."""

import itertools
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from server.accounts.factor_models import FactorReset, ResetState
from server.accounts.policy import Role
from server.accounts.resets import (
    LASTS,
    AnotherPersonNeeded,
    AskedAlready,
    ReasonNeeded,
    ResetOver,
    approve,
    ask,
    list_open,
    refuse,
)
from server.accounts.second_factor import state_of
from server.accounts.staff import Staff, open_session
from server.accounts.staff_models import SessionKind
from server.db import Database
from server.errors import NotFound
from tests import canaries
from tests.accounts.colleagues import acts, hire, open_sessions
from tests.conftest import NOW, run_together

LATER = NOW + timedelta(hours=1)
REASON = f"手机丢了，{canaries.WORDS}"


@pytest.fixture
def people(session: Session) -> dict[str, Staff]:
    return hire_all(session)


def hire_all(session: Session) -> dict[str, Staff]:
    return {
        "subject": hire(session, "subject", Role.DUTY_OFFICER),
        "asker": hire(session, "asker", Role.SECURITY_ADMINISTRATOR),
        "approver": hire(session, "approver", Role.RESPONSIBLE_PERSON),
    }


def asked(session: Session, people: dict[str, Staff]) -> str:
    return ask(session, login_name="subject", reason=REASON, by=people["asker"], now=NOW).public_id


def has_factor(session: Session, staff: Staff) -> bool:
    return state_of(session, who=staff).confirmed_at is not None


def test_one_asks_another_approves_and_the_factor_is_gone_with_every_session(
    session: Session, people: dict[str, Staff]
) -> None:
    subject, asker, approver = people.values()
    for kind in SessionKind:
        open_session(session, member=subject, kind=kind, now=NOW, proven_at=NOW)
    reset = asked(session, people)
    assert has_factor(session, subject)
    approve(session, reset_public_id=reset, by=approver, now=LATER)

    assert not has_factor(session, subject)
    assert open_sessions(session, subject) == 0
    assert has_factor(session, asker)
    assert acts(session) == [
        ("factor_reset.asked", asker.public_id), ("factor_reset.approved", approver.public_id),
    ]  # fmt: skip


@pytest.mark.parametrize(("asks", "decides"), list(itertools.product(["subject", "asker", "approver"], repeat=2)))
def test_only_two_persons_apart_from_its_owner_take_a_factor_away(
    session: Session, people: dict[str, Staff], asks: str, decides: str
) -> None:
    """In every combination of who asks and who decides."""
    is_gone = False
    try:
        with session.begin_nested():
            reset = ask(session, login_name="subject", reason=REASON, by=people[asks], now=NOW).public_id
            approve(session, reset_public_id=reset, by=people[decides], now=LATER)
            is_gone = True
    except AnotherPersonNeeded:
        pass

    assert is_gone == (asks != decides and "subject" not in {asks, decides})
    assert has_factor(session, people["subject"]) is not is_gone


def test_the_one_whose_it_is_neither_sees_nor_refuses_it(session: Session, people: dict[str, Staff]) -> None:
    reset = asked(session, people)

    assert list_open(session, by=people["subject"], now=LATER) == []
    with pytest.raises(AnotherPersonNeeded):
        refuse(session, reset_public_id=reset, by=people["subject"], now=LATER)


def test_what_was_refused_stays_and_may_be_asked_again(session: Session, people: dict[str, Staff]) -> None:
    reset = asked(session, people)
    refuse(session, reset_public_id=reset, by=people["approver"], now=LATER)

    with pytest.raises(ResetOver):
        approve(session, reset_public_id=reset, by=people["approver"], now=LATER)
    assert has_factor(session, people["subject"])
    assert asked(session, people) != reset


def test_after_a_day_nobody_approves_and_it_may_be_asked_again(session: Session, people: dict[str, Staff]) -> None:
    reset = asked(session, people)
    over = NOW + LASTS
    with pytest.raises(ResetOver):
        approve(session, reset_public_id=reset, by=people["approver"], now=over)
    assert list_open(session, by=people["approver"], now=over) == []
    ask(session, login_name="subject", reason=REASON, by=people["asker"], now=over)

    states = session.scalars(sa.select(FactorReset.state).order_by(FactorReset.id)).all()
    assert states == [ResetState.EXPIRED, ResetState.OPEN]


def test_the_same_is_not_asked_twice_at_a_time(session: Session, people: dict[str, Staff]) -> None:
    asked(session, people)
    with pytest.raises(AskedAlready):
        asked(session, people)


def test_of_four_who_decide_at_once_one_does(database: Database) -> None:
    def prepare(session: Session) -> tuple[str, list[Staff]]:
        people = hire_all(session)
        others = [hire(session, f"other{number}", Role.DISTRICT_MANAGER) for number in range(4)]
        return asked(session, people), others

    reset, others = database.write(prepare)
    ways = [approve, refuse, approve, refuse]

    def work(number: int) -> bool:
        try:
            database.write(lambda session: ways[number](session, reset_public_id=reset, by=others[number], now=LATER))
        except ResetOver:
            return False
        return True

    assert sum(run_together(4, work)) == 1


def test_the_list_says_whose_why_and_until_when_and_who_may_decide(session: Session, people: dict[str, Staff]) -> None:
    asked(session, people)
    [seen] = list_open(session, by=people["approver"], now=LATER)
    [own] = list_open(session, by=people["asker"], now=LATER)

    assert (seen.login_name, seen.reason, seen.ends_at) == ("subject", REASON, NOW + timedelta(days=1))
    assert (seen.is_mine_to_decide, own.is_mine_to_decide) == (True, False)


def test_the_reason_lies_sealed(session: Session, people: dict[str, Staff]) -> None:
    asked(session, people)

    assert REASON.encode() not in session.scalars(sa.select(FactorReset.reason_sealed)).one()


def test_a_reason_is_needed_and_somebody_with_a_factor(session: Session, people: dict[str, Staff]) -> None:
    hire(session, "clerk", Role.CLERK, has_factor=False)
    with pytest.raises(ReasonNeeded):
        ask(session, login_name="subject", reason="  ", by=people["asker"], now=NOW)
    for nobody in ("nobody", "clerk", "老师"):
        with pytest.raises(NotFound):
            ask(session, login_name=nobody, reason=REASON, by=people["asker"], now=NOW)
    with pytest.raises(NotFound):
        approve(session, reset_public_id="A" * 22, by=people["approver"], now=NOW)
