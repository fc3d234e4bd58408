"""A link lets one person in once; switching off takes everything away at once."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from server.accounts.factor_models import Invitation
from server.accounts.invitations import (
    LASTS,
    InvitationOver,
    OwnAccount,
    end_sessions,
    find_invited,
    invite,
    reinvite,
    switch_off,
    switch_on,
    take,
)
from server.accounts.passwords import GuessablePassword, WeakPassword
from server.accounts.policy import Role
from server.accounts.posts import NotYoursToGive, Wanted
from server.accounts.staff import LoginFailed, LoginNameTaken, Staff, check_password, open_session
from server.accounts.staff_models import SessionKind, StaffMember
from server.db import Database
from server.errors import NotFound
from tests import canaries
from tests.accounts.colleagues import acts, hire, open_sessions, root_of
from tests.conftest import NOW, run_together

PASSWORD = canaries.PASSWORD
LATER = NOW + timedelta(hours=1)


@pytest.fixture
def admin(session: Session) -> Staff:
    return hire(session, "admin", Role.SECURITY_ADMINISTRATOR)


def invited(session: Session, by: Staff, *, role: Role = Role.CLERK) -> tuple[StaffMember, str]:
    wanted = Wanted(role, root_of(session))
    return invite(session, login_name="li.new", display_name="李新", wanted=wanted, by=by, now=NOW)


def test_who_takes_the_link_chooses_a_password_and_signs_in(session: Session, admin: Staff) -> None:
    member, token = invited(session, admin)
    with pytest.raises(LoginFailed):
        check_password(session, login_name="li.new", password="")
    take(session, token=token, password=PASSWORD, now=LATER)

    assert check_password(session, login_name="li.new", password=PASSWORD) is member
    assert member.password_changed_at == LATER
    assert acts(session) == [
        ("staff.created", admin.public_id), ("staff.invited", admin.public_id), ("invitation.taken", member.public_id),
    ]  # fmt: skip


def test_only_a_hash_of_the_link_is_kept(session: Session, admin: Staff) -> None:
    _, token = invited(session, admin)

    assert session.scalars(sa.select(Invitation.token_hash)).one() != token


@pytest.mark.parametrize("why", ["unknown", "taken", "old", "replaced", "switched off", "empty"])
def test_a_link_that_is_over_is_over_for_one_and_the_same_reason(session: Session, admin: Staff, why: str) -> None:
    member, token = invited(session, admin)
    now = LATER
    if why == "taken":
        take(session, token=token, password=PASSWORD, now=LATER)
    if why == "old":
        now = NOW + LASTS + timedelta(seconds=1)
    if why == "replaced":
        reinvite(session, staff_public_id=member.public_id, by=admin, now=LATER)
    if why == "switched off":
        switch_off(session, staff_public_id=member.public_id, by=admin, now=LATER)
        switch_on(session, staff_public_id=member.public_id, by=admin, now=LATER)
    token = {"unknown": "x" * 43, "empty": ""}.get(why, token)

    for work in (
        lambda: find_invited(session, token=token, now=now),
        lambda: take(session, token=token, password="another password of 2 words", now=now),
    ):
        with pytest.raises(InvitationOver) as refusal:
            work()
        assert refusal.value.facts == {}


def test_a_link_lasts_three_days(session: Session, admin: Staff) -> None:
    member, token = invited(session, admin)

    assert find_invited(session, token=token, now=NOW + timedelta(hours=72)) is member


def test_of_four_who_take_one_link_at_once_one_does(database: Database) -> None:
    token = database.write(lambda session: invited(session, hire(session, "admin", Role.SECURITY_ADMINISTRATOR)))[1]
    words = [f"password of person number {number}" for number in range(4)]

    def work(number: int) -> bool:
        try:
            database.write(lambda session: take(session, token=token, password=words[number], now=LATER))
        except InvitationOver:
            return False
        return True

    winners = run_together(4, work)
    assert sum(winners) == 1
    password = words[winners.index(True)]
    assert database.write(lambda session: check_password(session, login_name="li.new", password=password))


@pytest.mark.parametrize(
    ("password", "refusal"),
    [("short", WeakPassword), ("li.newli.newli.new", GuessablePassword), ("榕江区榕江区榕江区榕江区", GuessablePassword),
     ("李新李新李新李新李新李新", GuessablePassword)],
)  # fmt: skip
def test_a_password_that_others_guess_is_refused_and_the_link_stays(
    session: Session, admin: Staff, password: str, refusal: type[Exception]
) -> None:
    _, token = invited(session, admin)
    with pytest.raises(refusal), session.begin_nested():
        take(session, token=token, password=password, now=LATER)

    take(session, token=token, password=PASSWORD, now=LATER)


def test_who_forgot_their_password_is_invited_anew_and_their_sessions_end(session: Session, admin: Staff) -> None:
    officer = hire(session, "officer", Role.DUTY_OFFICER)
    member, token = reinvite(session, staff_public_id=officer.public_id, by=admin, now=NOW)
    open_session(session, member=officer, kind=SessionKind.SCREEN, now=NOW, proven_at=NOW)
    take(session, token=token, password="entirely other words", now=LATER)

    assert open_sessions(session, member) == 0
    assert check_password(session, login_name="officer", password="entirely other words") is member


def test_nobody_invites_into_a_post_that_is_not_theirs_to_give(session: Session) -> None:
    manager = hire(session, "manager", Role.DISTRICT_MANAGER)
    with pytest.raises(NotYoursToGive):
        invited(session, manager, role=Role.AUDITOR)


def test_a_login_name_is_invited_once(session: Session, admin: Staff) -> None:
    invited(session, admin)
    with pytest.raises(LoginNameTaken):
        invited(session, admin)


def test_who_is_switched_off_is_out_at_once_and_comes_back_as_they_were(session: Session, admin: Staff) -> None:
    officer = hire(session, "officer", Role.DUTY_OFFICER)
    for kind in SessionKind:
        open_session(session, member=officer, kind=kind, now=NOW, proven_at=NOW)
    for _ in range(2):
        switch_off(session, staff_public_id=officer.public_id, by=admin, now=LATER)
    with pytest.raises(LoginFailed):
        check_password(session, login_name="officer", password=PASSWORD)
    with pytest.raises(NotFound):
        reinvite(session, staff_public_id=officer.public_id, by=admin, now=LATER)
    assert open_sessions(session, officer) == 0
    switch_on(session, staff_public_id=officer.public_id, by=admin, now=LATER)

    assert check_password(session, login_name="officer", password=PASSWORD)
    assert acts(session) == [("staff.switched_off", admin.public_id), ("staff.switched_on", admin.public_id)]


def test_the_sessions_of_a_colleague_are_ended_and_nobody_elses(session: Session, admin: Staff) -> None:
    officer, other = hire(session, "officer", Role.DUTY_OFFICER), hire(session, "other", Role.DUTY_OFFICER)
    for one in (officer, other):
        open_session(session, member=one, kind=SessionKind.BELL, now=NOW, proven_at=NOW)
    end_sessions(session, staff_public_id=officer.public_id, by=admin, now=LATER)

    assert (open_sessions(session, officer), open_sessions(session, other)) == (0, 1)
    assert acts(session) == [("staff.sessions_ended", admin.public_id)]


@pytest.mark.parametrize("act", [reinvite, switch_off, switch_on, end_sessions])
def test_nobody_does_this_to_themselves_or_to_nobody(session: Session, admin: Staff, act) -> None:
    with pytest.raises(OwnAccount):
        act(session, staff_public_id=admin.public_id, by=admin, now=NOW)
    with pytest.raises(NotFound):
        act(session, staff_public_id="A" * 22, by=admin, now=NOW)
