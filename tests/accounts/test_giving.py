"""Who may give and end which posts, where: every giver, role and place; no write reaches outside the giver's area."""

import itertools
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from server.accounts import staff as accounts
from server.accounts import teams
from server.accounts.leaving import Reason, switch_off, switch_on
from server.accounts.policy import DISTRICT_ROLES, GIVES, Permission, Role
from server.accounts.posts import (
    DistrictRole,
    HeldAlready,
    LineOver,
    NotYoursToGive,
    RolesApart,
    TeamElsewhere,
    Wanted,
    end_post,
    give_post,
    hand_over_ended,
    roles_to_give,
)
from server.accounts.scope import seen_by
from server.accounts.staff import Post, Staff
from server.accounts.staff_models import StaffMember, StaffPost, Team
from server.audit.models import AuditEvent
from server.clock import local_day
from server.crisis import desk
from server.db import Database, run_before_commit
from server.errors import Conflict, DomainError, NotFound
from server.ids import new_public_id
from server.organisations import service as organisations
from server.organisations.models import Department, Level, Organisation
from tests.accounts.test_posts import giver, member_of, new_name, take
from tests.conftest import NOW, run_together
from tests.crisis.district import District

TODAY = local_day(NOW)
DAY = timedelta(days=1)
SECURITY = giver(Role.SECURITY_ADMINISTRATOR)


@pytest.fixture
def district(session: Session) -> District:
    return District(session)


def at(role: Role, node: Organisation, department_id: int | None = None, team_id: int | None = None) -> Staff:
    """A giver whose post is where the table would not put it, in case the table changes."""
    return Staff(-1, new_public_id(), "giver", (Post(role, node.path, bool(node.is_root), department_id, team_id),))


def places(district: District) -> dict[str, Organisation]:
    return {
        "root": district.root,
        "street": district.street,
        "community": district.community,
        "other": district.other_street,
    }


# Which places lie at or below which.
AREAS = {
    "root": {"root", "street", "community", "other"},
    "street": {"street", "community"},
    "community": {"community"},
    "other": {"other"},
}


def is_expected(by: Role, standing: str, role: Role, place: str) -> type[DomainError] | None:
    if role not in GIVES.get(by, ()) or place not in AREAS[standing]:
        return NotYoursToGive
    if role in DISTRICT_ROLES and place != "root":
        return DistrictRole
    return None


@pytest.mark.parametrize("by", Role)
@pytest.mark.parametrize("standing", AREAS)
def test_every_giver_gives_and_ends_what_the_table_says_where_they_stand_and_nowhere_else(
    session, district, by, standing
):
    known = places(district)
    staff = at(by, known[standing])
    for number, (role, place) in enumerate(itertools.product(Role, known)):
        member = member_of(session, f"m{number}")
        wanted, expected = Wanted(role, known[place]), is_expected(by, standing, role, place)
        if expected:
            with pytest.raises(expected):
                give_post(session, member=member, wanted=wanted, by=staff, now=NOW)
            assert not posts_of(session, member)
        else:
            give_post(session, member=member, wanted=wanted, by=staff, now=NOW)
            assert len(posts_of(session, member)) == 1
        offered = place in AREAS[standing] and role in roles_to_give(staff, known[place])
        assert offered == (expected is None)
        if expected is not DistrictRole and not (role in DISTRICT_ROLES and place != "root"):
            check_ending(session, staff, member_of(session, f"e{number}"), wanted, is_refused=expected is not None)


def check_ending(session: Session, staff: Staff, member: StaffMember, wanted: Wanted, *, is_refused: bool) -> None:
    post = give_post(session, member=member, wanted=wanted, by=None, now=NOW - 9 * DAY)
    if is_refused:
        with pytest.raises(NotYoursToGive):
            end_post(session, post_public_id=post.public_id, on=TODAY, by=staff, now=NOW)
        # As the page asks, narrowed, what lies outside is not there at all.
        with seen_by(session, staff, Permission.MANAGE_POSTS), pytest.raises((NotFound, NotYoursToGive)):
            end_post(session, post_public_id=post.public_id, on=TODAY, by=staff, now=NOW)
        assert post.ends_on is None
    else:
        end_post(session, post_public_id=post.public_id, on=TODAY, by=staff, now=NOW)
        assert post.ends_on == TODAY


