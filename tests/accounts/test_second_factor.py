"""Codes of RFC 6238, each of which opens once; enrolment that counts from its first code; codes on paper."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from server.accounts import second_factor
from server.accounts.factor_models import RecoveryCode, SecondFactor
from server.accounts.second_factor import (
    EnrolmentOver,
    WrongCode,
    begin_enrolment,
    check_code,
    code_at,
    confirm_enrolment,
    get_shown_secret,
    matching_step,
    replace_recovery_codes,
    set_factor,
    state_of,
    step_of,
)
from server.accounts.staff import create_staff
from server.accounts.staff_models import StaffMember
from server.accounts.throttle import MAX_WAIT, TooManyTries, count_failure
from server.audit.models import AuditEvent
from server.db import Database, run_before_commit
from tests import authenticator, canaries
from tests.authenticator import SECRET
from tests.conftest import NOW, run_together

HERE, ELSEWHERE = "h" * 22, "e" * 22
STEP = timedelta(seconds=30)
RFC_SECRET = b"12345678901234567890"


@pytest.fixture
def member(session: Session) -> StaffMember:
    return create_member(session)


def create_member(session: Session, login_name: str = "chen.duty") -> StaffMember:
    return create_staff(session, login_name=login_name, display_name=canaries.NAME, password=canaries.PASSWORD, now=NOW)


@pytest.fixture
def holder(session: Session, member: StaffMember) -> StaffMember:
    set_factor(session, who=member, secret=SECRET, now=NOW)
    return member


def opens(session: Session, member: StaffMember, code: str, now: datetime = NOW) -> bool:
    try:
        check_code(session, who=member, code=code, now=now)
    except WrongCode:
        return False
    return True


def enrol(session: Session, member: StaffMember, now: datetime = NOW, *, replaces: bool = False) -> list[str]:
    secret = base64.b32decode(begin_enrolment(session, who=member, session_public_id=HERE))
    code = authenticator.code(secret=secret, now=now)
    return confirm_enrolment(session, who=member, session_public_id=HERE, code=code, replaces=replaces, now=now)


def acts(session: Session) -> list[str]:
    run_before_commit(session)
    return list(session.scalars(sa.select(AuditEvent.action).order_by(AuditEvent.seq)))


# --- the codes ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "code"),
    [
        (59, "94287082"), (1111111109, "07081804"), (1111111111, "14050471"), (1234567890, "89005924"),
        (2000000000, "69279037"), (20000000000, "65353130"),
    ],
)  # fmt: skip
def test_the_codes_are_those_of_rfc_6238(seconds: int, code: str) -> None:
    """Appendix B has eight digits; six are their end, for both are a remainder of the same number."""
    now = datetime.fromtimestamp(seconds, UTC)

    assert code_at(RFC_SECRET, step_of(now)) == code[-6:]


@given(seconds=st.integers(0, 2**34), secret=st.binary(min_size=20, max_size=20))
def test_two_implementations_agree(seconds: int, secret: bytes) -> None:
    now = datetime.fromtimestamp(seconds, UTC)

    assert code_at(secret, step_of(now)) == authenticator.code(secret=secret, now=now)


@given(skew=st.integers(-3, 3))
def test_a_phone_may_be_half_a_minute_off_and_no_more(skew: int) -> None:
    code = authenticator.code(now=NOW, steps=skew)

    found = matching_step(SECRET, code, now=NOW, after=-1)
    assert found == (step_of(NOW) + skew if abs(skew) <= 1 else None)


@pytest.mark.parametrize("form", ["{}", " {} ", "{0[0]}{0[1]}{0[2]} {0[3]}{0[4]}{0[5]}", "wide"])
def test_a_code_is_understood_as_people_type_it(session: Session, holder: StaffMember, form: str) -> None:
    code = authenticator.code(now=NOW)
    typed = "".join(chr(ord(digit) + 0xFEE0) for digit in code) if form == "wide" else form.format(code)

    assert opens(session, holder, typed)


@pytest.mark.parametrize("code", ["", "abc", "12345", "1234567", "-", "٣٣٣٣٣٣", "\x00", "9" * 5000])
def test_any_text_may_be_tried(session: Session, holder: StaffMember, code: str) -> None:
    assert not opens(session, holder, code)


def test_who_has_no_authenticator_has_no_code(session: Session, member: StaffMember) -> None:
    assert not opens(session, member, "000000")
    assert not opens(session, member, "2" * 20)


# --- once ---------------------------------------------------------------------------------------------------------


def test_a_code_opens_once_and_so_does_each_before_it(session: Session, holder: StaffMember) -> None:
    assert opens(session, holder, authenticator.code(now=NOW))

    assert not opens(session, holder, authenticator.code(now=NOW))
    assert not opens(session, holder, authenticator.code(now=NOW, steps=-1))
    assert opens(session, holder, authenticator.code(now=NOW, steps=1))
    assert not opens(session, holder, authenticator.code(now=NOW), now=NOW + STEP)


@pytest.mark.parametrize("kind", ["authenticator", "paper"])
def test_of_eight_who_bring_one_code_at_once_one_gets_in(database: Database, kind: str) -> None:
    def prepare(session: Session) -> tuple[StaffMember, list[str]]:
        member = create_member(session)
        set_factor(session, who=member, secret=SECRET, now=NOW)
        return member, replace_recovery_codes(session, who=member, now=NOW)

    member, codes = database.write(prepare)
    code = authenticator.code(now=NOW) if kind == "authenticator" else codes[0]

    def work(_: int) -> bool:
        return database.write(lambda session: opens(session, member, code))

    assert sum(run_together(8, work)) == 1


def test_guesses_at_a_code_are_slowed_down_never_beyond_a_minute_and_forgotten_after_success(
    session: Session, holder: StaffMember
) -> None:
    for _ in range(20):
        count_failure(session, what=second_factor.THROTTLED, key=holder.public_id, now=NOW)
    with pytest.raises(TooManyTries) as refusal:
        check_code(session, who=holder, code=authenticator.code(now=NOW), now=NOW)

    later = NOW + MAX_WAIT
    assert refusal.value.facts == {"seconds": 60}
    assert opens(session, holder, authenticator.code(now=later), now=later)
    count_failure(session, what=second_factor.THROTTLED, key=holder.public_id, now=later)
    assert opens(session, holder, authenticator.code(now=later, steps=1), now=later)


# --- enrolling ----------------------------------------------------------------------------------------------------


def test_an_authenticator_counts_from_its_first_code(session: Session, member: StaffMember) -> None:
    codes = enrol(session, member)

    state = state_of(session, who=member)
    assert (state.confirmed_at, state.codes_left, len(codes)) == (NOW, 10, 10)
    assert acts(session) == ["second_factor.enrolled"]


def test_the_code_that_confirmed_it_does_not_open_once_more(session: Session, member: StaffMember) -> None:
    secret = base64.b32decode(begin_enrolment(session, who=member, session_public_id=HERE))
    code = authenticator.code(secret=secret, now=NOW)
    confirm_enrolment(session, who=member, session_public_id=HERE, code=code, replaces=False, now=NOW)

    assert not opens(session, member, code)


def test_an_enrolment_left_half_way_changes_nothing(session: Session, holder: StaffMember) -> None:
    secret = base64.b32decode(begin_enrolment(session, who=holder, session_public_id=HERE))

    assert not opens(session, holder, authenticator.code(secret=secret, now=NOW))
    assert opens(session, holder, authenticator.code(now=NOW))


def test_a_wrong_first_code_leaves_the_secret_that_was_scanned(session: Session, member: StaffMember) -> None:
    secret = begin_enrolment(session, who=member, session_public_id=HERE)
    with pytest.raises(WrongCode):
        confirm_enrolment(session, who=member, session_public_id=HERE, code="000000", replaces=False, now=NOW)

    assert get_shown_secret(session, who=member, session_public_id=HERE) == secret
    assert state_of(session, who=member).confirmed_at is None


def test_what_one_session_was_shown_no_other_sees_or_confirms(session: Session, member: StaffMember) -> None:
    secret = base64.b32decode(begin_enrolment(session, who=member, session_public_id=HERE))
    code = authenticator.code(secret=secret, now=NOW)

    with pytest.raises(EnrolmentOver):
        get_shown_secret(session, who=member, session_public_id=ELSEWHERE)
    with pytest.raises(EnrolmentOver):
        confirm_enrolment(session, who=member, session_public_id=ELSEWHERE, code=code, replaces=False, now=NOW)


def test_who_has_proven_nothing_replaces_nothing_though_they_began_before_there_was_one(
    session: Session, member: StaffMember
) -> None:
    secret = base64.b32decode(begin_enrolment(session, who=member, session_public_id=HERE))
    set_factor(session, who=member, secret=SECRET, now=NOW)
    session.execute(
        sa.update(SecondFactor).values(
            next_for=HERE, next_sealed=second_factor._seal(session, member, "next_sealed", secret)
        )
    )
    code = authenticator.code(secret=secret, now=NOW)

    with pytest.raises(EnrolmentOver):
        confirm_enrolment(session, who=member, session_public_id=HERE, code=code, replaces=False, now=NOW)
    assert opens(session, member, authenticator.code(now=NOW))


def test_a_new_authenticator_ends_the_one_before_and_its_paper(session: Session, holder: StaffMember) -> None:
    old = replace_recovery_codes(session, who=holder, now=NOW)
    enrol(session, holder, replaces=True)

    assert not opens(session, holder, authenticator.code(now=NOW, steps=1))
    assert not opens(session, holder, old[0])


def test_of_two_confirmations_at_once_one_counts(database: Database) -> None:
    member = database.write(create_member)
    secret = base64.b32decode(
        database.write(lambda session: begin_enrolment(session, who=member, session_public_id=HERE))
    )
    code = authenticator.code(secret=secret, now=NOW)

    def work(_: int) -> bool:
        try:
            database.write(
                lambda session: confirm_enrolment(
                    session, who=member, session_public_id=HERE, code=code, replaces=False, now=NOW
                )
            )
        except EnrolmentOver:
            return False
        return True

    assert sum(run_together(4, work)) == 1
    assert database.read(lambda session: state_of(session, who=member)).codes_left == 10


def test_secrets_lie_sealed_in_the_database(session: Session, holder: StaffMember) -> None:
    begin_enrolment(session, who=holder, session_public_id=HERE)
    row = session.get_one(SecondFactor, holder.id, populate_existing=True)

    assert SECRET not in (row.secret_sealed or b"")
    assert row.secret_sealed != row.next_sealed


# --- codes on paper -----------------------------------------------------------------------------------------------


def test_a_code_on_paper_opens_once_and_its_use_is_told(session: Session, member: StaffMember) -> None:
    codes = enrol(session, member)

    assert opens(session, member, codes[3].upper().replace("-", " "))
    assert not opens(session, member, codes[3])
    assert opens(session, member, codes[4])
    assert state_of(session, who=member).codes_left == 8
    assert acts(session) == ["second_factor.enrolled"] + ["second_factor.recovery_code_used"] * 2


def test_the_codes_on_paper_are_long_different_and_kept_as_hashes(session: Session, member: StaffMember) -> None:
    codes = enrol(session, member)
    stored = set(session.scalars(sa.select(RecoveryCode.code_hash)))

    assert len(set(codes)) == 10
    assert all(len(code.replace("-", "")) == 25 for code in codes), "25 letters of 31: 123 bits"
    assert all(len(kept) == 64 for kept in stored)
    assert not {code.replace("-", "") for code in codes} & stored


def test_new_codes_on_paper_end_the_old(session: Session, member: StaffMember) -> None:
    old = enrol(session, member)
    new = replace_recovery_codes(session, who=member, now=NOW)

    assert not opens(session, member, old[0])
    assert opens(session, member, new[0])
    assert state_of(session, who=member).codes_left == 9


def test_a_code_of_somebody_else_opens_nothing(session: Session, member: StaffMember) -> None:
    codes = enrol(session, member)

    assert not opens(session, create_member(session, "another"), codes[0])
