"""Teams: who works together under one name, at one node of the tree. A post may be held within a team alone."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from server.accounts.staff import Staff
from server.accounts.staff_models import Team
from server.audit import service as audit
from server.errors import Conflict, Invalid, NotFound
from server.ids import new_public_id
from server.organisations import service as organisations
from server.organisations.models import Organisation
from server.pagination import Asked, Listing, Page

LONGEST_NAME = 60
_MOST_OFFERED = 200
LISTING = Listing("teams", {"name": Team.name}, Team.id, "name")


class TeamNameTaken(Conflict):
    """Another team of the same place has this name."""

    code = "accounts.team_name_taken"


class TeamNameNeeded(Invalid):
    code = "accounts.team_name_needed"


@dataclass(frozen=True, slots=True)
class TeamRow:
    public_id: str
    name: str
    place: str
    is_active: bool


def list_teams(session: Session, *, asked: Asked) -> Page[TeamRow]:
    page = LISTING.page(session, sa.select(Team), asked)
    found = [row[0] for row in page.rows]
    places = organisations.names_by_id(session, {team.organisation_id for team in found})
    return page.of([_as_row(team, places[team.organisation_id]) for team in found])


def get_team(session: Session, *, public_id: str) -> tuple[Team, TeamRow]:
    """Raises NotFound, alike for one of a place that the session does not show."""
    found = session.execute(
        sa.select(Team, Organisation.name)
        .join(Organisation, Organisation.id == Team.organisation_id)
        .where(Team.public_id == public_id)
    ).one_or_none()
    if found is None:
        raise NotFound(team=public_id)
    return found[0], _as_row(*found)


def teams_for(session: Session, place: Organisation) -> list[Team]:
    """Which teams a post at this place may be held in: those that work there, above or below."""
    above = [int(number) for number in place.path.strip("/").split("/")]
    near = sa.or_(Organisation.id.in_(above), organisations.below(place.path))
    return list(
        session.scalars(
            sa.select(Team)
            .join(Organisation, Organisation.id == Team.organisation_id)
            .where(near, Team.is_active.is_(True))
            .order_by(Team.name, Team.id)
            .limit(_MOST_OFFERED)
        )
    )


def add_team(session: Session, *, place: Organisation, name: str, by: Staff, now: datetime) -> Team:
    """Raises TeamNameNeeded, TeamNameTaken."""
    team = Team(public_id=new_public_id(), organisation_id=place.id, name=_checked(name), is_active=True)
    try:
        with session.begin_nested():
            session.add(team)
    except IntegrityError:
        raise TeamNameTaken from None
    _record(session, "team.added", team, by, now)
    return team


def rename_team(session: Session, *, public_id: str, name: str, by: Staff, now: datetime) -> None:
    """Raises NotFound, TeamNameNeeded, TeamNameTaken."""
    team, _ = get_team(session, public_id=public_id)
    wanted = _checked(name)
    if team.name == wanted:
        return
    try:
        with session.begin_nested():
            team.name = wanted
    except IntegrityError:
        raise TeamNameTaken from None
    _record(session, "team.renamed", team, by, now)


def switch_team(session: Session, *, public_id: str, is_active: bool, by: Staff, now: datetime) -> None:
    """Off, it takes no new posts; those held in it go on. Raises NotFound; repeating is harmless."""
    team, _ = get_team(session, public_id=public_id)
    changed = session.execute(
        sa.update(Team).where(Team.id == team.id, Team.is_active.is_(not is_active)).values(is_active=is_active)
    )
    if getattr(changed, "rowcount", 0):
        _record(session, "team.switched_on" if is_active else "team.switched_off", team, by, now)


def _checked(name: str) -> str:
    wanted = " ".join(name.split())
    if not 0 < len(wanted) <= LONGEST_NAME:
        raise TeamNameNeeded(longest=LONGEST_NAME)
    return wanted


def _as_row(team: Team, place: str) -> TeamRow:
    return TeamRow(team.public_id, team.name, place, team.is_active)


def _record(session: Session, action: str, team: Team, by: Staff, now: datetime) -> None:
    audit.record(session, actor=by.actor, action=action, object_kind="team", object_id=team.public_id, now=now)
