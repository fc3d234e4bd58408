"""Accounts, passwords, posts and permissions of staff."""

import sys
from collections.abc import Callable
from datetime import date, datetime, timedelta
from types import FrameType
from typing import Any

import pytest
import sqlalchemy as sa
from argon2 import extract_parameters
from argon2.low_level import verify_secret
from sqlalchemy.orm import Session

from server.accounts.passwords import WeakPassword
from server.accounts.policy import Role
from server.accounts.posts import Wanted, give_post
from server.accounts.staff import (
    BadLoginName,
    LoginFailed,
    LoginNameTaken,
    Staff,
    check_password,
    create_staff,
    find_by_session,
    names_of,
    open_session,
)
from server.accounts.staff_models import SessionKind, StaffMember, StaffPost
from server.db import Database
from server.ids import new_public_id
from server.organisations.models import Level, Organisation
from server.organisations.service import add_organisation
from tests import canaries
from tests.conftest import NOW, run_together

PASSWORD = canaries.PASSWORD
SCREEN = SessionKind.SCREEN


def create(session: Session, login_name: str = "chen.duty", password: str = PASSWORD) -> StaffMember:
    return create_staff(session, login_name=login_name, display_name=canaries.NAME, password=password, now=NOW)


@pytest.fixture
def member(session: Session) -> StaffMember:
    return create(session)


@pytest.fixture
def district(session: Session) -> Organisation:
    return add_organisation(session, code="district", name="区", level=Level.DISTRICT, parent=None)


@pytest.fixture
def street(session: Session, district: Organisation) -> Organisation:
    return add_organisation(session, code="street", name="街", level=Level.STREET, parent=district)


# --- accounts -----------------------------------------------------------------------------------------------------


def test_a_new_member_can_sign_in_and_holds_no_post(session: Session, member: StaffMember) -> None:
    assert check_password(session, login_name="chen.duty", password=PASSWORD) is member
    token = open_session(session, member=member, kind=SCREEN, now=NOW)

    staff = find_by_session(session, token=token, kind=SCREEN, now=NOW)
    assert staff == Staff(member.id, member.public_id, canaries.NAME, ())
    assert staff.actor == ("staff", member.public_id)


@pytest.mark.parametrize("typed", ["chen.duty", "  chen.duty ", "CHEN.Duty"])
def test_a_login_name_is_understood_as_people_type_it(session: Session, member: StaffMember, typed: str) -> None:
    assert check_password(session, login_name=typed, password=PASSWORD) is member


@pytest.mark.parametrize("name", ["ab", "a.b-c_9", "90", "x" * 64])
def test_a_login_name_that_fits_its_column_is_taken(session: Session, name: str) -> None:
    assert create(session, name).login_name == name


@pytest.mark.parametrize(
    "name", ["", "a", "Chen", "陈老师", "chen duty", ".chen", "-chen", "x" * 65, "chen\n", "ｃｈｅｎ"]
)
def test_a_login_name_that_cannot_be_typed_everywhere_is_refused(session: Session, name: str) -> None:
    with pytest.raises(BadLoginName):
        create(session, name)


def test_a_login_name_is_given_once(session: Session, member: StaffMember) -> None:
    with pytest.raises(LoginNameTaken):
        create(session, "chen.duty")

    assert session.scalar(sa.select(sa.func.count()).select_from(StaffMember)) == 1


def test_of_four_who_want_one_login_name_at_once_one_gets_it(database: Database) -> None:
    def work(_: int) -> bool:
        try:
            database.write(create)
        except LoginNameTaken:
            return False
        return True

    assert sorted(run_together(4, work)) == [False, False, False, True]


def test_a_short_password_is_refused_with_the_length_that_is_needed(session: Session) -> None:
    with pytest.raises(WeakPassword) as refusal:
        create(session, password="x" * 11)

    assert refusal.value.facts == {"shortest": 12}
    create(session, password="金木水火土日月山石田禾竹")


def test_a_password_is_kept_as_owasp_asks(session: Session, member: StaffMember) -> None:
    kept = extract_parameters(member.password_hash)

    assert member.password_hash.startswith("$argon2id$")
    assert (kept.time_cost, kept.memory_cost, kept.parallelism) == (2, 19 * 1024, 1)
    assert PASSWORD not in member.password_hash
    assert create(session, "another").password_hash != member.password_hash, "salted"


# --- passwords ----------------------------------------------------------------------------------------------------


def verifications(work: Callable[[], object]) -> int:
    """How often argon2 itself was run meanwhile; a hash that it cannot read would cost no time."""
    wanted, asked = verify_secret.__code__, []

    def profile(frame: FrameType, event: str, _argument: Any) -> None:
        if event == "call" and frame.f_code is wanted:
            asked.append(1)

    sys.setprofile(profile)
    try:
        work()
    finally:
        sys.setprofile(None)
    return len(asked)


def attempt(session: Session, login_name: str, password: str) -> LoginFailed:
    with pytest.raises(LoginFailed) as refusal:
        check_password(session, login_name=login_name, password=password)
    return refusal.value