def posts_of(session: Session, member: StaffMember) -> list[StaffPost]:
    return list(session.scalars(sa.select(StaffPost).where(StaffPost.staff_id == member.id)))


@pytest.fixture
def lines(session: Session) -> list[Department]:
    found = [Department(public_id=new_public_id(), code=code, name=code, is_active=True) for code in ("edu", "health")]
    session.add_all(found)
    session.flush()
    return found


def add_team(session: Session, node: Organisation, name: str = "team") -> Team:
    return teams.add_team(session, place=node, name=name, by=SECURITY, now=NOW)


def test_a_giver_of_one_line_or_team_gives_in_that_line_or_team_alone(session, district, lines):
    here, there = add_team(session, district.street), add_team(session, district.street, "other")
    mine, other = lines
    for by, allowed, refused in (
        (
            at(Role.DISTRICT_MANAGER, district.street, department_id=mine.id),
            {"department": mine},
            [{}, {"department": other}, {"team": here}],
        ),
        (
            at(Role.DISTRICT_MANAGER, district.street, team_id=here.id),
            {"team": here},
            [{}, {"team": there}, {"department": mine}],
        ),
    ):
        wanted = Wanted(Role.CLERK, district.community)
        give_post(session, member=member_of(session, new_name()), wanted=replace(wanted, **allowed), by=by, now=NOW)
        for narrowed in refused:
            with pytest.raises(NotYoursToGive):
                give_post(
                    session, member=member_of(session, new_name()), wanted=replace(wanted, **narrowed), by=by, now=NOW
                )


def test_a_conflict_with_a_post_that_the_giver_does_not_see_is_a_conflict(session, district):
    """A giver at a street is told so, though the other post lies elsewhere."""
    member = member_of(session)
    give_post(session, member=member, wanted=Wanted(Role.AUDITOR, district.root), by=SECURITY, now=NOW)
    by = at(Role.DISTRICT_MANAGER, district.street)
    with seen_by(session, by, Permission.MANAGE_POSTS), pytest.raises(RolesApart) as refusal:
        give_post(session, member=member, wanted=Wanted(Role.DUTY_OFFICER, district.street), by=by, now=NOW)

    assert refusal.value.facts == {"wanted": Role.DUTY_OFFICER, "held": Role.AUDITOR}


def test_a_team_is_one_that_works_there_and_goes_on(session, district):
    near = [add_team(session, node) for node in (district.root, district.street, district.community)]
    far = add_team(session, district.other_street)
    for number, team in enumerate(near):
        wanted = Wanted(Role.CLERK, district.street, team=team)
        give_post(session, member=member_of(session, f"n{number}"), wanted=wanted, by=SECURITY, now=NOW)
    assert {team.id for team in teams.teams_for(session, district.street)} == {team.id for team in near}
    teams.switch_team(session, public_id=near[0].public_id, is_active=False, by=SECURITY, now=NOW)
    for number, team in enumerate((far, near[0])):
        wanted = Wanted(Role.CLERK, district.street, team=team)
        with pytest.raises(TeamElsewhere):
            give_post(session, member=member_of(session, f"f{number}"), wanted=wanted, by=SECURITY, now=NOW)


def test_a_line_that_ended_takes_no_posts(session, district, lines):
    lines[0].is_active = False
    wanted = Wanted(Role.CLERK, district.street, department=lines[0])
    with pytest.raises(LineOver):
        give_post(session, member=member_of(session), wanted=wanted, by=SECURITY, now=NOW)


