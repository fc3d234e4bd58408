"""Password, code, screen and bell: each step under another token, and a change of password ends what was before."""

import base64
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from server.accounts.policy import Role
from server.accounts.posts import Wanted, give_post
from server.accounts.second_factor import EnrolmentOver, WrongCode
from server.accounts.sessions import (
    SessionOver,
    Tokens,
    WrongOldPassword,
    begin_enrolment,
    change_password,
    end_others,
    end_own,
    enrol,
    list_own,
    prove,
    sign_in,
)
from server.accounts.staff import LoginFailed, SignedIn, Staff, check_password, find_by_session, find_signed_in
from server.accounts.staff_models import SessionKind, StaffSession
from server.db import Database
from server.errors import NotFound
from tests import authenticator, canaries
from tests.accounts.colleagues import acts, hire, member_of, open_sessions, root_of
from tests.conftest import NOW, run_together

SCREEN, BELL = SessionKind.SCREEN, SessionKind.BELL
MINUTE = timedelta(minutes=1)
NOTHING = Tokens("", None)
NEW = "entirely other words"


@pytest.fixture
def officer(session: Session) -> Staff:
    return hire(session, "officer", Role.DUTY_OFFICER)


def enter(session: Session, login_name: str = "officer", *, before: Tokens = NOTHING, now=NOW) -> Tokens:
    return sign_in(session, login_name=login_name, password=canaries.PASSWORD, before=before, now=now)


def found(session: Session, token: str, kind: SessionKind = SCREEN, now=NOW) -> SignedIn:
    signed_in = find_signed_in(session, token=token, kind=kind, now=now)
    assert signed_in is not None
    return signed_in


def go_in(session: Session, *, before: Tokens = NOTHING, now=NOW) -> Tokens:
    half = enter(session, before=before, now=now)
    code = authenticator.code(now=now)
    return prove(
        session, by=found(session, half.screen, now=now), code=code, before=Tokens(half.screen, before.bell), now=now
    )


def is_open(session: Session, token: str | None, kind: SessionKind = SCREEN, now=NOW) -> bool:
    return find_by_session(session, token=token or "", kind=kind, now=now) is not None


def test_the_password_alone_opens_nothing_where_a_code_is_needed(session: Session, officer: Staff) -> None:
    half = enter(session)

    assert half.bell is None
    assert found(session, half.screen).is_half_open
    assert not is_open(session, half.screen)


def test_who_needs_no_code_and_has_none_is_in_at_once(session: Session) -> None:
    hire(session, "clerk", Role.CLERK, has_factor=False)
    tokens = enter(session, "clerk")

    assert is_open(session, tokens.screen)
    assert is_open(session, tokens.bell, BELL)


def test_who_has_an_authenticator_is_asked_for_it_though_no_post_needs_it(session: Session) -> None:
    hire(session, "clerk", Role.CLERK)

    assert found(session, enter(session, "clerk").screen).is_half_open


def test_each_step_changes_the_token_and_ends_the_one_before(session: Session, officer: Staff) -> None:
    half = enter(session)
    by = found(session, half.screen)
    whole = prove(session, by=by, code=authenticator.code(now=NOW), before=half, now=NOW)

    assert whole.screen != half.screen
    assert find_signed_in(session, token=half.screen, kind=SCREEN, now=NOW) is None
    assert is_open(session, whole.screen)
    assert is_open(session, whole.bell, BELL)


def test_a_new_log_in_ends_the_session_that_the_browser_had(session: Session, officer: Staff) -> None:
    first = go_in(session)
    enter(session, before=first)

    assert not is_open(session, first.screen)
    assert is_open(session, first.bell, BELL), "the bell goes on until the code is there"


def test_a_wrong_code_leaves_the_half_open_session_as_it_was(session: Session, officer: Staff) -> None:
    half = enter(session)
    with pytest.raises(WrongCode):
        prove(session, by=found(session, half.screen), code="000000", before=half, now=NOW)

    assert found(session, half.screen).is_half_open


def test_a_half_open_session_ends_after_ten_minutes(session: Session, officer: Staff) -> None:
    half = enter(session)

    assert found(session, half.screen, now=NOW + 10 * MINUTE).is_half_open
    assert find_signed_in(session, token=half.screen, kind=SCREEN, now=NOW + 10 * MINUTE + timedelta(seconds=1)) is None


def test_a_code_makes_no_shift_longer(session: Session, officer: Staff) -> None:
    half = enter(session)
    later = NOW + 5 * MINUTE
    code = authenticator.code(now=later)
    whole = prove(session, by=found(session, half.screen, now=later), code=code, before=half, now=later)

    row = session.scalars(
        sa.select(StaffSession).where(StaffSession.second_factor_at.is_not(None)).where(StaffSession.kind == SCREEN)
    ).one()
    assert (row.created_at, row.second_factor_at) == (NOW, later)
    assert found(session, whole.screen, now=later).is_proven(later + 15 * MINUTE)
    assert not found(session, whole.screen, now=later).is_proven(later + 16 * MINUTE)


def test_of_two_codes_for_one_half_open_session_one_opens_it(database: Database) -> None:
    def prepare(session: Session) -> tuple[Tokens, SignedIn]:
        hire(session, "officer", Role.DUTY_OFFICER)
        half = enter(session)
        return half, found(session, half.screen)

    half, by = database.write(prepare)

    def work(number: int) -> bool:
        code = authenticator.code(now=NOW, steps=number)
        try:
            database.write(lambda session: prove(session, by=by, code=code, before=half, now=NOW))
        except (SessionOver, WrongCode):
            return False
        return True

    assert sum(run_together(2, work)) == 1