WRONG = [
    ("chen.duty", "wrong password"), ("nobody", PASSWORD), ("", ""), ("chen.duty", ""), ("switched.off", PASSWORD),
    ("invited", PASSWORD), ("invited", ""),
]  # fmt: skip


@pytest.mark.parametrize(("login_name", "password"), WRONG)
def test_every_failure_looks_the_same(session: Session, member: StaffMember, login_name: str, password: str) -> None:
    create(session, "switched.off").is_active = False
    create_staff(session, login_name="invited", display_name="invited", password=None, now=NOW)

    refusal = attempt(session, login_name, password)

    assert (type(refusal), refusal.code, refusal.facts) == (LoginFailed, "accounts.login_failed", {})
    assert refusal.__cause__ is None


@pytest.mark.parametrize(("login_name", "password"), WRONG)
def test_every_failure_takes_one_argon2(session: Session, member: StaffMember, login_name: str, password: str) -> None:
    """Or the time until the answer would tell which accounts there are."""
    create(session, "switched.off").is_active = False
    create_staff(session, login_name="invited", display_name="invited", password=None, now=NOW)
    session.flush()

    assert verifications(lambda: attempt(session, login_name, password)) == 1


def test_a_success_takes_one_argon2_too(session: Session, member: StaffMember) -> None:
    assert verifications(lambda: check_password(session, login_name="chen.duty", password=PASSWORD)) == 1


@pytest.mark.parametrize("name", ["陈老师", "chen\x00duty", "x" * 5000, "chen' OR '1'='1", "%"])
def test_any_login_name_may_be_tried(session: Session, member: StaffMember, name: str) -> None:
    attempt(session, name, PASSWORD)


def test_the_password_of_the_account_that_does_not_exist_opens_nothing(session: Session) -> None:
    attempt(session, "nobody", "nobody has this password")


def test_a_member_whose_hash_is_damaged_cannot_sign_in_but_nothing_breaks(
    session: Session, member: StaffMember
) -> None:
    member.password_hash = "not a hash"

    attempt(session, "chen.duty", PASSWORD)


# --- posts --------------------------------------------------------------------------------------------------------


def post(
    session: Session, member: StaffMember, node: Organisation, role: Role, starts: date, ends: date | None
) -> None:
    row = StaffPost(public_id=new_public_id(), staff_id=member.id, organisation_id=node.id, role=role)
    row.starts_on, row.ends_on = starts, ends
    session.add(row)
    session.flush()


def posts_at(session: Session, member: StaffMember, now: datetime) -> tuple[tuple[Role, str], ...]:
    token = open_session(session, member=member, kind=SCREEN, now=now, proven_at=now)
    staff = find_by_session(session, token=token, kind=SCREEN, now=now)
    assert staff is not None
    return tuple((post.role, post.path) for post in staff.posts)


def test_a_post_holds_from_the_day_on_which_it_was_given(
    session: Session, member: StaffMember, street: Organisation
) -> None:
    give_post(session, member=member, wanted=Wanted(Role.DUTY_OFFICER, street), by=None, now=NOW)

    assert posts_at(session, member, NOW) == ((Role.DUTY_OFFICER, street.path),)


@pytest.mark.parametrize(
    ("starts", "ends", "holds"),
    [
        (date(2026, 11, 23), None, True),
        (date(2026, 11, 24), None, False),
        (date(2026, 11, 1), date(2026, 11, 24), True),
        (date(2026, 11, 1), date(2026, 11, 23), False),
        (date(2026, 11, 23), date(2026, 11, 23), False),
    ],
)
def test_a_post_holds_from_its_first_day_until_before_its_last(
    session: Session, member: StaffMember, street: Organisation, starts: date, ends: date | None, holds: bool
) -> None:
    post(session, member, street, Role.SUPERVISOR, starts, ends)

    assert bool(posts_at(session, member, NOW)) is holds


def test_a_post_begins_at_midnight_in_shanghai(session: Session, member: StaffMember, street: Organisation) -> None:
    post(session, member, street, Role.SUPERVISOR, date(2026, 11, 24), None)
    midnight = NOW.replace(hour=16)

    assert posts_at(session, member, midnight - timedelta(minutes=1)) == ()
    assert posts_at(session, member, midnight) != ()


def test_the_posts_of_others_are_not_mine(session: Session, member: StaffMember, street: Organisation) -> None:
    give_post(session, member=create(session, "another"), wanted=Wanted(Role.DUTY_OFFICER, street), by=None, now=NOW)

    assert posts_at(session, member, NOW) == ()


# --- names --------------------------------------------------------------------------------------------------------


def test_names_are_looked_up_together(session: Session, member: StaffMember) -> None:
    other = create(session, "another")

    assert names_of(session, {member.id, other.id, 4711}) == {member.id: canaries.NAME, other.id: canaries.NAME}
    assert names_of(session, set()) == {}