def test_the_same_post_twice_is_a_form_sent_twice(session, district, lines):
    member, wanted = member_of(session), Wanted(Role.CLERK, district.street)
    give_post(session, member=member, wanted=replace(wanted, ends_on=TODAY + 9 * DAY), by=SECURITY, now=NOW)
    with pytest.raises(HeldAlready):
        give_post(session, member=member, wanted=wanted, by=SECURITY, now=NOW)
    for other in (
        replace(wanted, starts_on=TODAY + 9 * DAY),
        replace(wanted, department=lines[0]),
        replace(wanted, organisation=district.other_street),
        replace(wanted, role=Role.EDITOR),
    ):
        give_post(session, member=member, wanted=other, by=SECURITY, now=NOW)


# --- ends ---------------------------------------------------------------------------------------------------------


def test_a_post_that_ends_today_hands_over_at_once_and_the_worker_looks_once_more(session, district):
    officer = district.hire("leaving")
    alert = take(session, district, officer)
    [post] = session.scalars(sa.select(StaffPost).where(StaffPost.staff_id == officer.id)).all()
    end_post(session, post_public_id=post.public_id, on=TODAY, by=SECURITY, now=NOW, domains=[desk])
    session.refresh(alert)
    assert (alert.acknowledged_by, alert.rings_since) == (None, NOW)
    assert post.handed_over_at is None
    # In that very moment, on a page that had been let in before.
    desk_alert = take(session, district, replace(officer, posts=(Post(Role.DUTY_OFFICER, district.root.path, True),)))
    assert hand_over_ended(session, domains=[desk], now=NOW) == 1
    session.refresh(desk_alert)
    assert desk_alert.acknowledged_by is None


def test_a_post_that_ends_later_keeps_its_work_until_then(session, district):
    officer = district.hire("leaving")
    alert = take(session, district, officer)
    [post] = session.scalars(sa.select(StaffPost).where(StaffPost.staff_id == officer.id)).all()
    end_post(session, post_public_id=post.public_id, on=TODAY + DAY, by=SECURITY, now=NOW, domains=[desk])
    assert hand_over_ended(session, domains=[desk], now=NOW) == 0
    assert alert.acknowledged_by == officer.id
    hand_over_ended(session, domains=[desk], now=NOW + DAY)
    session.refresh(alert)
    assert alert.acknowledged_by is None


def test_work_goes_back_also_where_whoever_ends_the_post_sees_nothing(session, district, lines):
    """The post was of one line; the alert that its holder took over through another post names none."""
    officer = district.hire("leaving", at=district.street)
    alert = take(session, district, officer, at=district.community)
    [post] = session.scalars(sa.select(StaffPost).where(StaffPost.staff_id == officer.id)).all()
    post.department_id = lines[0].id
    by = at(Role.DISTRICT_MANAGER, district.street, department_id=lines[0].id)
    with seen_by(session, by, Permission.MANAGE_POSTS):
        end_post(session, post_public_id=post.public_id, on=TODAY, by=by, now=NOW, domains=[desk])
    session.refresh(alert)

    assert alert.acknowledged_by is None


def test_whoever_is_switched_off_leaves_nothing_lying_and_may_come_back(session, district):
    officer = district.hire("leaving", at=district.street)
    member = session.get_one(StaffMember, officer.id)
    alert = take(session, district, officer, at=district.street)
    off = {"staff_public_id": member.public_id, "by": SECURITY, "now": NOW}
    switch_off(session, reason=Reason.DEVICE_LOST, domains=[desk], **off)
    session.refresh(alert)
    assert alert.acknowledged_by is None
    assert [hand_over_ended(session, domains=[desk], now=NOW) for _ in range(2)] == [1, 0]
    switch_on(session, **off)
    back = accounts.as_staff(session, member, now=NOW)
    again = take(session, district, back, at=district.street)
    switch_off(session, reason=Reason.OTHER, domains=[], **off)
    hand_over_ended(session, domains=[desk], now=NOW)
    session.refresh(again)
    assert again.acknowledged_by is None
    run_before_commit(session)
    acts = session.execute(
        sa.select(AuditEvent.action, AuditEvent.reason).where(AuditEvent.object_id == member.public_id)
    ).all()
    assert ("staff.switched_off", "device_lost") in acts
    assert ("staff.switched_on", "-") in acts