def test_a_post_that_needs_a_code_asks_for_it_from_the_next_request_on(session: Session) -> None:
    clerk = hire(session, "clerk", Role.CLERK, has_factor=False)
    tokens = enter(session, "clerk")
    give_post(
        session, member=member_of(session, clerk), wanted=Wanted(Role.DUTY_OFFICER, root_of(session)), by=None, now=NOW
    )

    assert found(session, tokens.screen).is_half_open
    assert not is_open(session, tokens.bell, BELL)


# --- enrolling ----------------------------------------------------------------------------------------------------


def test_the_first_authenticator_is_set_up_after_the_password(session: Session) -> None:
    officer = hire(session, "officer", Role.DUTY_OFFICER, has_factor=False)
    half = enter(session)
    by = found(session, half.screen)
    secret = base64.b32decode(begin_enrolment(session, by=by))
    tokens, codes = enrol(session, by=by, code=authenticator.code(secret=secret, now=NOW), before=half, now=NOW)

    assert is_open(session, tokens.screen)
    assert is_open(session, tokens.bell, BELL)
    assert len(codes) == 10
    assert acts(session)[-2:] == [("second_factor.enrolled", officer.public_id), ("staff.signed_in", officer.public_id)]


def test_the_password_alone_sets_up_no_second_authenticator(session: Session, officer: Staff) -> None:
    half = enter(session)
    with pytest.raises(EnrolmentOver):
        begin_enrolment(session, by=found(session, half.screen))


def test_another_authenticator_ends_what_was_open_elsewhere(session: Session, officer: Staff) -> None:
    elsewhere = go_in(session)
    later = NOW + MINUTE
    here = go_in(session, now=later)
    by = found(session, here.screen, now=later)
    secret = base64.b32decode(begin_enrolment(session, by=by))
    tokens, _ = enrol(session, by=by, code=authenticator.code(secret=secret, now=later), before=here, now=later)

    assert not is_open(session, elsewhere.screen, now=later)
    assert not is_open(session, elsewhere.bell, BELL, now=later)
    assert is_open(session, tokens.screen, now=later)
    assert is_open(session, tokens.bell, BELL, now=later)


# --- password -----------------------------------------------------------------------------------------------------


def test_another_password_ends_every_other_session_and_bell_at_once(session: Session, officer: Staff) -> None:
    elsewhere = go_in(session)
    later = NOW + MINUTE
    here = go_in(session, now=later)
    by = found(session, here.screen, now=later)
    tokens = change_password(session, by=by, old=canaries.PASSWORD, new=NEW, before=here, now=later)

    assert open_sessions(session, officer) == 2
    assert is_open(session, tokens.screen, now=later)
    assert is_open(session, tokens.bell, BELL, now=later)
    for token, kind in ((elsewhere.screen, SCREEN), (elsewhere.bell, BELL), (here.screen, SCREEN), (here.bell, BELL)):
        assert not is_open(session, token, kind, now=later)
    with pytest.raises(LoginFailed):
        check_password(session, login_name="officer", password=canaries.PASSWORD)
    assert check_password(session, login_name="officer", password=NEW)


def test_the_old_password_is_asked_for(session: Session, officer: Staff) -> None:
    here = go_in(session)
    with pytest.raises(WrongOldPassword):
        change_password(session, by=found(session, here.screen), old="wrong", new=NEW, before=here, now=NOW)

    assert is_open(session, here.screen)


def test_no_session_of_the_old_password_outlives_a_change_in_the_same_instant(database: Database) -> None:
    def prepare(session: Session) -> tuple[Staff, Tokens, SignedIn]:
        officer = hire(session, "officer", Role.DUTY_OFFICER)
        here = go_in(session)
        return officer, here, found(session, here.screen)

    officer, here, by = database.write(prepare)

    def work(number: int) -> object:
        if number:
            try:
                return database.write(enter)
            except LoginFailed:
                return None
        return database.write(
            lambda session: change_password(session, by=by, old=canaries.PASSWORD, new=NEW, before=here, now=NOW)
        )

    run_together(4, work)
    assert database.read(lambda session: open_sessions(session, officer)) == 2


# --- the list -----------------------------------------------------------------------------------------------------


def test_the_list_shows_ones_own_open_sessions_and_marks_this_one(session: Session, officer: Staff) -> None:
    hire(session, "other", Role.DUTY_OFFICER)
    enter(session, "other")
    elsewhere = go_in(session)
    here = go_in(session, now=NOW + MINUTE)
    rows = list_own(session, by=officer, here=here, now=NOW + MINUTE)

    assert [(row.is_this_one, row.began_at) for row in rows] == [(True, NOW + MINUTE)] * 2 + [(False, NOW)] * 2
    assert {row.kind for row in rows if row.is_this_one} == {SCREEN, BELL}
    idle = list_own(session, by=officer, here=here, now=NOW + 16 * MINUTE)
    assert [row.kind for row in idle].count(SCREEN) == 1, "an idle screen is over, its bell is not"
    end_others(session, by=officer, here=here, now=NOW + MINUTE)
    assert not is_open(session, elsewhere.screen)
    assert len(list_own(session, by=officer, here=here, now=NOW + MINUTE)) == 2


def test_one_ends_ones_own_sessions_and_nobody_elses(session: Session, officer: Staff) -> None:
    other = hire(session, "other", Role.DUTY_OFFICER)
    tokens = go_in(session)
    row = found(session, tokens.screen).session_public_id
    with pytest.raises(NotFound):
        end_own(session, by=other, session_public_id=row, now=NOW)
    assert is_open(session, tokens.screen)
    end_own(session, by=officer, session_public_id=row, now=NOW)

    assert not is_open(session, tokens.screen)
