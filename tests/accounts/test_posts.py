"""Posts: who gives them, who may not hold what together, and what happens to open work when one ends."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from server.accounts import staff as accounts
from server.accounts.policy import ADMINISTRATORS, DISTRICT_ROLES, Role
from server.accounts.posts import (
    BadDates,
    DistrictRole,
    NotYoursToGive,
    RolesApart,
    Wanted,
    end_post,
    give_post,
    hand_over_ended,
)
from server.accounts.staff import Post, Staff
from server.accounts.staff_models import StaffMember, StaffPost, Team
from server.audit.models import AuditEvent
from server.clock import local_day
from server.crisis import desk
from server.crisis.models import Alert, Outcome
from server.db import Database, run_before_commit
from server.errors import NotFound
from server.ids import new_public_id
from server.organisations import service as organisations
from server.organisations.models import Level, Organisation
from tests.conftest import NOW, run_together
from tests.crisis.district import District

TODAY = local_day(NOW)
DAY = timedelta(days=1)


@pytest.fixture
def district(session: Session) -> District:
    return District(session)


def member_of(session: Session, name: str = "somebody") -> StaffMember:
    return accounts.create_staff(session, login_name=name, display_name=name, password=None, now=NOW)


def giver(role: Role) -> Staff:
    return Staff(-1, new_public_id(), "giver", (Post(role, "/1/", True),))


SECURITY = giver(Role.SECURITY_ADMINISTRATOR)


@pytest.mark.parametrize("role", Role)
def test_the_manager_of_the_district_gives_ordinary_posts_and_no_others(session, district, role):
    wanted = Wanted(role, district.root)
    if role in DISTRICT_ROLES:
        with pytest.raises(NotYoursToGive):
            give_post(session, member=member_of(session), wanted=wanted, by=giver(Role.DISTRICT_MANAGER), now=NOW)
    else:
        give_post(session, member=member_of(session), wanted=wanted, by=giver(Role.DISTRICT_MANAGER), now=NOW)


def test_nobody_gives_themselves_a_post_or_ends_their_own(session, district):
    member = member_of(session)
    post = give_post(session, member=member, wanted=Wanted(Role.CLERK, district.root), by=SECURITY, now=NOW)
    themselves = Staff(member.id, member.public_id, "x", SECURITY.posts)
    with pytest.raises(NotYoursToGive):
        give_post(session, member=member, wanted=Wanted(Role.EDITOR, district.root), by=themselves, now=NOW)
    with pytest.raises(NotYoursToGive):
        end_post(session, post_public_id=post.public_id, on=TODAY, by=themselves, now=NOW)


@pytest.mark.parametrize("role", sorted(DISTRICT_ROLES))
def test_a_role_of_the_whole_district_knows_no_street_and_no_team(session, district, role):
    team = Team(public_id=new_public_id(), organisation_id=district.root.id, name="team", is_active=True)
    session.add(team)
    session.flush()
    for wanted in (Wanted(role, district.street), Wanted(role, district.root, team=team)):
        with pytest.raises(DistrictRole):
            give_post(session, member=member_of(session, new_name()), wanted=wanted, by=SECURITY, now=NOW)


def new_name() -> str:
    return f"n{new_public_id().lower().replace('_', '-')}"


@pytest.mark.parametrize(("starts", "ends"), [(TODAY, TODAY), (TODAY, TODAY - DAY)])
def test_a_post_ends_after_it_begins(session, district, starts, ends):
    wanted = Wanted(Role.CLERK, district.root, starts_on=starts, ends_on=ends)
    with pytest.raises(BadDates):
        give_post(session, member=member_of(session), wanted=wanted, by=SECURITY, now=NOW)


@pytest.mark.parametrize(
    ("first", "second", "is_refused"),
    [
        ((None, None), (None, None), True),
        ((TODAY, TODAY + 9 * DAY), (TODAY + 8 * DAY, None), True),
        ((TODAY + 5 * DAY, None), (TODAY, TODAY + 6 * DAY), True),
        ((TODAY, TODAY + 9 * DAY), (TODAY + 9 * DAY, None), False),
        ((TODAY + 5 * DAY, None), (TODAY, TODAY + 5 * DAY), False),
    ],
)
def test_powers_that_stay_apart_stay_apart_on_every_day(session, district, first, second, is_refused):
    member = member_of(session)

    def give(role, dates):
        wanted = Wanted(role, district.root, starts_on=dates[0], ends_on=dates[1])
        give_post(session, member=member, wanted=wanted, by=SECURITY, now=NOW)

    give(Role.AUDITOR, first)
    if is_refused:
        with pytest.raises(RolesApart):
            give(Role.SYSTEM_ADMINISTRATOR, second)
    else:
        give(Role.SYSTEM_ADMINISTRATOR, second)


def test_of_two_who_give_one_person_powers_that_stay_apart_one_is_refused(database: Database):
    def prepare(session: Session) -> int:
        organisations.add_organisation(session, code="D", name="D", level=Level.DISTRICT, parent=None)
        return member_of(session).id

    member_id = database.write(prepare)
    roles = sorted(ADMINISTRATORS)

    def give(number: int) -> bool:
        def work(session: Session) -> None:
            member = session.get_one(StaffMember, member_id)
            wanted = Wanted(roles[number], session.scalars(sa.select(Organisation)).one())
            give_post(session, member=member, wanted=wanted, by=SECURITY, now=NOW)

        try:
            database.write(work)
        except RolesApart:
            return False
        return True

    assert sorted(run_together(3, give)) == [False, False, True]


def test_ending_twice_is_harmless_and_one_act(session, district):
    post = give_post(session, member=member_of(session), wanted=Wanted(Role.CLERK, district.root), by=SECURITY, now=NOW)
    for _ in range(2):
        end_post(session, post_public_id=post.public_id, on=TODAY, by=SECURITY, now=NOW)
    run_before_commit(session)

    acts = session.scalars(sa.select(AuditEvent.action).where(AuditEvent.object_kind == "post")).all()
    assert sorted(acts) == ["post.ended", "post.given"]
    assert post.ends_on == TODAY
    with pytest.raises(NotFound):
        end_post(session, post_public_id=new_public_id(), on=TODAY, by=SECURITY, now=NOW)
    with pytest.raises(BadDates):
        end_post(session, post_public_id=post.public_id, on=TODAY - DAY, by=SECURITY, now=NOW)


# --- what was taken over goes back to the node --------------------------------------------------------------------


def take(session: Session, district: District, officer: Staff, **how: object) -> Alert:
    alert = district.alert(is_reachable=True, **how)
    desk.acknowledge(session, public_id=alert.public_id, staff=officer, now=NOW)
    session.refresh(alert)
    return alert


def end_all(session: Session, officer: Staff, at: Organisation | None = None) -> None:
    posts = session.scalars(sa.select(StaffPost).where(StaffPost.staff_id == officer.id)).all()
    for post in posts:
        if at is None or post.organisation_id == at.id:
            end_post(session, post_public_id=post.public_id, on=TODAY, by=SECURITY, now=NOW)


def test_open_work_of_a_post_that_ended_waits_for_somebody_again_and_rings(session, district):
    officer = district.hire("leaving")
    alert, done = take(session, district, officer), take(session, district, officer)
    desk.close(session, public_id=done.public_id, staff=officer, outcome=Outcome.REACHED, now=NOW)
    end_all(session, officer)
    later = NOW + timedelta(minutes=1)
    for _ in range(2):
        hand_over_ended(session, domains=[desk], now=later)
    session.refresh(done)

    assert (alert.acknowledged_by, alert.acknowledged_at, alert.rings_since) == (None, None, later)
    assert done.acknowledged_by == officer.id
    board = desk.board(session, staff=district.hire("staying"))
    assert [row.public_id for row in board.ringing] == [alert.public_id]
    run_before_commit(session)
    acts = session.scalars(sa.select(AuditEvent.action).where(AuditEvent.object_id == alert.public_id)).all()
    assert acts.count("alert.handed_over") == 1


def test_work_that_another_post_still_covers_stays(session, district):
    officer = district.hire("moving", at=district.street, also=district.other_street)
    here = take(session, district, officer, at=district.street)
    there = take(session, district, officer, at=district.other_street)
    end_all(session, officer, district.street)
    hand_over_ended(session, domains=[desk], now=NOW)

    assert here.acknowledged_by is None
    assert there.acknowledged_by == officer.id


def test_a_post_that_lasts_hands_nothing_over(session, district):
    officer = district.hire("staying")
    alert = take(session, district, officer)
    assert hand_over_ended(session, domains=[desk], now=NOW) == 0
    assert alert.acknowledged_by == officer.id