def test_of_two_who_end_one_post_both_are_content_and_one_act_is_told(database: Database):
    def prepare(session: Session) -> str:
        root = organisations.add_organisation(session, code="D", name="D", level=Level.DISTRICT, parent=None)
        post = give_post(session, member=member_of(session), wanted=Wanted(Role.CLERK, root), by=None, now=NOW)
        return post.public_id

    post_id = database.write(prepare)

    def end(number: int) -> None:
        days = (DAY * 3, DAY * 5, DAY * 3, DAY * 5)[number]
        database.write(
            lambda session: end_post(
                session, post_public_id=post_id, on=TODAY + days, by=SECURITY, now=NOW, domains=[desk]
            ),
        )

    run_together(4, end)
    [ends_on] = database.read(lambda session: session.scalars(sa.select(StaffPost.ends_on)).all())
    acts = database.read(lambda session: session.scalars(sa.select(AuditEvent.action)).all())

    assert ends_on == TODAY + 3 * DAY
    assert acts.count("post.ended") in {1, 2}  # the later day may have come first


def test_of_two_who_give_one_post_at_once_one_gives_it(database: Database):
    def prepare(session: Session) -> int:
        organisations.add_organisation(session, code="D", name="D", level=Level.DISTRICT, parent=None)
        return member_of(session).id

    member_id = database.write(prepare)

    def give(number: int) -> bool:
        def work(session: Session) -> None:
            wanted = Wanted(Role.CLERK, session.scalars(sa.select(Organisation)).one())
            give_post(session, member=session.get_one(StaffMember, member_id), wanted=wanted, by=SECURITY, now=NOW)

        try:
            database.write(work)
        except HeldAlready:
            return False
        return True

    assert sorted(run_together(4, give)) == [False, False, False, True]


# --- teams --------------------------------------------------------------------------------------------------------


def test_a_team_has_a_name_of_its_own_at_its_place(session, district):
    first = add_team(session, district.street, "  青苗  社工站 ")
    other = add_team(session, district.street, "另一组")
    add_team(session, district.other_street, "青苗 社工站")
    assert first.name == "青苗 社工站"
    with pytest.raises(teams.TeamNameTaken):
        add_team(session, district.street, "青苗 社工站")
    with pytest.raises(teams.TeamNameTaken):
        teams.rename_team(session, public_id=other.public_id, name="青苗 社工站", by=SECURITY, now=NOW)
    for name in ("", "   ", "长" * 61):
        with pytest.raises(teams.TeamNameNeeded):
            add_team(session, district.street, name)
    teams.rename_team(session, public_id=other.public_id, name="新名", by=SECURITY, now=NOW)
    session.refresh(other)
    assert other.name == "新名"


def test_what_is_done_with_a_team_stands_in_the_trail_once(session, district):
    team = add_team(session, district.street)
    for name in ("新名", "新名"):
        teams.rename_team(session, public_id=team.public_id, name=name, by=SECURITY, now=NOW)
    for is_active in (False, False, True):
        teams.switch_team(session, public_id=team.public_id, is_active=is_active, by=SECURITY, now=NOW)
    run_before_commit(session)

    acts = session.scalars(sa.select(AuditEvent.action).where(AuditEvent.object_kind == "team")).all()
    assert sorted(acts) == ["team.added", "team.renamed", "team.switched_off", "team.switched_on"]


def test_of_two_who_name_a_team_alike_one_does(database: Database):
    def prepare(session: Session) -> int:
        return organisations.add_organisation(session, code="D", name="D", level=Level.DISTRICT, parent=None).id

    root_id = database.write(prepare)

    def add(number: int) -> bool:
        try:
            database.write(lambda session: add_team(session, session.get_one(Organisation, root_id)).id)
        except Conflict:
            return False
        return True

    assert sorted(run_together(3, add)) == [False, False, True]
